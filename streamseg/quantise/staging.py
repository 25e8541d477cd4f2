"""The package as it is being made: beside its place, and moved there when it is whole."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import onnx

from streamseg.errors import TrainingError
from streamseg.inference.packages.manifest import (
    INT8_FILE,
    MANIFEST_NAME,
    GraphFile,
    Int8,
    dump_manifest,
    sha256_file,
)
from streamseg.inference.packages.package import Package
from streamseg.training.export.compatibility import check_portability


class StagedPackage:
    """A copy of a package that gets a graph in int8.

    Attributes:
        workplace: A folder for whatever is made in passing; gone with the draft.
    """

    def __init__(self, package: Package, folder: Path) -> None:
        self._package, self._folder = package, folder
        self._part = folder.with_name(f".{folder.name}.part")
        self.workplace = self._part / "workplace"

    def begin(self) -> None:
        """Copy the package."""
        shutil.rmtree(self._part, ignore_errors=True)
        shutil.copytree(self._package.path, self._part)
        self.workplace.mkdir()

    def put(self, model: onnx.ModelProto, record: Int8) -> Package:
        """Write the graph, and its record with the graph's own hash; gives back the package as it is now.

        Raises:
            TrainingError: Some backend would not take the graph.
        """
        check_portability(model, INT8_FILE)
        path = self._part / INT8_FILE
        onnx.save(model, path)
        entry = GraphFile(file=INT8_FILE, sha256=sha256_file(path))
        int8 = record.model_copy(update={"segmenter": entry})
        manifest = self._package.manifest.model_copy(update={"int8": int8})
        dump_manifest(manifest, self._part / MANIFEST_NAME)
        return Package(self._part, manifest)

    def finish(self, package: Package) -> Package:
        """Move it to its place; what was there is replaced at that moment and not before."""
        shutil.rmtree(self.workplace)
        old = self._folder.with_name(f".{self._folder.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        if self._folder.exists():
            self._folder.rename(old)
        self._part.rename(self._folder)
        shutil.rmtree(old, ignore_errors=True)
        return Package(self._folder, package.manifest)

    def drop(self) -> None:
        """Remove what is not finished."""
        shutil.rmtree(self._part, ignore_errors=True)


@contextmanager
def drafted(package: Package, folder: Path) -> Iterator[StagedPackage]:
    """A draft of a package that will lie in `folder`.

    Raises:
        TrainingError: Something else lies there, or it cannot be written.
    """
    if folder.exists() and not (folder / MANIFEST_NAME).is_file():
        raise TrainingError(f"{folder}: is there and is no model package; name another folder with --out")
    draft = StagedPackage(package, folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft.begin()
        yield draft
    except OSError as error:
        raise TrainingError(f"{folder}: cannot be written: {error.strerror or error}") from error
    finally:
        draft.drop()
