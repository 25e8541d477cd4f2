"""`streamseg model list` and `prune`: what is compiled is listed with what is wrong with it, and deleted."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from streamseg.cli import main
from streamseg.inference.backends import openvino
from streamseg.inference.cache.key import CacheKey, Machine, Origin
from streamseg.inference.cache.store import CompileCache
from streamseg.inference.packages.package import Package
from tests.fakes.packages import make_package

OLD_S = 10 * 86400.0
NOW_S = 1.7e9


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    monkeypatch.setenv("STREAMSEG_MODEL_PATH", str(tmp_path / "engines"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("CACHE_DIRECTORY", raising=False)
    monkeypatch.setattr(time, "time", lambda: NOW_S)
    return make_package(tmp_path / "engines")


@pytest.fixture
def plans(tmp_path: Path, package: Package) -> dict[str, Path]:
    """An entry of each kind, and its file."""
    cache = tmp_path / "cache" / "streamseg"
    here = openvino.machine()
    key = CacheKey(package.manifest.graphs.segmenter.sha256, here, "f32", "1", "latency, 2 threads")
    origin = Origin("tiny", package.path, "segmenter")
    kinds = {
        "current": (key, origin, 0.0),
        "old": (replace(key, profile="2"), origin, OLD_S),
        "upgraded": (replace(key, machine=replace(here, version="2025.0-1")), origin, OLD_S),
        "gone": (
            key.__class__("0" * 64, here, "f32", "1"),
            Origin("was", package.path / "x", "readout"),
            0.0,
        ),
        "elsewhere": (replace(key, machine=Machine("tensorrt-none", "11.4", "NVIDIA L4")), origin, 90.0),
        "damaged": (replace(key, profile="3"), origin, 0.0),
    }
    for made_for, whence, age_s in kinds.values():
        CompileCache(cache, wall=lambda age_s=age_s: NOW_S - age_s).save(made_for, whence, b"plan")  # type: ignore[misc]
    paths = {name: cache / "plans" / f"{kind[0].digest}.plan" for name, kind in kinds.items()}
    paths["damaged"].write_bytes(paths["damaged"].read_bytes()[:-1])
    blob = cache / "openvino" / "1.blob"
    blob.parent.mkdir()
    blob.touch()
    for path in (blob, paths["damaged"]):
        os.utime(path, (NOW_S, NOW_S))
    return {**paths, "before": blob}


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["model", *arguments]) == 0
    return capsys.readouterr().out


def left(plans: dict[str, Path]) -> set[str]:
    return {name for name, path in plans.items() if path.exists()}


def test_every_entry_is_listed_with_what_it_is_good_for(
    package: Package, plans: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    lines = told(capsys, "list").splitlines()
    device = openvino.machine().device
    version = openvino.machine().version.partition("-")[0]
    assert any(line.startswith("tiny 1  64x48") for line in lines)
    assert (
        f"tiny segmenter  openvino {version} f32 batch 1 latency, 2 threads  {device}  0.0 MB, just made"
        in lines
    )
    assert any("batch 2" in line and line.endswith("10 d old") for line in lines)
    assert any("stale: version 2025.0-1, here" in line for line in lines)
    assert any("stale: " in line and "/x holds another readout, or no package" in line for line in lines)
    assert any(
        "NVIDIA L4  0.0 MB, 2 min old  idle: tensorrt-none is not usable here now" in line for line in lines
    )
    assert any(line.startswith(plans["damaged"].name) and "stale: damaged" in line for line in lines)
    assert any("1.blob" in line and "stale: left by an earlier version" in line for line in lines)
    folder = plans["current"].parent
    assert lines[-1] == f"{folder}: 7 entries, 0.0 MB; 4 entries, 0.0 MB stale (streamseg model prune)"


def test_nothing_compiled_is_no_line(package: Package, capsys: pytest.CaptureFixture[str]) -> None:
    assert "just made" not in told(capsys, "list")
    assert not told(capsys, "list").splitlines()[-1].startswith(str(package.path))


def test_the_list_as_json(
    package: Package, plans: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    (package.path.parent / "odd").mkdir()
    (package.path.parent / "odd" / "model.yaml").write_text("name: 3")
    known: dict[str, list[dict[str, Any]]] = json.loads(told(capsys, "list", "--json"))
    by_name = {found["name"]: found for found in known["packages"]}
    assert by_name["tiny"]["version"] == "1"
    assert by_name["odd"]["problem"]
    states = {Path(found["path"]): found for found in known["compiled"]}
    assert {name: states[path]["state"] for name, path in plans.items()} == {
        "current": "current",
        "old": "current",
        "upgraded": "stale",
        "gone": "stale",
        "elsewhere": "idle",
        "damaged": "stale",
        "before": "stale",
    }
    current = states[plans["current"]]
    assert (current["role"], current["folder"], current["age_s"]) == ("segmenter", str(package.path), 0.0)
    assert current["key"]["machine"]["backend"] == "openvino"


@pytest.mark.parametrize(
    ("arguments", "kept"),
    [
        ([], {"current", "old", "elsewhere"}),
        (["--older-than", "5"], {"current", "elsewhere"}),
        (["--all"], set()),
        (["--all", "--dry-run"], {"current", "old", "upgraded", "gone", "elsewhere", "damaged", "before"}),
    ],
)
def test_what_is_stale_is_deleted_and_more_where_asked(
    plans: dict[str, Path], capsys: pytest.CaptureFixture[str], arguments: list[str], kept: set[str]
) -> None:
    (plans["current"].parent / "dead.x.part").touch()
    last = told(capsys, "prune", *arguments).splitlines()[-1]
    assert left(plans) == kept
    if "--dry-run" in arguments:
        assert last == "would delete 7 entries, 0.0 MB"
        assert (plans["current"].parent / "dead.x.part").exists()
    else:
        assert last.startswith(f"deleted {7 - len(kept)} entries")
        assert not list(plans["current"].parent.glob("*.part"))


def test_another_cache_folder(
    package: Package, plans: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        told(capsys, "prune", "--all", "--cache-dir", str(tmp_path / "other"))
        == "deleted 0 entries, 0.0 MB\n"
    )
    assert len(left(plans)) == 7
