"""Running the tests again and again: what is run, what is remembered, what is told."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from tests import steady
from tests.steady import (
    BUSY,
    COMBINATIONS,
    MARKERS,
    Run,
    busy_processes,
    last_line,
    main,
    read,
    red,
    time_factor,
)
from tests.subprocesses import run_python
from tests.waiting import wait_for

OUTPUT = """
FAILED tests/a/test_b.py::test_c[one two] - AssertionError: assert 1 == 2
FAILED tests/a/test_b.py::test_c[one two] - AssertionError: assert 1 == 2
ERROR tests/a/test_d.py::test_e
================= 1 failed, 3 passed, 1 error in 12.34s =================
"""


def fake_tests(monkeypatch: pytest.MonkeyPatch, *codes: int | type[BaseException]) -> list[tuple[int, int]]:
    """The n-th run of pytest comes to the n-th exit code; the combinations that were run."""
    left, seen = iter(codes), list[tuple[int, int]]()

    def once(number: int, tested: str, seed: int, state: Path) -> Run:
        code = next(left)
        if not isinstance(code, int):
            raise code
        busy, processes = COMBINATIONS[number % len(COMBINATIONS)]
        seen.append((busy, processes))
        return Run(tested, busy, processes, seed, code, 1.0, "told", ("tests/x.py::test_y",) if code else ())

    monkeypatch.setattr(steady, "once", once)
    monkeypatch.setattr(steady, "tree", lambda: "abc")
    return seen


def test_runs_go_round_the_combinations(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen = fake_tests(monkeypatch, *[0] * 10)
    assert main(["--runs", "10"], tmp_path) == 0
    assert seen == [*COMBINATIONS, COMBINATIONS[0]]
    assert set(COMBINATIONS) == {(busy, processes) for busy in (0, 1, 4) for processes in (0, 2, 8)}


def test_an_interruption_costs_the_run_that_was_under_way_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_tests(monkeypatch, 0, 1, KeyboardInterrupt)
    assert main(["--runs", "4"], tmp_path) == 130
    assert "goes on after run 2" in capsys.readouterr().err
    seen = fake_tests(monkeypatch, 0, 0)
    assert main(["--runs", "4"], tmp_path) == 1, "the second run of the first time was red"
    assert seen == [*COMBINATIONS[2:4]]
    told = capsys.readouterr().out
    assert "3 of 4 green (abc)" in told
    assert "red: tests/x.py::test_y" in told
    seed = read(tmp_path)[1].seed
    assert (
        f"run 2: 4 busy neighbours, 2 processes: pytest -v --color=no -p randomly --randomly-seed={seed}"
        in told
    )


def test_runs_of_another_tree_do_not_count(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_tests(monkeypatch, 1)
    assert main(["--runs", "1"], tmp_path) == 1
    seen = fake_tests(monkeypatch, 0)
    monkeypatch.setattr(steady, "tree", lambda: "def")
    assert main(["--runs", "1"], tmp_path) == 0
    assert len(seen) == 1


def test_again_forgets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_tests(monkeypatch, 1, 0)
    main(["--runs", "1"], tmp_path)
    assert main(["--runs", "1", "--again"], tmp_path) == 0


def test_a_line_that_was_cut_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "runs.jsonl").write_text('{"tree": "abc", "bu')
    assert read(tmp_path) == []


def test_what_pytest_says_is_understood() -> None:
    assert red(OUTPUT) == ("tests/a/test_b.py::test_c[one two]", "tests/a/test_d.py::test_e")
    assert last_line(OUTPUT) == "1 failed, 3 passed, 1 error in 12.34s"
    assert last_line("12 passed, 1 skipped in 1.30s\n") == "12 passed, 1 skipped in 1.30s"
    assert last_line("Killed") == "pytest did not get to its end"


def test_what_crashed_is_red_without_a_summary() -> None:
    crashed = "[gw0] [ 91%] PASSED tests/a.py::test_a \n[gw1] [ 92%] FAILED tests/b.py::test_b[1] \n[gw0] n"
    assert red(crashed) == ("tests/b.py::test_b[1]",)


def test_a_run_that_does_not_end_is_ended(tmp_path: Path) -> None:
    endless = [sys.executable, "-uc", "print('begun')\nwhile True: pass"]
    with (tmp_path / "log").open("w") as file:
        assert steady.ended(endless, file, {}, limit_s=5.0) == steady.TIMED_OUT


def test_limits_grow_with_what_shares_a_core() -> None:
    assert time_factor(0, 0, cores=2) == 1.0
    assert time_factor(4, 8, cores=2) == 12.0
    assert time_factor(0, 2, cores=64) == 1.0


def test_one_run_from_its_start_to_its_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tests = tmp_path / "test_it.py"
    tests.write_text(
        "import os\n"
        "def test_red(): assert os.environ['STREAMSEG_TEST_TIME_FACTOR'] == 'red'\n"
        "def test_green(): pass\n"
    )
    monkeypatch.setattr(steady, "command", lambda *_: [sys.executable, "-m", "pytest", "-q", str(tests)])
    monkeypatch.setattr(steady, "COMBINATIONS", ((1, 0),))
    run = steady.once(0, "abc", 7, tmp_path)
    assert (run.busy, run.processes, run.seed, run.exit_code) == (1, 0, 7, 1)
    assert run.told.startswith("1 failed, 1 passed in")
    assert [test.rpartition("/")[2] for test in run.red] == ["test_it.py::test_red"]
    assert (tmp_path / "run-1.log").exists()


def cpu_ticks(pid: int) -> int:
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return int(stat[11]) + int(stat[12])


def test_neighbours_are_busy_and_end() -> None:
    with busy_processes(2) as busy:
        for process in busy:
            wait_for(lambda process=process: cpu_ticks(process.pid) > 20)  # type: ignore[misc]
    assert [process.returncode for process in busy] == [-signal.SIGKILL] * 2


def test_neighbours_of_one_that_was_killed_end_too() -> None:
    code = f"""
import os, subprocess, sys
command = [sys.executable, "-c", {BUSY!r}, str(os.getpid())]
nothing = subprocess.DEVNULL
print(subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing).pid)
"""

    def is_gone() -> bool:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
        except OSError:
            return True
        return stat.rpartition(")")[2].split()[0] in "ZX"  # ended, and whoever took it in does not look

    pid = int(run_python(code))
    wait_for(is_gone)


def test_it_runs_what_make_test_runs() -> None:
    makefile = (steady.ROOT / "Makefile").read_text(encoding="utf-8")
    assert f"-m '{MARKERS}'" in makefile
