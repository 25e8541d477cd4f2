"""The graph files of a package: whatever lies there, nothing is waited for, nor read beyond a bound.

A graph is a regular file inside its package's folder. A link out of it is refused: what it points at is not
part of what was copied. What is loaded are the very bytes that were hashed.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from streamseg.errors import PackageError
from streamseg.fileio import check_regular_file, open_regular_file, read_regular_file
from streamseg.inference.packages.manifest import MANIFEST_NAME, GraphFile
from streamseg.text import printable

MAX_GRAPH_BYTES = 1 << 30
_CHUNK = 1 << 22
# `external_data` of a TensorProto (onnx.proto: 13), a pair of strings: that weights are elsewhere, and where.
# The `value_info` of a tensor called "location" begins alike, but goes on with a message, not with a path.
_OUTSIDE = re.compile(rb"\x6a.{1,2}\x0a\x08location\x12.[^\x0a]", re.DOTALL)
_OUTSIDE_BYTES = 16  # at most


def read_graph(folder: Path, name: str, entry: GraphFile) -> bytes:
    """A graph's bytes: those that the manifest promises, whatever became of the file since it was checked.

    Args:
        folder: The package's.
        name: What the graph is called, for errors.
        entry: What the manifest says of it.

    Raises:
        PackageError: It is missing, lies outside of the folder, is no regular file, too large, not to be
            read, holds other bytes, or keeps weights that are not hashed.
    """
    path = folder / entry.file
    try:
        content = read_regular_file(_inside(folder, path), MAX_GRAPH_BYTES)
    except OSError as error:
        raise _unreadable(path, name, error) from error
    _judge(path, entry, hashlib.sha256(content).hexdigest(), outside=_OUTSIDE.search(content) is not None)
    return content


def verify_graph(folder: Path, name: str, entry: GraphFile) -> None:
    """Read a graph piece by piece, and raise what `read_graph` would; needs no memory for it."""
    path = folder / entry.file
    digest, outside, tail, size = hashlib.sha256(), False, b"", 0
    try:
        with open_regular_file(_inside(folder, path), MAX_GRAPH_BYTES) as file:
            while (chunk := file.read(_CHUNK)) and (size := size + len(chunk)) <= MAX_GRAPH_BYTES:
                digest.update(chunk)
                seen = tail + chunk  # it may begin in one piece and end in the next
                outside = outside or _OUTSIDE.search(seen) is not None
                tail = seen[-_OUTSIDE_BYTES:]
    except OSError as error:
        raise _unreadable(path, name, error) from error
    _judge(path, entry, digest.hexdigest(), outside=outside)


def check_graph_file(folder: Path, name: str, entry: GraphFile) -> int:
    """The size of a graph in bytes, of which nothing is read.

    Raises:
        PackageError: It is missing, lies outside of the folder, is no regular file, or too large.
    """
    path = folder / entry.file
    try:
        return check_regular_file(_inside(folder, path), MAX_GRAPH_BYTES)
    except OSError as error:
        raise _unreadable(path, name, error) from error


def _inside(folder: Path, path: Path) -> Path:
    """Where a graph really lies. Raises PackageError: not in the folder."""
    real = Path(os.path.realpath(path))  # Path.resolve() has an exception of its own for links in a circle
    if not real.is_relative_to(os.path.realpath(folder)):
        raise PackageError(
            printable(f"{path}: leads out of the package's folder; copy the file itself there")
        )
    return real


def _unreadable(path: Path, name: str, error: OSError) -> PackageError:
    if isinstance(error, FileNotFoundError):
        text = f"{path}: the {name} graph is missing; copy the whole package again"
    else:
        text = f"{path}: the {name} graph cannot be read: {error.strerror or error}"
    return PackageError(printable(text))


def _judge(path: Path, entry: GraphFile, actual: str, *, outside: bool) -> None:
    """Raises PackageError: a graph's bytes are not to be trusted."""
    if actual != entry.sha256:
        what = (
            f"sha256 is {actual[:12]}… but {MANIFEST_NAME} says {entry.sha256[:12]}…: "
            "the file is damaged or was replaced; copy the whole package again"
        )
    elif outside:
        what = (
            "keeps weights in another file, which its sha256 says nothing of; save it with them inside: "
            "onnx.save(onnx.load(FILE), FILE)"
        )
    else:
        return
    raise PackageError(printable(f"{path}: {what}"))
