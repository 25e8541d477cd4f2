"""`streamseg train` and `streamseg evaluate` hand their arguments on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from streamseg.cli import main
from streamseg.temporal.optical_flow import MotionMode
from streamseg.training import commands
from streamseg.training.labelling import command
from streamseg.training.labelling.job import LabelOptions
from tests.conftest import ROOT
from tests.fakes.packages import make_package

# the command line in a process of its own that finds no torch
NO_TORCH = (
    "import sys; sys.modules['torch'] = None; from streamseg.cli import main; sys.exit(main(sys.argv[1:]))"
)


def test_train(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls: list[Any] = []
    monkeypatch.setattr(commands, "train", lambda *a, **k: calls.append((a, k)))
    assert main(["train", "r.yaml", "--runs", str(tmp_path), "--fresh"]) == 0
    assert calls == [((Path("r.yaml"), tmp_path), {"fresh": True, "fresh_from": None})]


def test_evaluate(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    monkeypatch.setattr(commands, "evaluate_package", lambda *a, **k: calls.append((a, k)))
    assert main(["evaluate", "tiny", "data", "--backend", "onnxruntime", "--clip", "--json", "f.json"]) == 0
    expected = {"backend": "onnxruntime", "precision": "auto", "clip": True, "json_path": Path("f.json")}
    assert calls == [(("tiny", Path("data")), {**expected, "wanted": commands.Wanted()})]


def test_evaluate_more(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    monkeypatch.setattr(commands, "evaluate_package", lambda *_, wanted, **__: calls.append(wanted))
    more = ["--compare", "b", "--compare", "c", "--stress", "--ablation", "--baselines", "--no-motion"]
    assert main(["evaluate", "tiny", "data", *more]) == 0
    every = commands.Wanted(("b", "c"), stress=True, ablation=True, baselines=True, motion=MotionMode.NONE)
    assert calls == [every]


def test_label(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[LabelOptions] = []
    monkeypatch.setattr(command, "label", calls.append)
    few = ["label", "a.mp4", "folder", "--with", "tiny", "--with", "x/y", "--out", "o"]
    assert main([*few, "--classes", "c.txt"]) == 0
    more = [
        "--recipe",
        "r.yaml",
        "--rules",
        "q.yaml",
        "--map",
        "tiny:a=b",
        "--map",
        "tiny:c=d",
        "--every",
        "3",
    ]
    assert main([*few, *more, "--backend", "onnxruntime", "--precision", "fp32", "--fresh"]) == 0
    paths, packages = (Path("a.mp4"), Path("folder")), ("tiny", "x/y")
    assert calls == [
        LabelOptions(paths, packages, Path("o"), classes=Path("c.txt")),
        LabelOptions(
            paths, packages, Path("o"), Path("r.yaml"), None, Path("q.yaml"), ("tiny:a=b", "tiny:c=d"), 3,
            "onnxruntime", "f32", fresh=True,
        ),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "give either --recipe or --classes"),
        (["--recipe", "r", "--classes", "c"], "give either --recipe or --classes"),
        (["--classes", "c", "--every", "0"], "Invalid value for '--every'"),
        (["--classes", "c", "--backend", "foo"], "must be one of auto"),
    ],
)
def test_wrong_options_of_label_are_told(
    options: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delattr(command, "label")
    assert main(["label", "a.png", "--with", "tiny", "--out", "o", *options]) == 2
    assert said in " ".join(capsys.readouterr().err.replace("│", "").split())


def test_labelling_needs_no_torch(tmp_path: Path) -> None:
    engine = make_package(tmp_path / "engines").path
    cv2.imwrite(str(tmp_path / "p.png"), np.full((48, 64, 3), 90, np.uint8))
    (tmp_path / "names.txt").write_text("".join(f"class{n}\n" for n in range(5)))
    label = [
        "label",
        str(tmp_path / "p.png"),
        "--with",
        str(engine),
        "--classes",
        str(tmp_path / "names.txt"),
    ]
    done = subprocess.run(
        [sys.executable, "-c", NO_TORCH, *label, "--out", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.returncode == 0
    assert "1 pictures labelled; 100.0 % of the pixels have a label" in done.stdout
    assert (tmp_path / "out/labels/p.png").is_file()


def test_explain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls: list[Any] = []
    monkeypatch.setattr(commands, "explain_picture", lambda *a: calls.append(a))
    assert main(["explain", "tiny", "p.png"]) == 0
    assert main(["explain", "tiny", "p.png", "--class", "car", "--out", str(tmp_path / "s.png")]) == 0
    assert calls == [
        ("tiny", Path("p.png"), None, None),
        ("tiny", Path("p.png"), "car", tmp_path / "s.png"),
    ]


def test_a_sheet_wants_a_folder_that_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "tiny", "p.png", "--out", "/nowhere/s.png"]) == 2
    assert "--out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (["--backend", "foo"], "must be one of auto, tensorrt,"),
        (["--precision", "f8"], "must be one of auto, f32,"),
        (["--json", "/nowhere/f.json"], "/nowhere/f.json: must be a file"),
        (["--json", "/"], "/: must be a file"),
    ],
)
def test_wrong_options_are_told_before_anything_is_measured(
    option: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delattr(commands, "evaluate_package")
    assert main(["evaluate", "tiny", "data", *option]) == 2
    told = " ".join(capsys.readouterr().err.replace("│", "").split())
    assert option[0] in told
    assert said in told


@pytest.mark.tree
def test_a_missing_extra_is_named(tmp_path: Path) -> None:
    train = ["train", str(ROOT / "configs" / "training" / "camvid.yaml"), "--runs", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-c", NO_TORCH, *train], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 78
    assert done.stderr == "streamseg: training needs the 'train' extra: pip install 'streamseg[train]'\n"


def test_measuring_needs_no_torch(tmp_path: Path) -> None:
    engine = make_package(tmp_path / "engines").path
    evaluate = ["evaluate", str(engine), str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-c", NO_TORCH, *evaluate], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "expected a recipe, or a folder with images/ and labels/" in done.stderr
    assert "Traceback" not in done.stderr


def test_explaining_needs_no_torch(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    engine = make_package(tmp_path / "engines").path
    cv2.imwrite(str(tmp_path / "p.png"), np.full((48, 64, 3), 90, np.uint8))
    explain = ["explain", str(engine), str(tmp_path / "p.png"), "--out", str(tmp_path / "sheet.png")]
    done = subprocess.run(
        [sys.executable, "-c", NO_TORCH, *explain], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.returncode == 0
    assert (tmp_path / "sheet.png").is_file()


def test_missing_data_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "/nowhere", str(tmp_path)]) == 78
    assert capsys.readouterr().err.startswith("streamseg: ")


@pytest.mark.parametrize(
    ("arguments", "fresh", "first"),
    [
        (["r.yaml"], False, None),
        (["r.yaml", "--fresh"], True, None),
        (["--fresh", "r.yaml"], True, None),
        (["r.yaml", "--fresh", "stabilise"], True, "stabilise"),
        (["--fresh", "stabilise", "r.yaml"], True, "stabilise"),
    ],
)
def test_fresh_is_for_all_stages_or_from_one_on(
    arguments: list[str], fresh: bool, first: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[object] = []
    monkeypatch.setattr(commands, "train", lambda *a, **more: given.append((a[0], more)))
    assert main(["train", *arguments]) == 0
    assert given == [(Path("r.yaml"), {"fresh": fresh, "fresh_from": first})]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["r.yaml", "stabilise"], "stabilise: only with --fresh"),
        (["r.yaml", "--fresh", "polish"], "polish must be one of segment, adversarial, semi, stabilise"),
    ],
)
def test_a_stage_that_is_none_is_told(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *arguments]) == 2
    assert said in " ".join(capsys.readouterr().err.replace("│", "").split())
