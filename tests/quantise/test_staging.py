from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from streamseg.errors import TrainingError
from streamseg.inference.packages.manifest import GraphFile, Int8
from streamseg.inference.packages.package import Package, open_package
from streamseg.quantise.staging import drafted
from tests.fakes.int8 import quantised

RECORD = Int8(segmenter=GraphFile(file="x", sha256="0" * 64), measure="miou", loss=0.1, allowed=0.5, frames=9)


def graph_of(package: Package) -> onnx.ModelProto:
    return quantised(onnx.load(package.path / "segmenter.onnx"))


@pytest.mark.parametrize("place", ["beside", "deep/inside/another", "its own"])
def test_a_finished_draft_is_a_sound_package(package: Package, tmp_path: Path, place: str) -> None:
    folder = package.path if place == "its own" else tmp_path / place
    with drafted(package, folder) as draft:
        (draft.workplace / "passing").write_text("")
        made = draft.finish(draft.put(graph_of(package), RECORD))
    assert open_package(folder).manifest == made.manifest
    assert made.manifest.int8 is not None
    assert made.manifest.int8.loss == 0.1
    assert made.sha256 == package.sha256
    assert sorted(path.name for path in folder.iterdir()) == [
        "model.yaml", "readout.onnx", "segmenter-int8.onnx", "segmenter.onnx", "stabiliser.onnx",
    ]  # fmt: skip
    assert [path.name for path in folder.parent.iterdir() if path.name.startswith(".")] == []


def test_what_is_not_finished_leaves_no_trace(package: Package, tmp_path: Path) -> None:
    folder = tmp_path / "out" / "tiny"

    def interrupted() -> None:
        with drafted(package, folder) as draft:
            draft.put(graph_of(package), RECORD)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(folder.parent.iterdir()) == []
    assert open_package(package.path) == package


def test_what_is_no_package_is_not_replaced(package: Package, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    with pytest.raises(TrainingError, match="photos: is there and is no model package; name another"):
        drafted(package, tmp_path / "photos").__enter__()


def test_a_full_disk_is_told(package: Package, tmp_path: Path) -> None:
    with (
        pytest.raises(TrainingError, match="tiny: cannot be written: No space left on device"),
        drafted(package, tmp_path / "tiny"),
    ):
        raise OSError(28, "No space left on device")


def test_a_place_that_cannot_be_made_is_told(package: Package, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match=r"cannot be written: (Not a directory|File exists)"):
        drafted(package, tmp_path / "file" / "tiny").__enter__()


def test_a_graph_that_not_all_take_is_refused(package: Package, tmp_path: Path) -> None:
    model = graph_of(package)
    model.opset_import[0].version = 5
    with pytest.raises(TrainingError, match="opset 5"), drafted(package, tmp_path / "tiny") as draft:
        draft.put(model, RECORD)
