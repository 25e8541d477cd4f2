"""The section `lineage` of a manifest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streamseg.errors import PackageError
from streamseg.inference.packages.lineage import Parent
from streamseg.inference.packages.manifest import dump_manifest, load_manifest
from tests.fakes.packages import make_package

PARENT = Parent(relation="start", name="base", version="1", license="CC-BY-NC-4.0", sha256="0" * 64)


def test_it_is_read_back_as_written(tmp_path: Path) -> None:
    package = make_package(tmp_path)
    path = package.path / "model.yaml"
    assert "lineage" not in path.read_text(), "a package that began with nothing does not speak of it"
    dump_manifest(package.manifest.model_copy(update={"lineage": (PARENT,)}), path)
    assert load_manifest(path).lineage == (PARENT,)


def test_how_far_the_weights_went_is_read_back_too(tmp_path: Path) -> None:
    package = make_package(tmp_path)
    path = package.path / "model.yaml"
    part = PARENT.model_copy(update={"interpolation": 0.8})
    dump_manifest(package.manifest.model_copy(update={"lineage": (part, PARENT)}), path)
    assert load_manifest(path).lineage == (part, PARENT)
    assert path.read_text().count("interpolation") == 1, "whoever went to the end does not speak of it"


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (f"relation: friend, sha256: {'0' * 64}", "lineage.0.relation"),
        ("relation: start, sha256: zz", "lineage.0.sha256"),
        (f"relation: start, sha256: {'0' * 64}, interpolation: 0", "lineage.0.interpolation"),
        ("relation: start, hash: a", "lineage.0.hash: is not a known key"),
    ],
)
def test_mistakes_in_it_are_named(tmp_path: Path, entry: str, said: str) -> None:
    path = make_package(tmp_path).path / "model.yaml"
    path.write_text(path.read_text() + f"lineage:\n- {{name: a, version: '1', license: MIT, {entry}}}\n")
    with pytest.raises(PackageError, match=said):
        load_manifest(path)


def test_its_length_is_bounded(tmp_path: Path) -> None:
    package = make_package(tmp_path)
    path = package.path / "model.yaml"
    dump_manifest(package.manifest.model_copy(update={"lineage": (PARENT,) * 65}), path)
    with pytest.raises(PackageError, match=r"lineage: .*at most 64"):
        load_manifest(path)


@pytest.mark.parametrize("key", ["name", "version", "license"])
def test_what_it_says_does_nothing_to_a_terminal(tmp_path: Path, key: str) -> None:
    path = make_package(tmp_path).path / "model.yaml"
    words = {"name": "a", "version": "1", "license": "MIT"} | {key: "\x1b[31m"}
    entry = {"relation": "start", "sha256": "0" * 64, **words}
    path.write_text(path.read_text() + f"lineage: [{json.dumps(entry)}]\n")
    with pytest.raises(PackageError, match=rf"lineage\.0\.{key}: must be text on one line"):
        load_manifest(path)
