"""`streamseg model convert`."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from streamseg.cli import main
from streamseg.inference.packages.package import open_package
from tests.convert.tflite.test_integers import saved
from tests.fakes.networks import Foreign, save_network
from tests.fakes.quantized import Quantized
from tests.fakes.tflite import Scale
from tests.waiting import time_limit

TWO = ("--classes", "background,person")


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return str(save_network(tmp_path / "some network.onnx", Foreign("sigmoid", classes=1)))


def test_it_becomes_a_package_that_can_be_named(network: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "convert", network, *TWO, "--license", "Apache-2.0"]) == 0
    told = capsys.readouterr().out
    for part in (
        "network  some network.onnx: 64x48, nchw, any batch size\n",
        "output   the second class's probability, 16x12\n",
        "classes  0 background, 1 person\n",
        "package  engines/some-network: 64x48\n",
        "ms per mask\n",
        "streamseg run --model some-network --temporal ema --source lavfi:",
    ):
        assert part in told
    manifest = open_package("some-network").manifest
    assert (manifest.name, manifest.license, manifest.data) == ("some-network", "Apache-2.0", "not stated")
    assert main(["model", "verify", "some-network"]) == 0


@pytest.mark.parametrize("out", ["", "mine", "a folder/mine", "engines/other"])
def test_what_it_prints_runs(
    network: str, out: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--out", out] if out else []
    assert main(["model", "convert", network, *TWO, *options]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("try it")]
    program, *command = shlex.split(line.removeprefix("try it"))
    assert program == "streamseg"
    here = ["--no-pace", "--bind", f"ipc://{tmp_path}/seg"]  # at once, and beside whatever uses the port
    done = subprocess.run(
        [sys.executable, "-m", "streamseg", *command, *here],
        cwd=tmp_path, capture_output=True, text=True, timeout=time_limit(110), check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_all_that_can_be_said(network: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("names.txt").write_text("background\n\nperson\n", encoding="utf-8")
    options = [
        "--classes", "names.txt", "--mean", "0.485,0.456,0.406", "--std", "0.5", "--bgr", "--layout", "nchw",
        "--output", "sigmoid", "--size", "80x60", "--tensor", "answer:0", "--name", "mine", "--version", "7",
        "--data", "mine too", "--out", "elsewhere/mine",
    ]  # fmt: skip
    assert main(["model", "convert", network, *options]) == 0
    manifest = open_package(Path("elsewhere/mine")).manifest
    assert manifest.size_wh == (80, 60)
    assert (manifest.version, manifest.data) == ("7", "mine too")
    assert "run --model elsewhere/mine" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "code", "problem"),
    [
        ((*TWO, "--mean", "1,2"), 2, "is not one number or three"),
        ((*TWO, "--std", "much"), 2, "is not one number or three"),
        ((*TWO, "--size", "big"), 2, "is not like 640x480"),
        ((*TWO, "--size", "8x8"), 2, "16 to 8192 each"),
        ((*TWO, "--layout", "chwn"), 2, "must be one of auto, nchw, nhwc"),
        ((*TWO, "--output", "masks"), 2, "must be one of auto, logits, labels, sigmoid, logit, two-class"),
        ((*TWO, "--name", "a/b"), 2, "is not 1 to 64 of"),
        (("--classes", "a,b,c"), 78, "has no axis of 3 channels"),
        (("--classes", "a,a"), 78, "a is there more than once"),
    ],
)
def test_mistakes_are_told_for_people(
    network: str, options: tuple[str, ...], code: int, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["model", "convert", network, *options]) == code
    told = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert problem in told
    assert "Traceback" not in told
    assert not Path("engines").exists()


def test_classes_that_cannot_be_read(network: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("names.txt").write_bytes(b"\xff\xfe\xff")
    assert main(["model", "convert", network, "--classes", "names.txt"]) == 78
    assert "names.txt: cannot be read" in capsys.readouterr().err


def test_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "convert", "--help"]) == 0
    told = capsys.readouterr().out
    assert "streamseg model convert selfie.tflite --classes background,person" in told
    assert "\\b" not in told


def test_without_the_library_the_extra_is_named(
    network: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "streamseg.convert.convert", None)
    assert main(["model", "convert", network, *TWO]) == 78
    assert "streamseg[convert]" in capsys.readouterr().err


def test_classes_of_a_yaml_file_bring_their_colours(network: str) -> None:
    text = "classes:\n- {name: background, color: [0, 0, 0]}\n- {name: person, color: [150, 5, 61]}\n"
    Path("classes.yaml").write_text(text, encoding="utf-8")
    assert main(["model", "convert", network, "--classes", "classes.yaml", "--name", "mine"]) == 0
    assert [entry.color for entry in open_package("mine").manifest.classes] == [(0, 0, 0), (150, 5, 61)]


@pytest.mark.parametrize("kind", ["uint8", "int8"])
def test_a_network_in_integers_keeps_them(
    kind: str, network: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved(tmp_path, kind)
    assert main(["model", "convert", f"{kind}.tflite", "--classes", "a,b,c,d"]) == 0
    told = capsys.readouterr().out
    assert "output   logits of each class, 48x32\n" in told
    assert "int8     segmenter-int8.onnx: the original int8 network; precision auto uses it if" in told
    assert main(["model", "verify", kind]) == 0
    assert main(["model", "info", kind]) == 0
    assert "points of agreement with the original int8 network (limit: 2)" in capsys.readouterr().out


def test_all_that_is_wrong_with_a_network_is_told_at_once(
    network: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    net = Quantized("int8")
    source, between = net.tensor(1, 32, 48, 3), net.tensor(1, 32, 48, 3)
    wide = net.tensor(1, 32, 48, 3, kind="int16", scale=Scale([0.1]))
    net.operator("CUMSUM", [source], [between])
    net.operator("RELU", [between], [wide])
    Path("odd.tflite").write_bytes(net.finish([source], [wide]))
    assert main(["model", "convert", "odd.tflite", *TWO]) == 78
    told = capsys.readouterr().err
    assert "odd.tflite: tensor 't2' is int16; float32, uint8 and int8 are known between operators" in told
    assert "odd.tflite: has operators that are not known here: CUMSUM" in told
    assert "Traceback" not in told
