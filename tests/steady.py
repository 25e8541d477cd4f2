"""The tests again and again: beside busy processes, shared among processes, in random order.

    python -m tests.steady --runs 10 [--again]        (or: make test-steady N=10)

Each run is one of the combinations of busy neighbours (processes that do nothing but compute) and processes
that share the tests, in turn, with an order of its own. What was run is kept in `.cache/test-steady/`: after
an interruption it goes on where it was. Runs of another commit, or of other changes to one, do not count.
At the end it tells which tests were ever red, and how to run them like that again. Exit code 1: some were.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".cache" / "test-steady"
COMBINATIONS = tuple(itertools.product((4, 1, 0), (8, 2, 0)))  # busy neighbours, processes; the hardest first
MARKERS = "not real and not gpu"  # as `make test`; the long ones never run unasked
# Ends with whoever started it, whose number it is given, also where that one is killed.
BUSY = """
import os, sys
while os.getppid() == int(sys.argv[1]):
    for _ in range(10**6):
        pass
"""
LIMIT_S = 3600.0  # of one run; longer, and it will not end
TIMED_OUT = 124  # exit code, as coreutils' `timeout` has it
# In the summary, or where it happened: a run in which a process crashed may not come to its summary.
_RED = re.compile(r"^(?:\[gw\d+\] \[ *\d+%\] )?(?:FAILED|ERROR) (.+?)(?: - .*)?\s*$", re.MULTILINE)
_SUMMARY = re.compile(r"^=*\s*(\d+ (?:passed|failed|error).* in [\d.]+s.*?)\s*=*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Run:
    """One run of all tests.

    Attributes:
        tree: What was tested, see `tree`.
        busy: Busy neighbours.
        processes: Processes that shared the tests; 0: none but pytest's own.
        seed: Of the order.
        exit_code: pytest's.
        seconds: How long it took.
        told: pytest's last line.
        red: Node ids of tests that failed or could not be run.
    """

    tree: str
    busy: int
    processes: int
    seed: int
    exit_code: int
    seconds: float
    told: str
    red: tuple[str, ...]


def time_factor(busy: int, processes: int, cores: int) -> float:
    """By how much all time limits grow: twice as many as there are processes to a core, at least 1."""
    return max(1.0, 2.0 * (busy + max(1, processes)) / cores)


def command(processes: int, seed: int) -> list[str]:
    """pytest on all tests, in the order of a seed; files stay together, as in `make test`."""
    # the order alone: random numbers are those of tests/conftest.py
    order = ["-p", "randomly", f"--randomly-seed={seed}", "--randomly-dont-reset-seed"]
    share = ["-n", str(processes), "--dist", "loadfile"]
    return [sys.executable, "-m", "pytest", "-v", "--color=no", *order, *share, "-m", MARKERS]


@contextmanager
def busy_processes(count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """So many processes that compute for the length of a `with` block."""
    busy = [subprocess.Popen([sys.executable, "-c", BUSY, str(os.getpid())]) for _ in range(count)]
    try:
        yield busy
    finally:
        for process in busy:
            process.kill()
            process.wait()


def red(output: str) -> tuple[str, ...]:
    """Node ids that pytest's short summary tells of, each once."""
    return tuple(dict.fromkeys(_RED.findall(output)))


def last_line(output: str) -> str:
    """What pytest says at its end: how many passed and failed, in how long."""
    found = _SUMMARY.findall(output)
    return found[-1] if found else "pytest did not get to its end"


def tree(root: Path = ROOT) -> str:
    """The commit, and a digest of what differs from it."""

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=root, capture_output=True, text=True, check=True
        ).stdout

    commit, difference = git("rev-parse", "--short", "HEAD").strip(), git("diff", "HEAD")
    return f"{commit}+{hashlib.sha256(difference.encode()).hexdigest()[:8]}" if difference else commit


def read(state: Path) -> list[Run]:
    """The runs that were finished, in their order; a line cut by an interruption is none."""
    path = state / "runs.jsonl"
    runs = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        runs.append(Run(**{**entry, "red": tuple(entry["red"])}))
    return runs


def keep(run: Run, state: Path) -> None:
    """Adds a finished run."""
    with (state / "runs.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(run)) + "\n")


def once(number: int, tested: str, seed: int, state: Path) -> Run:
    """The run of this number, counted from 0; its output is in a file while it lasts, and after it if red."""
    busy, processes = COMBINATIONS[number % len(COMBINATIONS)]
    factor = time_factor(busy, processes, os.cpu_count() or 1)
    log = state / f"run-{number + 1}.log"
    print(f"run {number + 1}: {described(busy, processes)}, seed {seed}, limits × {factor:g}", flush=True)
    began_s = time.monotonic()
    with busy_processes(busy), log.open("w", encoding="utf-8") as file:
        code = ended(command(processes, seed), file, {"STREAMSEG_TEST_TIME_FACTOR": str(factor)})
    output = log.read_text(encoding="utf-8", errors="replace")
    if code == 0:
        log.unlink()
    seconds = round(time.monotonic() - began_s, 1)
    return Run(tested, busy, processes, seed, code, seconds, last_line(output), red(output))


def ended(
    words: Sequence[str], file: IO[str], environment: Mapping[str, str], limit_s: float = LIMIT_S
) -> int:
    """Exit code of a command whose output goes to a file; `TIMED_OUT` of one that had to be killed."""
    try:
        return subprocess.run(
            words,
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=file,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=limit_s,
        ).returncode
    except subprocess.TimeoutExpired:
        return TIMED_OUT


def described(busy: int, processes: int) -> str:
    """A combination in words."""
    return f"{busy} busy neighbours, {processes} processes"


def summary(runs: Sequence[Run]) -> str:
    """What came of the runs: a line each, then every test that was ever red and how to see it again."""
    lines = [f"{'run':>3}  {'busy':>4}  {'processes':>9}  {'seed':>10}  {'seconds':>7}  result"]
    for number, run in enumerate(runs, 1):
        result = run.told if run.exit_code == 0 else f"RED (exit code {run.exit_code}): {run.told}"
        lines.append(
            f"{number:>3}  {run.busy:>4}  {run.processes:>9}  {run.seed:>10}  {run.seconds:>7.0f}  {result}"
        )
    green = sum(run.exit_code == 0 for run in runs)
    lines += ["", f"{green} of {len(runs)} green ({runs[0].tree})" if runs else "no runs"]
    for test in sorted({test for run in runs for test in run.red}):
        lines.append(f"red: {test}")
        lines += [f"     run {n}: {again(run)}" for n, run in enumerate(runs, 1) if test in run.red]
    return "\n".join(lines)


def again(run: Run) -> str:
    """How to have a run's order once more."""
    words = " ".join(command(run.processes, run.seed)[3:-2])
    return f"{described(run.busy, run.processes)}: pytest {words}"


def main(arguments: Sequence[str] | None = None, state: Path = STATE) -> int:
    """The program; returns its exit code."""
    parser = argparse.ArgumentParser(prog="steady", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=10, help="how many in all")
    parser.add_argument("--again", action="store_true", help="forget the runs so far")
    asked = parser.parse_args(arguments)
    state.mkdir(parents=True, exist_ok=True)
    if asked.again:
        (state / "runs.jsonl").unlink(missing_ok=True)
    tested = tree()
    runs = [run for run in read(state) if run.tree == tested]
    try:
        for number in range(len(runs), asked.runs):
            runs.append(once(number, tested, random.SystemRandom().getrandbits(32), state))
            keep(runs[-1], state)
            print(f"run {number + 1}: {runs[-1].told}", *runs[-1].red, sep="\n  ", flush=True)
    except KeyboardInterrupt:
        print(f"interrupted; the same command goes on after run {len(runs)}", file=sys.stderr)
        return 130
    print(f"\n{summary(runs)}")
    return int(any(run.exit_code for run in runs))


if __name__ == "__main__":
    sys.exit(main())
