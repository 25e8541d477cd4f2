from __future__ import annotations

import sys
from pathlib import Path

import pytest

from streamseg.cli import main
from streamseg.inference.packages.package import open_package
from tests.capture.conftest import write_clip
from tests.fakes.packages import make_package


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STREAMSEG_MODEL_PATH", str(tmp_path / "engines"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return make_package(tmp_path / "engines").path


def test_a_clip_makes_a_package_in_int8(
    engine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = str(write_clip(tmp_path / "clip.mp4", frames=30))
    asked = ["model", "calibrate", "tiny", "--from", clip, "--frames", "20", "--max-loss", "30"]
    assert main(asked) == 0
    told = capsys.readouterr()
    assert "onnxruntime" in told.out
    assert "(limit: 30); 0 layers stay in float" in told.out
    assert "taking pictures" in told.err
    made = open_package(tmp_path / "engines" / "tiny-int8")
    assert made.manifest.int8 is not None
    assert main(["model", "info", "tiny-int8"]) == 0
    assert "int8     costs" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--from", "missing.mp4"], 1, "missing.mp4: "),
        (["--from", ".", "--data", "nowhere"], 1, "nowhere: expected a recipe, or a folder"),
        (["--from", ".", "--frames", "3"], 2, "--frames"),
        ([], 2, "--from"),
    ],
)
def test_wrong_use_is_told(
    engine: Path, capsys: pytest.CaptureFixture[str], options: list[str], code: int, said: str
) -> None:
    assert main(["model", "calibrate", "tiny", *options]) == code
    assert said in capsys.readouterr().err


def test_without_its_extra_it_names_it(
    engine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "streamseg.quantise.calibrate", None)
    assert main(["model", "calibrate", "tiny", "--from", "."]) == 78
    assert "pip install 'streamseg[quantise]'" in capsys.readouterr().err
