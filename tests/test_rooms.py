"""The rooms and their ladder: who may import whom, read from the source with AST, nothing of it executed."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "streamseg"
pytestmark = pytest.mark.tree

WORDS = {"types", "errors", "net", "redact", "text", "fileio"}
OFFLINE = {"networks", "training", "quantise", "convert"}
ONLINE = {"concurrency", "config", "wire", "capture", "inference", "temporal", "publish", "client", "status"}

# A room and the rooms it may import, besides itself and the shared words.
LADDER: dict[str, set[str]] = {
    "types": set(),
    "errors": set(),
    "net": set(),
    "redact": set(),
    "text": set(),
    "fileio": set(),
    "concurrency": set(),
    "config": set(),
    "wire": set(),
    "capture": {"concurrency", "config"},
    "inference": {"concurrency", "config"},
    "temporal": {"inference"},
    "publish": {"concurrency", "wire"},
    "client": {"wire"},
    "status": {"concurrency"},
    "daemon": ONLINE,
    "cli": ONLINE | {"daemon"},
    "__main__": {"cli"},
    "": set(),  # streamseg/__init__.py
    "networks": set(),
    "convert": {"config", "inference"},
    "training": {"config", "networks", "inference", "temporal", "client"},
    "quantise": {"concurrency", "config", "capture", "inference", "training"},
}
# What may be imported inside a function, so that it loads only when it is asked for.
LAZILY: dict[str, set[str]] = {"cli": {"training", "quantise", "convert"}, "": {"client"}}

# Heavy or telling libraries, and the only rooms that may know them.
LIBRARIES: dict[str, set[str]] = {
    "torch": {"networks", "training"},
    "openvino": {"inference"},
    "onnxruntime": {"inference", "quantise"},
    "onnx": {"inference", "convert", "training", "quantise"},
    "tflite": {"convert"},
    "tensorrt": {"inference"},
    "tensorrt_rtx": {"inference"},
    "pycuda": {"inference"},
    "cuda": {"inference"},
    "av": {"capture", "training"},
    "sklearn": {"training"},
    "zmq": {"publish", "client"},
    "pydantic": {"config", "convert", "inference", "training", "cli"},
    "typer": {"cli"},
    "starlette": {"status"},
    "uvicorn": {"status"},
    "prometheus_client": {"status"},
    "psutil": {"inference", "daemon", "status"},
    "opentelemetry": {"status"},
}
LIGHT = {"numpy", "zmq", "zstandard"}  # all that `client` and `wire` may need when they are imported


@dataclass(frozen=True)
class Import:
    """One import statement's target, e.g. `streamseg.concurrency.mailbox` or `torch.nn`."""

    module: Path
    line: int
    target: str
    lazy: bool

    def __str__(self) -> str:
        return f"{self.module.relative_to(ROOT)}:{self.line} imports {self.target}"


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(name: str) -> str:
    """`streamseg.concurrency.mailbox` → `concurrency`; `streamseg` → ``."""
    return [*name.split("."), ""][1]


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").exists()


def base_of(node: ast.ImportFrom, path: Path) -> str:
    """The module named after `from`, with the dots of a relative import resolved against `path`."""
    if not node.level:
        return node.module or ""
    package = path.relative_to(ROOT).parts[:-1]
    return ".".join([*package[: len(package) - node.level + 1], node.module or ""]).rstrip(".")


def targets(node: ast.Import | ast.ImportFrom, path: Path) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    base = base_of(node, path)
    if base.split(".")[0] != "streamseg":
        return [base]
    # `from streamseg import concurrency` names a room, `from streamseg import subscribe` does not.
    return [name for name in (f"{base}.{alias.name}" for alias in node.names) if is_module(name)] or [base]


def type_checking_only(node: ast.If) -> bool:
    return ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def walk(node: ast.AST, path: Path, lazy: bool = False) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield from (Import(path, child.lineno, target, lazy) for target in targets(child, path))
            continue
        inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        never_runs = isinstance(child, ast.If) and type_checking_only(child)
        yield from walk(child, path, lazy or inside or never_runs)


def imports(path: Path) -> list[Import]:
    return list(walk(ast.parse(path.read_text(encoding="utf-8"), str(path)), path))


def all_imports() -> list[Import]:
    return [found for path in modules() for found in imports(path)]


def allowed(found: Import) -> bool:
    here, there = room_of(dotted(found.module)), room_of(found.target)
    reach = LADDER[here] | WORDS | {here} | (LAZILY.get(here, set()) if found.lazy else set())
    return there in reach or found.target == "streamseg"


def ours(found: Import) -> bool:
    return found.target.split(".")[0] == "streamseg"


def test_every_room_has_a_place_on_the_ladder() -> None:
    rooms = {room_of(dotted(path)) for path in modules()}
    assert rooms <= set(LADDER)


def test_the_ladder_has_no_cycle() -> None:
    below: set[str] = set()
    waiting = dict(LADDER)
    while ready := {room for room, needs in waiting.items() if needs <= below}:
        below |= ready
        waiting = {room: needs for room, needs in waiting.items() if room not in ready}
    assert not waiting


def test_no_room_imports_upwards_or_sideways() -> None:
    assert [str(found) for found in all_imports() if ours(found) and not allowed(found)] == []


@pytest.mark.parametrize("library", sorted(LIBRARIES))
def test_a_library_is_known_only_to_its_rooms(library: str) -> None:
    users = [found for found in all_imports() if found.target.split(".")[0] == library]
    strangers = [str(found) for found in users if room_of(dotted(found.module)) not in LIBRARIES[library]]
    assert strangers == []


@pytest.mark.parametrize("room", ["wire", "client", ""])
def test_the_subscribers_side_stays_light(room: str) -> None:
    eager = [i for i in all_imports() if room_of(dotted(i.module)) == room and not i.lazy and not ours(i)]
    heavy = [str(i) for i in eager if i.target.split(".")[0] not in LIGHT | set(sys.stdlib_module_names)]
    assert heavy == []


@cache
def eager_imports() -> dict[str, set[str]]:
    """What each module imports as it is loaded itself."""
    return {dotted(path): {i.target for i in imports(path) if not i.lazy} for path in modules()}


def reachable(start: str) -> set[str]:
    """Modules loaded when `start` is: module-level imports followed to the end, parent packages too."""
    eager = eager_imports()
    seen: set[str] = set()
    waiting = {start}
    while waiting:
        name = waiting.pop()
        seen.add(name)
        parents = {name.rpartition(".")[0]} - {""}
        waiting |= (eager.get(name, set()) | parents) - seen
    return seen


@pytest.mark.parametrize("start", ["streamseg.cli", "streamseg.daemon.app", "streamseg.client"])
def test_torch_is_out_of_reach_of_the_daemon(start: str) -> None:
    assert not {
        name for name in reachable(start) if name.split(".")[0] == "torch" or room_of(name) in OFFLINE
    }


@pytest.mark.parametrize("start", ["streamseg.cli", "streamseg.daemon.app"])
def test_graphs_are_put_together_only_on_demand(start: str) -> None:
    """`onnx` and what else the wrapping of networks needs is an extra: no start may need it."""
    reached = reachable(start)
    assert not {name.split(".")[0] for name in reached} & {"onnx", "tflite"}
    assert not {name for name in reached if name.startswith("streamseg.convert")}


def test_calibrating_a_package_needs_no_torch() -> None:
    inside = {name for name in map(dotted, modules()) if room_of(name) == "quantise"}
    assert not {name for start in inside for name in reachable(start) if name.split(".")[0] == "torch"}


def loaded_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in run.stdout.split()}


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert not loaded_after("import streamseg") & {"numpy", "zmq", "av", "cv2", "openvino", "torch"}


def test_subscribing_loads_neither_video_nor_networks() -> None:
    loaded = loaded_after("from streamseg import subscribe")
    assert not loaded & {"av", "cv2", "openvino", "onnxruntime", "psutil", "pydantic", "torch"}


def twin(path: Path) -> Path:
    inside = path.relative_to(PACKAGE)
    return ROOT / "tests" / inside.parent / f"test_{inside.name}"


def test_every_module_has_its_twin_test_file() -> None:
    bare = [path for path in modules() if not path.stem.startswith("__") and not twin(path).exists()]
    assert [str(path.relative_to(ROOT)) for path in bare] == []


def test_a_relative_import_is_read_as_the_module_it_names() -> None:
    node = ast.parse("from ..concurrency.mailbox import Mailbox").body[0]
    assert isinstance(node, ast.ImportFrom)
    assert targets(node, PACKAGE / "capture" / "reader.py") == ["streamseg.concurrency.mailbox"]


def test_an_import_inside_a_function_counts_as_lazy() -> None:
    tree = ast.parse("import zmq\ndef f() -> None:\n    import torch\n")
    assert [(i.target, i.lazy) for i in walk(tree, PACKAGE / "cli.py")] == [("zmq", False), ("torch", True)]
