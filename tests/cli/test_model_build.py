"""`streamseg model build`: built in another process, shown as it goes, found by whoever loads."""

from __future__ import annotations

import io
import logging
from pathlib import Path

import pytest

from streamseg.cli import main
from streamseg.cli.model_build import shown
from streamseg.inference import build_process
from streamseg.inference.backends.registry import load_engine
from streamseg.inference.cache.store import CompileCache
from tests.fakes import slow
from tests.fakes.packages import make_package


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_package_is_built_and_then_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    package, cache = make_package(tmp_path), tmp_path / "cache"
    arguments = ["model", "build", str(package.path), "--backend", "openvino", "--precision", "fp32"]
    assert main([*arguments, "--threads", "1", "--cache-dir", str(cache)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == ["tiny: segmenter", "tiny: stabiliser", "tiny: readout"]
    assert lines[3].startswith("tiny: built for openvino ")
    assert ", f32 (f32 as configured; " in lines[3]
    stamps = [entry.made_unix_s for entry in CompileCache(cache).entries()]
    with caplog.at_level(logging.WARNING):
        load_engine(package, "openvino", "f32", threads=1, cache_dir=cache)
    assert [entry.made_unix_s for entry in CompileCache(cache).entries()] == stamps
    assert caplog.messages == []


def test_a_builder_that_crashes_is_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    package = make_package(tmp_path)
    monkeypatch.setattr(build_process, "COMMAND", (*slow.COMMAND[:1], "-c", "import os; os.abort()"))
    assert main(["model", "build", str(package.path), "--cache-dir", str(tmp_path / "cache")]) == 1
    assert capsys.readouterr().err == "streamseg: tiny: the builder crashed (SIGABRT)\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--precision", "f8"], "must be one of auto, f32"),
        (["--backend", "tensorfloat"], "must be one of auto"),
        (["--max-batch", "0"], "greater than or equal to 1"),
    ],
)
def test_what_is_none_of_the_words_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    package = make_package(tmp_path)
    assert main(["model", "build", str(package.path), *arguments]) == 2
    assert told in " ".join(capsys.readouterr().err.replace("│", " ").split())


def test_a_terminal_gets_a_bar() -> None:
    out = Terminal()
    with shown("tiny", out) as progress:
        assert progress("segmenter", 1, 2)
        assert progress("segmenter", 2, 2)
    assert "segmenter" in out.getvalue()
    assert "100%" in out.getvalue()


def test_elsewhere_each_phase_is_a_line() -> None:
    out = io.StringIO()
    with shown("tiny", out) as progress:
        for phase in ("parse", "build", "parse"):
            for step in range(3):
                assert progress(phase, step, 2)
    assert out.getvalue() == "tiny: parse\ntiny: build\n"
