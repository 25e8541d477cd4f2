"""The graphs of a package: regular files inside of it, and the very bytes that were hashed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import onnx
import pytest

from streamseg.errors import PackageError
from streamseg.inference.packages import graph_files
from streamseg.inference.packages.graph_files import check_graph_file, read_graph, verify_graph
from streamseg.inference.packages.manifest import GraphFile, GraphRole
from streamseg.inference.packages.package import Package
from tests.fakes.packages import Tiny, write_manifest

ROLE = GraphRole.SEGMENTER


@pytest.fixture
def entry(package: Package) -> GraphFile:
    return package.graphs[ROLE]


def refused(folder: Path, entry: GraphFile, *, unread: bool = True) -> str:
    """What all three ways to look at a graph say; `unread`: also the one that reads nothing."""
    said = set()
    for check in (read_graph, verify_graph, check_graph_file)[: 3 if unread else 2]:
        with pytest.raises(PackageError) as caught:
            check(folder, ROLE, entry)
        said.add(str(caught.value))
    (text,) = said
    return text


def test_its_bytes_and_its_size(package: Package, entry: GraphFile) -> None:
    content = (package.path / entry.file).read_bytes()
    assert read_graph(package.path, ROLE, entry) == content
    assert check_graph_file(package.path, ROLE, entry) == len(content)
    verify_graph(package.path, ROLE, entry)


def test_a_link_inside_of_the_folder_is_fine(package: Package, entry: GraphFile, tmp_path: Path) -> None:
    (package.path / "weights").mkdir()
    shutil.move(package.path / entry.file, package.path / "weights" / "a.onnx")
    (package.path / entry.file).symlink_to("weights/a.onnx")
    (tmp_path / "current").symlink_to(package.path)
    assert read_graph(tmp_path / "current", ROLE, entry)


@pytest.mark.parametrize("target", ["/etc/passwd", "/dev/zero", "../outside", "sub/../../outside"])
def test_a_link_out_of_it_is_not(package: Package, entry: GraphFile, target: str) -> None:
    shutil.copy(package.path / entry.file, package.path.parent / "outside")
    (package.path / entry.file).unlink()
    (package.path / entry.file).symlink_to(target)
    assert "leads out of the package's folder" in refused(package.path, entry)


def test_nor_is_a_folder_that_leads_out(package: Package, entry: GraphFile) -> None:
    shutil.move(package.path / entry.file, package.path.parent)
    (package.path / "sub").symlink_to("..")
    moved = entry.model_copy(update={"file": f"sub/{entry.file}"})
    assert "leads out of the package's folder" in refused(package.path, moved)


def test_one_that_is_too_large_is_not_read(
    package: Package, entry: GraphFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = (package.path / entry.file).stat().st_size
    monkeypatch.setattr(graph_files, "MAX_GRAPH_BYTES", size - 1)
    assert f"cannot be read: it is larger than {(size - 1) / 1024:g} KB" in refused(package.path, entry)


def test_one_that_grows_is_read_no_further(
    package: Package, entry: GraphFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a file does that somebody appends to for ever."""
    monkeypatch.setattr(graph_files, "_CHUNK", 1000)
    monkeypatch.setattr(graph_files, "MAX_GRAPH_BYTES", 1500)
    monkeypatch.setattr(graph_files, "open_regular_file", lambda *_: open("/dev/zero", "rb"))  # noqa: PTH123, SIM115
    with pytest.raises(PackageError, match="sha256 is "):
        verify_graph(package.path, ROLE, entry)


@pytest.mark.parametrize("chunk", [1, 7, 16, 1 << 22])
def test_weights_elsewhere_are_found_wherever_the_pieces_meet(
    package: Package, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = onnx.load(package.path / "segmenter.onnx")
    onnx.save_model(
        model, package.path / "segmenter.onnx", save_as_external_data=True, location="w", size_threshold=0
    )
    changed = write_manifest(package.path, Tiny(), "tiny", list(package.graphs))
    monkeypatch.setattr(graph_files, "_CHUNK", chunk)
    said = refused(package.path, changed.graphs[ROLE], unread=False)
    assert "keeps weights in another file" in said


def test_another_file_in_its_place_is_told_as_that(package: Package, entry: GraphFile) -> None:
    (package.path / entry.file).write_bytes(b"something else")
    assert "sha256 is " in refused(package.path, entry, unread=False)
    (package.path / entry.file).unlink()
    assert "the segmenter graph is missing" in refused(package.path, entry)
    os.mkfifo(package.path / entry.file)
    assert "it is a FIFO, not a regular file" in refused(package.path, entry)
