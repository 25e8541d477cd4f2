"""Nodes that a provider of ONNX Runtime leaves to the CPU: `python -m benchmarks.gpu.placements PROVIDER`.

One JSON object a graph, with the batch open and with N = 1, as ONNX Runtime's own verbose log tells it.
Exits 1 where a node is left to the CPU with N = 1, which is how the product opens its sessions.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from examples.model_option import add_model_option
from streamseg.inference.packages.package import open_package

CPU = "CPUExecutionProvider"
_OPEN = """
import sys, onnxruntime as ort
path, n, provider, cpu = sys.argv[1:]
if hasattr(ort, "preload_dlls"):
    ort.preload_dlls()
options = ort.SessionOptions()
options.log_severity_level, options.log_verbosity_level = 0, 1
if n != "open":
    options.add_free_dimension_override_by_name("N", int(n))
ort.InferenceSession(path, options, providers=list(dict.fromkeys([provider, cpu])))
"""
_PLACED = re.compile(r"placed on \[(\w+)\]\. Number of nodes: (\d+)")
_NODE = re.compile(r"\]\s{2,}(\w+) \(")
_LIMIT_S = 60


def main() -> None:
    """Tells the placements from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("provider", help="ONNX Runtime's name, as CUDAExecutionProvider")
    add_model_option(parser, "--package")
    asked = parser.parse_args()
    package = open_package(asked.model)
    left = []
    for role, entry in package.running("f32").items():
        for n in ("open", "1"):
            found = placements(package.path / entry.file, n, asked.provider)
            print(json.dumps({"graph": role.value, "N": n, **found}), flush=True)
            left += [role.value] if n == "1" and not _good(found, asked.provider) else []
    if left:
        sys.exit(f"{asked.provider} does not take all of {', '.join(left)} with N = 1")


def placements(graph: Path, n: str, provider: str) -> dict[str, Any]:
    """Nodes by provider, and the kinds of those on the CPU; in a process of its own, whose log is read."""
    command = [sys.executable, "-c", _OPEN, str(graph), n, provider, CPU]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_S, check=False)
    nodes, on_cpu = parse(done.stdout + done.stderr)
    last = done.stderr.strip().splitlines()[-1][:300] if done.returncode else ""
    return {"nodes": nodes, "on_cpu": on_cpu, "error": last}


def parse(log: str) -> tuple[dict[str, int], dict[str, int]]:
    """Nodes by provider, and kinds of the nodes on the CPU, from ONNX Runtime's verbose log."""
    where, nodes, on_cpu = "", dict[str, int](), Counter[str]()
    for line in log.splitlines():
        if placed := _PLACED.search(line):
            where = placed[1]
            nodes[where] = int(placed[2])
        elif where == CPU and (node := _NODE.search(line)):
            on_cpu[node[1]] += 1
    return nodes, dict(on_cpu)


def _good(found: dict[str, Any], provider: str) -> bool:
    return not found["error"] and set(found["nodes"]) == {provider}


if __name__ == "__main__":
    main()
