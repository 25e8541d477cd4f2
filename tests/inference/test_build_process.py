"""A builder that crashes is a message; one that is through is a result; none is left behind."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path

import pytest

from streamseg.errors import EngineError, PackageError
from streamseg.inference.build import Order
from streamseg.inference.build_process import BuildProcess
from streamseg.inference.cache.store import CompileCache
from streamseg.inference.packages.package import Package
from tests.fakes import slow
from tests.waiting import time_limit, wait_for

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def order(package: Package, tmp_path: Path) -> Order:
    return Order(package.path, "slow", "f32", 1, 1, tmp_path / "cache", gently=True)  # type: ignore[arg-type]


def go_on(*_: object) -> bool:
    return True


def is_gone(process: BuildProcess) -> bool:
    """Whether the builder has ended and was waited for: its number means no child of ours any more."""
    assert process._child is not None
    with pytest.raises(ChildProcessError):
        os.waitpid(process._child.pid, os.WNOHANG)
    return process._child.returncode is not None


def test_the_result_and_the_steps_arrive(order: Order, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []

    def progress(*step: object) -> bool:
        seen.append(step)  # type: ignore[arg-type]
        return True

    process = BuildProcess(order, slow.COMMAND)
    info = process.run(progress)
    assert (info.backend, info.device) == ("slow", "fake device")
    assert [phase for phase, done, of in seen if done == of] == ["segmenter", "stabiliser", "readout"]
    assert len(CompileCache(tmp_path / "cache").entries()) == 3
    assert is_gone(process)


@pytest.mark.parametrize(
    ("fate", "told"),
    [
        (
            "segfault",
            r"the builder crashed \(SIGSEGV\): a library that prints / first words / last words before seg",
        ),
        (
            "too little memory",
            "tiny: the builder was killed; if nobody did that, there was too little memory",
        ),
        (
            "exit",
            "tiny: the builder ended with 3: a library that prints / first words / last words before exit",
        ),
        ("bug", "tiny: the builder ended with 1: .*ZeroDivisionError"),
        ("engine", "^it does not compile$"),
    ],
)
def test_whatever_becomes_of_it_is_an_error_for_people(
    order: Order, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fate: str, told: str
) -> None:
    monkeypatch.setenv("SLOW_FATE", fate)
    with pytest.raises(EngineError, match=told):
        BuildProcess(order, slow.COMMAND).run(go_on)
    assert CompileCache(tmp_path / "cache").entries() == []
    monkeypatch.delenv("SLOW_FATE")
    BuildProcess(order, slow.COMMAND).run(go_on)


def test_one_that_cannot_be_started_is_an_error_too(order: Order, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="tiny: the builder cannot be started: No such file"):
        BuildProcess(order, [str(tmp_path / "absent")]).run(go_on)


def test_a_package_error_stays_one(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLOW_FATE", "package")
    with pytest.raises(PackageError, match="no graph for me"):
        BuildProcess(order, slow.COMMAND).run(go_on)


def test_whoever_does_not_want_to_go_on_stops_it(
    order: Order, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLOW_GATE", str(tmp_path / "never"))
    process = BuildProcess(order, slow.COMMAND)
    with pytest.raises(EngineError, match="tiny: building it was stopped"):
        process.run(lambda *_: False)
    assert is_gone(process)


def test_it_can_be_cancelled_from_another_thread(
    order: Order, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLOW_GATE", str(tmp_path / "never"))
    process, begun, errors = BuildProcess(order, slow.COMMAND), threading.Event(), list[str]()

    def progress(*_: object) -> bool:
        begun.set()
        return True

    def run() -> None:
        try:
            process.run(progress)
        except EngineError as error:
            errors.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    assert begun.wait(time_limit(60))
    assert process.running
    process.cancel()
    process.cancel()
    thread.join(time_limit(60))
    wait_for(lambda: not process.running)
    assert errors == ["tiny: building it was stopped"]
    with pytest.raises(EngineError, match="was stopped"):
        process.run(progress)


def test_what_the_builder_warns_of_is_in_the_log(
    order: Order, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    BuildProcess(order, slow.COMMAND).run(go_on)
    path = CompileCache(tmp_path / "cache").entries()[0].path
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with caplog.at_level(logging.INFO):
        BuildProcess(order, slow.COMMAND).run(go_on)
    assert f"{path} is not used: damaged: its checksum is another; compiling again" in caplog.text
    assert not [entry for entry in CompileCache(tmp_path / "cache").entries() if entry.problem]


def test_the_builder_ends_with_whoever_wanted_it(
    order: Order, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import subprocess

    monkeypatch.setenv("SLOW_GATE", str(tmp_path / "never"))
    with subprocess.Popen(
        [*slow.COMMAND, order.json], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        assert b"step" in child.stdout.readline()
        child.stdin.close()
        wait_for(lambda: child.poll() is not None)
        assert child.returncode == 1


def test_no_module_of_the_working_folder_runs_in_the_builder(
    package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder may be anybody's, as /tmp is."""
    folder = tmp_path / "somewhere"
    folder.mkdir()
    for name in ("yaml", "numpy", "streamseg"):
        (folder / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nraise SystemExit(9)\n")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # our own code also where it is not installed
    order = Order(package.path, "onnxruntime", cache_dir=tmp_path / "cache")
    with pytest.raises(EngineError, match="onnxruntime builds nothing ahead"):
        BuildProcess(order).run(go_on)
    assert not (tmp_path / "ran").exists()
