"""A package in a line."""

from __future__ import annotations

from pathlib import Path

from streamseg.cli.package_summary import about, line
from streamseg.inference.packages.package import FoundPackage, Package
from tests.fakes.packages import Tiny, make_package


def test_a_package_is_told_with_its_size_and_whether_it_steadies(tmp_path: Path) -> None:
    steady = make_package(tmp_path, Tiny((64, 48), 5))
    assert about(steady) == "tiny 1  64x48, 5 classes, with stabiliser, 0.0 MB, CC0-1.0"
    alone = make_package(tmp_path, Tiny(stabiliser=False), "alone")
    assert line(FoundPackage(alone.path, alone, "")).startswith("alone 1  64x48, 5 classes, without stabil")


def test_it_is_listed_by_the_name_that_it_is_asked_for_by(tmp_path: Path) -> None:
    package = make_package(tmp_path)
    moved = Package(package.path.rename(tmp_path / "mine"), package.manifest)
    assert line(FoundPackage(moved.path, moved, "")).startswith("mine (tiny) 1  64x48")
    assert about(moved).startswith("tiny 1  64x48")


def test_one_that_is_broken_is_one_line_however_much_is_wrong(tmp_path: Path) -> None:
    told = line(FoundPackage(tmp_path / "odd", None, "no name\nno classes\nno graphs"))
    assert told == "odd: not usable: no name (and 2 more: streamseg model info odd)"


def test_what_is_wrong_is_told_instead(tmp_path: Path) -> None:
    assert line(FoundPackage(tmp_path / "odd", None, "no name")) == "odd: not usable: no name"
