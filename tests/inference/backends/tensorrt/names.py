"""Which names of other people's libraries our code uses, read from its source, and which our doubles have."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType

SOURCE = Path(__file__).resolve().parents[4] / "streamseg" / "inference" / "backends" / "tensorrt"


def used(module: str, receivers: Mapping[str, str]) -> set[str]:
    """Dotted names that a module of ours asks of a library.

    Args:
        module: A file of `streamseg/inference/backends/tensorrt`.
        receivers: What our variables of a name hold: a class of the library; empty for the library itself.
    """
    tree = ast.parse((SOURCE / f"{module}.py").read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and (chain := _chain(node)):
            root, *path = chain
            if path and root in receivers:
                owner = receivers[root]
                found.add(".".join([owner, path[0]] if owner else path))
    return found


def _chain(node: ast.expr) -> list[str]:
    """`self._trt.DataType.HALF` → trt, DataType, HALF; empty where it does not start with a name."""
    match node:
        case ast.Attribute(value=ast.Name(id="self"), attr=name):
            return [name.lstrip("_")]
        case ast.Attribute(value=value, attr=name):
            before = _chain(value)
            return [*before, name] if before else []
        case ast.Name(id=name):
            return [name]
        case _:
            return []


def public_names(double: ModuleType, skip: frozenset[str] | set[str] = frozenset()) -> set[str]:
    """Dotted names that a double has of its own, without those that begin with an underscore."""
    own = {
        name: value
        for name, value in vars(double).items()
        if not name.startswith("_")
        and name not in skip
        and getattr(value, "__module__", "") == double.__name__
    }
    inside = {
        f"{name}.{part}" for name, value in own.items() if inspect.isclass(value) for part in _parts(value)
    }
    return set(own) | inside


def _parts(kind: type) -> Iterator[str]:
    yield from (name for name in vars(kind) if not name.startswith("_"))
    tree = ast.parse(inspect.getsource(kind))
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()) if name[0] != "_":
                yield name
