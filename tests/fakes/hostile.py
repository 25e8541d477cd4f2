"""Model packages that are up to no good: each must be a line of words, at once, and cost nobody else."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from streamseg.inference.packages.manifest import sha256_file
from tests.fakes.packages import make_package

Spoil: TypeAlias = Callable[[Path], None]

_LAUGHS = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def make_hostile(folder: Path, kind: str) -> Path:
    """A package of a kind of `KINDS` in `folder`, where there is none of the name yet."""
    path = make_package(folder, name=kind).path
    KINDS[kind](path)
    return path


def _text(content: str | bytes) -> Spoil:
    raw = content.encode() if isinstance(content, str) else content
    return lambda path: _put(path / "model.yaml", lambda file: file.write_bytes(raw))


def _added(content: str) -> Spoil:
    return lambda path: _text((path / "model.yaml").read_text(encoding="utf-8") + content)(path)


def _changed(change: Callable[[dict[str, Any]], object]) -> Spoil:
    def spoil(path: Path) -> None:
        document = yaml.safe_load((path / "model.yaml").read_text(encoding="utf-8"))
        change(document)
        (path / "model.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")

    return spoil


def _file(name: str, make: Callable[[Path], object]) -> Spoil:
    return lambda path: _put(path / name, make)


def _put(file: Path, make: Callable[[Path], object]) -> None:
    file.unlink()
    make(file)


def _sparse(file: Path) -> None:
    with file.open("wb") as opened:
        opened.truncate(40 << 30)


def _elsewhere(file: Path) -> None:
    """The very graph, but outside of the folder."""
    make_package(file.parent.parent / ".elsewhere")
    file.symlink_to(file.parent.parent / ".elsewhere" / "tiny" / file.name)


def _graph(**keys: str) -> Spoil:
    return _changed(lambda document: document["graphs"]["segmenter"].update(keys))


def _named(name: str) -> Spoil:
    return _changed(lambda document: [entry.update(name=name) for entry in document["classes"]])


def _no_onnx(content: bytes) -> Spoil:
    def spoil(path: Path) -> None:
        (path / "segmenter.onnx").write_bytes(content)
        _graph(sha256=sha256_file(path / "segmenter.onnx"))(path)

    return spoil


def _cut(path: Path) -> None:
    content = (path / "segmenter.onnx").read_bytes()
    _no_onnx(content[: len(content) // 2])(path)


KINDS: dict[str, Spoil] = {
    "laughs": _text(_LAUGHS + "classes: *i\n"),
    "laughs-in-metrics": _added("metrics: {x: 1}\n" + _LAUGHS),
    "recursive": _text("a: &a {x: *a}\nclasses: *a\n"),
    "deep": _text("[" * 20_000),
    "not-an-int": _text("schema_version: !!int foo\n"),
    "no-such-day": _text("version: 2026-13-45\n"),
    "python": _text("!!python/object/apply:os.system [id]\n"),
    "key-of-a-list": _text("? [a]\n: b\n"),
    "huge-number": _added("parameters: " + "9" * 5000 + "\n"),
    "twice": _added("license: other\n"),
    "nul": _text("a: \0"),
    "binary": _text(bytes(range(256))),
    "empty": _text(""),
    "large": _text("#" * 100_000_000),
    "manifest-fifo": _file("model.yaml", os.mkfifo),
    "manifest-zero": _file("model.yaml", lambda file: file.symlink_to("/dev/zero")),
    "manifest-sparse": _file("model.yaml", _sparse),
    "escapes": _named("\x1b[31mred\u202e"),
    "lines": _named("road\nstreamseg: fine"),
    "long-names": _named("n" * 1000),
    "long-licence": _changed(lambda document: document.update(license="L" * 5000)),
    "many-keys": _added("".join(f"k{i}: 1\n" for i in range(9_000))),
    "huge-memory": _changed(lambda document: document["memory"].update(channels=10**9)),
    "above": _graph(file="../../etc/passwd"),
    "absolute": _graph(file="/etc/passwd"),
    "graph-fifo": _file("segmenter.onnx", os.mkfifo),
    "graph-zero": _file("segmenter.onnx", lambda file: file.symlink_to("/dev/zero")),
    "graph-elsewhere": _file("segmenter.onnx", _elsewhere),
    "graph-circle": _file("segmenter.onnx", lambda file: file.symlink_to(file)),
    "graph-sparse": _file("segmenter.onnx", _sparse),
    "graph-folder": _file("segmenter.onnx", Path.mkdir),
    "graph-missing": _file("segmenter.onnx", lambda _: None),
    "graph-other": _graph(sha256="0" * 64),
    "no-onnx": _no_onnx(b"hello"),
    "half-an-onnx": _cut,
    "another-size": _changed(lambda document: document["input"].update(width=8192, height=8192)),
}
LOADED = {"no-onnx", "half-an-onnx", "another-size"}
"""Those that only a backend finds out about: they are what their manifest says."""
UNHASHED = {*LOADED, "graph-other"}
"""Those that nothing but reading the graphs tells from a sound one."""
