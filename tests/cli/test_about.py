"""A package in a line."""

from __future__ import annotations

from pathlib import Path

from streamseg.cli.about import about, line
from streamseg.inference.package import FoundPackage
from tests.fakes.packages import Tiny, make_package


def test_a_package_is_told_with_its_size_and_whether_it_steadies(tmp_path: Path) -> None:
    steady = make_package(tmp_path, Tiny((64, 48), 5))
    assert about(steady) == "tiny 1  64x48, 5 classes, with stabiliser, 0.0 MB, CC0-1.0"
    alone = make_package(tmp_path, Tiny(stabiliser=False), "alone")
    assert "without stabiliser" in line(FoundPackage(alone.path, alone, ""))


def test_what_is_wrong_is_told_instead(tmp_path: Path) -> None:
    assert line(FoundPackage(tmp_path / "odd", None, "no name")) == "odd: not usable: no name"
