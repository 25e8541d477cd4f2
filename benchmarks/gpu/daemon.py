"""A daemon and a subscriber that counts its masks: `python -m benchmarks.gpu.daemon BACKEND PRECISION`.

Prints one JSON object: masks, gaps, masks a second, age, milliseconds of inference, resident memory, what
`nvidia-smi` says of the process, exit code. Exits 1 where no mask came, one is missing, or the daemon failed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import streamseg
from benchmarks.clip import make_clip
from examples.daemon import ANY_PORT, Daemon, DaemonError, running

_STREAM = "check"
_COMPUTE_MS = ("infer", "stabilise")


def main() -> None:
    """Measures from the command line."""
    asked = _asked()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(asked.backend, asked.precision, asked.seconds, Path(folder))
    print(json.dumps(found))
    if not found["masks"] or found["gaps"] or found["exit_code"]:
        facts = {key: found[key] for key in ("masks", "gaps", "exit_code")}
        sys.exit(f"{asked.backend}: {facts}")


def measure(backend: str, precision: str, seconds: float, folder: Path) -> dict[str, Any]:
    """Runs a daemon on the looped made clip, as fast as it goes, for `seconds` from its first mask on."""
    config = _config(backend, precision, ANY_PORT, make_clip(folder / "clip.mp4"))
    with running(config, folder) as daemon:
        try:
            found = _listen(daemon, daemon.address, seconds)
        except DaemonError:  # its exit code and its log say why
            found = {"masks": 0, "gaps": 0}
        found |= {"rss_mb": round(daemon.memory_mb(), 1), "gpu": _gpu_processes()} if found["masks"] else {}
        code, stop_s = daemon.stop()
        log = daemon.log.read_text(errors="replace").splitlines()
    lines = [line for line in log if "engine" in line][:3] if found["masks"] else log[-12:]
    told = {"backend": backend, "precision": precision, "exit_code": code, "stop_s": round(stop_s, 2)}
    return {**told, **found, "log": lines}


def _config(backend: str, precision: str, address: str, clip: Path) -> dict[str, Any]:
    source = {"url": str(clip), "loop": True, "pace": False}
    return {
        "engine": {"model": "street-lite0", "backend": backend, "precision": precision},
        "publish": {"bind": [address], "hwm": 64},  # who counts must not be the slow one
        "streams": {_STREAM: {"source": source}},
    }


def _listen(daemon: Daemon, address: str, seconds: float) -> dict[str, Any]:
    ages_s: list[float] = []
    compute_ms: list[float] = []
    arrivals_s: list[float] = []
    gaps = 0
    with streamseg.subscribe(address, stream=_STREAM, latest=False, timeout_s=0.5) as masks:
        while daemon.exit_code is None and not (arrivals_s and arrivals_s[-1] - arrivals_s[0] >= seconds):
            try:
                mask = next(masks)
            except TimeoutError:
                continue
            arrivals_s.append(time.monotonic())
            gaps += mask.gaps
            ages_s.append(mask.age_s)
            compute_ms.append(sum(mask.header.ms.get(name, 0.0) for name in _COMPUTE_MS))
    if len(arrivals_s) < 2:
        return {"masks": len(arrivals_s), "gaps": gaps}
    return {
        "masks": len(arrivals_s),
        "gaps": gaps,
        "masks_per_s": round((len(arrivals_s) - 1) / (arrivals_s[-1] - arrivals_s[0]), 2),
        "first_mask_s": round(arrivals_s[0] - daemon.started_mono_s, 2),
        "age_ms_median": round(float(np.median(ages_s)) * 1e3, 2),
        "compute_ms_median": round(float(np.median(compute_ms)), 3),
        "compute_ms_p95": round(float(np.quantile(compute_ms, 0.95)), 3),
    }


def _gpu_processes() -> str:
    if (program := shutil.which("nvidia-smi")) is None:
        return ""
    query = ["--query-compute-apps=pid,used_memory", "--format=csv,noheader"]
    return subprocess.run([program, *query], capture_output=True, text=True, check=False).stdout.strip()


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("backend")
    parser.add_argument("precision")
    parser.add_argument("--seconds", type=float, default=20)
    return parser.parse_args()


if __name__ == "__main__":
    main()
