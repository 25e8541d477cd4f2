"""Run the GPU check: `python -m benchmarks.gpu.check`, here or, with `--bundle`, from parts packed elsewhere.

Every step runs in a process of its own under a time limit. What it found is in `OUT/results.jsonl` as soon as
it ends, one object a step: name, exit code (124: out of time), seconds, and the JSON lines it printed. All
output is in `OUT/log.txt`. Steps that would not fit into `--seconds` are left out, and said. Exits 1 where a
required step failed or was left out. Needs Python's own library only; the steps import the rest.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.gpu.stage import PROJECT, StageError, missing, stage
from benchmarks.gpu.steps import Step, steps

ROOT = Path(__file__).resolve().parents[2]
STAGED = ROOT / "build" / "gpu-staged"
TIMED_OUT = 124  # as timeout(1)
_LEAST_S = 15  # a step with less time than this would be started for nothing
_KILL_S = 10
_STAND_IN_TENSORRT = """import sys
from tests.fakes.tensorrt_on_ort import install
sys.modules[__name__] = install()
"""
_CUDA_LIBRARIES = (
    "libcudnn.so.9",
    "libcublasLt.so.1*",
    "libcudart.so.1*",
    "libcurand.so.10",
    "libcufft.so.1*",
)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a step.

    Attributes:
        step: Its name.
        code: Exit code; None: left out, no time.
        seconds: How long it took.
        found: The JSON objects it printed.
    """

    step: str
    code: int | None
    seconds: float = 0.0
    found: list[dict[str, Any]] = field(default_factory=list)

    def line(self) -> str:
        """As results.jsonl has it."""
        facts = {"step": self.step, "code": self.code, "seconds": self.seconds, "found": self.found}
        return json.dumps(facts)


class Check:
    """Runs steps one after the other within a time budget.

    Args:
        out: Folder of results and log, made where it is missing.
        budget_s: Seconds that all steps may take together.
        env: The steps' environment.
        root: Their working folder, the source tree.
    """

    def __init__(self, out: Path, budget_s: float, env: dict[str, str], root: Path = ROOT) -> None:
        self._out, self._env, self._root = out, env, root
        self._ends_s = time.monotonic() + budget_s
        out.mkdir(parents=True, exist_ok=True)
        for name in ("results.jsonl", "log.txt"):
            (out / name).write_text("", encoding="utf-8")

    def run(self, wanted: list[Step]) -> Iterator[Result]:
        """Runs the steps; each result is on disk before it is yielded."""
        for step in wanted:
            left_s = self._ends_s - time.monotonic()
            result = Result(step.name, None)
            if left_s >= _LEAST_S:
                result = self._run(step, min(step.seconds, left_s))
            with (self._out / "results.jsonl").open("a", encoding="utf-8") as results:
                results.write(result.line() + "\n")
            yield result

    def _run(self, step: Step, limit_s: float) -> Result:
        began_s = time.monotonic()
        output = self._out / "step.txt"
        with output.open("wb") as file:
            code = self._wait(step, file, limit_s)
        seconds = round(time.monotonic() - began_s, 1)
        text = output.read_text(encoding="utf-8", errors="replace")
        output.unlink()
        with (self._out / "log.txt").open("a", encoding="utf-8") as log:
            log.write(f"=== {step.name}: exit code {code}, {seconds} s\n{text}\n")
        return Result(step.name, code, seconds, _objects(text))

    def _wait(self, step: Step, file: Any, limit_s: float) -> int:
        options: dict[str, Any] = {"cwd": self._root, "env": self._env, "stdin": subprocess.DEVNULL}
        process = subprocess.Popen(step.command, stdout=file, stderr=file, start_new_session=True, **options)
        try:
            return process.wait(limit_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 15)
            try:
                process.wait(_KILL_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                process.wait()
            return TIMED_OUT


def _objects(text: str) -> list[dict[str, Any]]:
    found = []
    for line in text.splitlines():
        if line.startswith("{"):
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
    return found


def environment(staged: Path | None, work: Path, stand_in: list[Path]) -> dict[str, str]:
    """The steps' environment.

    Args:
        staged: Where a bundle was unpacked; None: what is installed is used.
        work: For caches.
        stand_in: For a dry run, the folders of a stand-in driver's library and of pycuda; else empty.
    """
    sites = [staged / "site"] if staged else []
    libraries = _cuda_folders() if staged else []
    if stand_in:
        libraries, sites = [stand_in[0]], [*sites, stand_in[1]]
    if stand_in or staged:
        sites.append(_stand_in_tensorrt(work))  # last: a genuine TensorRT comes before it
    return {
        **os.environ,
        "PYTHONPATH": _joined([ROOT, *sites], os.environ.get("PYTHONPATH", "")),
        "LD_LIBRARY_PATH": _joined(libraries, os.environ.get("LD_LIBRARY_PATH", "")),
        "XDG_CACHE_HOME": str(work / "cache"),
        "CUDA_MODULE_LOADING": "LAZY",  # of a pruned library only what runs is looked for
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONUNBUFFERED": "1",
        **({"STREAMSEG_STAND_IN_PROVIDER": "cpu"} if stand_in else {}),
    }


def _joined(folders: list[Path], others: str) -> str:
    return os.pathsep.join([*map(str, folders), *([others] if others else [])])


def _stand_in_tensorrt(work: Path) -> Path:
    folder = work / "stand-in"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tensorrt.py").write_text(_STAND_IN_TENSORRT, encoding="utf-8")
    return folder


def _cuda_folders() -> list[Path]:
    """Where pip has put NVIDIA's libraries: ONNX Runtime finds them by the loader's path."""
    site = Path(sysconfig.get_paths()["platlib"])
    found = {file.parent for name in _CUDA_LIBRARIES for file in site.glob(f"nvidia/**/{name}")}
    return sorted(found)


def main() -> None:
    """Checks from the command line."""
    asked = _asked()
    staged = _staged(asked.bundle, asked.staged)
    root = staged / PROJECT if staged and (staged / PROJECT).is_dir() else ROOT
    env = environment(staged, asked.out / "work", asked.stand_in)
    _require_gpu(env, root)
    wanted = steps(dry_run=bool(asked.stand_in))
    if asked.steps:
        wanted = [step for step in wanted if step.name in asked.steps]
    elif not _imports("tensorrt", env, root):
        print("TensorRT is not installed: its steps are left out")
        wanted = [step for step in wanted if not step.name.startswith("tensorrt-")]
    check = Check(asked.out, asked.seconds, env, root)
    required = {step.name for step in wanted if step.required}
    failed = []
    for result in check.run(wanted):
        print(_words(result), flush=True)
        if result.code != 0 and result.step in required:
            failed.append(result.step)
    print(f"results: {asked.out / 'results.jsonl'}, all output: {asked.out / 'log.txt'}")
    sys.exit(f"gpu check: failed or left out: {', '.join(failed)}" if failed else 0)


def _require_gpu(env: dict[str, str], root: Path) -> None:
    """Exits, in the driver's words, where there is no GPU."""
    probe = [sys.executable, "-m", "benchmarks.gpu.device", "--driver"]
    if code := subprocess.run(probe, env=env, cwd=root, check=False).returncode:
        sys.exit(code)


def _imports(module: str, env: dict[str, str], root: Path) -> bool:
    command = [sys.executable, "-c", f"import {module}"]
    return subprocess.run(command, env=env, cwd=root, check=False, capture_output=True).returncode == 0


def _words(result: Result) -> str:
    if result.code is None:
        return f"{result.step}: left out, no time"
    outcome = {0: "ok", TIMED_OUT: "OUT OF TIME"}.get(result.code, f"FAILED (exit code {result.code})")
    return "\n  ".join([f"{result.step}: {outcome}, {result.seconds} s", *map(json.dumps, result.found)])


def _staged(bundle: list[Path], into: Path) -> Path | None:
    if not bundle:
        return into if not missing(into) else None
    try:
        stage(bundle, into)
    except StageError as error:
        sys.exit(f"gpu check: {error}")
    if left := missing(into):
        sys.exit(f"gpu check: parts not staged yet: {', '.join(left)}")
    return into


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=900, help="time for all steps together")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "gpu-check")
    parser.add_argument("--bundle", type=Path, nargs="+", default=[], help="folders with packed parts")
    parser.add_argument("--staged", type=Path, default=STAGED, help="where parts are unpacked")
    parser.add_argument("--steps", nargs="+", default=[], help="only these")
    parser.add_argument(
        "--stand-in",
        type=Path,
        nargs=2,
        default=[],
        metavar=("DRIVER", "PYCUDA"),
        help="a dry run: folders of a stand-in driver's library and of pycuda",
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
