"""The runner on steps of its own; and, with genuine pycuda on a stand-in driver, all of the check."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.clip import ROOT
from benchmarks.gpu.check import TIMED_OUT, Check, environment
from benchmarks.gpu.stage import PARTS
from benchmarks.gpu.steps import Step, steps
from tests.parts import cuda
from tests.waiting import time_limit, wait_for


def python(name: str, code: str, seconds: int = 60) -> Step:
    return Step(name, seconds, (sys.executable, "-c", code))


def run(out: Path, wanted: list[Step], budget_s: float = 600) -> list[dict[str, Any]]:
    list(Check(out, budget_s, dict(os.environ)).run(wanted))
    return [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]


def test_what_each_step_found_is_kept_with_its_exit_code(tmp_path: Path) -> None:
    good = python("good", "print('words'); print('{\"ms\": 3}'); print('{broken')")
    bad = python("bad", "import sys; sys.exit('it went wrong')")
    first, second = run(tmp_path / "out", [good, bad])
    assert (first["step"], first["code"], first["found"]) == ("good", 0, [{"ms": 3}])
    assert (second["step"], second["code"], second["found"]) == ("bad", 1, [])
    log = (tmp_path / "out" / "log.txt").read_text()
    assert "words" in log
    assert "it went wrong" in log


def test_a_step_out_of_time_is_ended_with_its_children_and_keeps_what_it_found(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, threading\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import threading; threading.Event().wait()'])\n"
        "print('{\"child\": %d}' % child.pid, flush=True)\n"
        "threading.Event().wait()"
    )
    slow, after = run(tmp_path, [python("slow", code, seconds=5), python("after", "pass")])
    assert slow["code"] == TIMED_OUT
    assert after["code"] == 0
    wait_for(lambda: has_ended(slow["found"][0]["child"]))


def has_ended(pid: int) -> bool:
    """Whether a process is gone, or is a zombie that nobody has waited for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_what_does_not_fit_into_the_time_is_left_out_and_said(tmp_path: Path) -> None:
    (left,) = run(tmp_path, [python("late", "pass")], budget_s=1)
    assert (left["step"], left["code"]) == ("late", None)


def test_results_are_on_disk_before_the_next_step_begins(tmp_path: Path) -> None:
    count = f"print(open({str(tmp_path / 'results.jsonl')!r}).read().count('step'))"
    run(tmp_path, [python("one", "pass"), python("two", count)])
    assert "\n1\n" in (tmp_path / "log.txt").read_text()


def test_the_first_masks_come_before_all_else() -> None:
    names = [step.name for step in steps() if step.required]
    assert names[:2] == ["masks-cuda", "daemon-cuda"]
    assert len(set(names)) == len(names)


def test_a_genuine_tensorrt_comes_before_the_stand_in(tmp_path: Path) -> None:
    env = environment(tmp_path / "staged", tmp_path / "work", [])
    folders = env["PYTHONPATH"].split(os.pathsep)
    assert folders.index(str(tmp_path / "staged" / "site")) < folders.index(
        str(tmp_path / "work" / "stand-in")
    )
    assert "STREAMSEG_STAND_IN_PROVIDER" not in env


def check(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.gpu.check", *arguments]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, **env}
    )


def test_a_bundle_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    done = check("--bundle", str(tmp_path), "--staged", str(tmp_path / "staged"))
    assert done.returncode == 1
    assert done.stderr == f"gpu check: parts not staged yet: {', '.join(PARTS)}\n"


@pytest.mark.skipif(Path("/dev/nvidiactl").exists(), reason="there is a GPU here")
def test_without_a_gpu_it_says_so_in_one_line(tmp_path: Path) -> None:
    done = check("--out", str(tmp_path))
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "no GPU to check" in done.stderr


@pytest.mark.real
@pytest.mark.timeout(time_limit(1800))
def test_all_of_it_runs_on_the_stand_in_driver(tmp_path: Path) -> None:
    folder = cuda.pycuda_folder()
    driver = cuda.stand_in(folder)
    if Path("/dev/nvidiactl").exists():
        pytest.skip("there is a GPU here: `make gpu-check` is the real one")
    done = check("--seconds", "1500", "--out", str(tmp_path), "--stand-in", str(driver.parent), str(folder))
    results = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    wanted = steps(dry_run=True)
    assert {one["step"]: one["code"] for one in results} == dict.fromkeys(
        (step.name for step in wanted), 0
    ), (tmp_path / "log.txt").read_text()[-4000:]
    assert done.returncode == 0
    masks = {one["step"]: one["found"][0] for one in results if "masks" in one["step"]}
    assert masks["tensorrt-masks-f32"]["equal_steadied_least"] >= 0.999
    assert masks["tensorrt-masks-f32"]["version"].endswith("+stand-in")
    tests = [line for line in (tmp_path / "log.txt").read_text().splitlines() if " passed" in line]
    assert len(tests) == 2
