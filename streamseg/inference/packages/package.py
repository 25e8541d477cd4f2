"""Finding a model package and trusting it: a folder with `model.yaml` and the graphs it names."""

from __future__ import annotations

import difflib
import functools
import hashlib
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from streamseg.config.deprecated import renamed
from streamseg.errors import PackageError
from streamseg.inference.cache.key import Origin
from streamseg.inference.cpu_info import adds_bytes_exactly, cpu_features
from streamseg.inference.packages.graph_files import check_graph_file, read_graph, verify_graph
from streamseg.inference.packages.manifest import (
    ENGINE_ROLES,
    MANIFEST_NAME,
    GraphFile,
    GraphRole,
    Manifest,
    load_manifest,
)
from streamseg.text import printable

INT8 = "int8"  # the one precision that has a graph of its own
MODEL_PATH, FORMER_MODEL_PATH = "STREAMSEG_MODEL_PATH", "STREAMSEG_ENGINES"  # variables of the environment
SERVICE_ENGINES = Path("/var/lib/streamseg/engines")  # so that a command finds what the service does
SYSTEM_ENGINES = Path("/usr/share/streamseg/engines")
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Package:
    """A model package on disk.

    Attributes:
        path: Its folder.
        manifest: What its `model.yaml` says.
    """

    path: Path
    manifest: Manifest

    def graph(self, name: str) -> Path | None:
        """The ONNX file of a role, by its key in `graphs`; None where the package has none."""
        entry = self._entry(GraphRole(name))
        return None if entry is None else self.path / entry.file

    @property
    def graphs(self) -> Mapping[GraphRole, GraphFile]:
        """The graphs the package brings, by role."""
        entries = ((role, self._entry(role)) for role in GraphRole)
        return {role: entry for role, entry in entries if entry is not None}

    @property
    def engine_graphs(self) -> Mapping[GraphRole, GraphFile]:
        """Those of them that an engine loads and runs."""
        return {role: entry for role, entry in self.graphs.items() if role in ENGINE_ROLES}

    def running(self, precision: str) -> Mapping[GraphRole, GraphFile]:
        """The graphs an engine loads and runs in a precision: `int8` has a segmenter of its own.

        Raises:
            PackageError: The package has none in int8.
        """
        if precision != INT8:
            return self.engine_graphs
        if self.manifest.int8 is None:
            raise PackageError(
                f"{self.path}: the package has no graph in int8; make one: streamseg model calibrate "
                f"{self.manifest.name} --from …"
            )
        return {**self.engine_graphs, GraphRole.SEGMENTER: self.manifest.int8.segmenter}

    @property
    def allows_int8(self) -> bool:
        """Whether `precision: auto` may take int8: see `why_not_int8`."""
        return self.manifest.int8 is not None and not self.why_not_int8()

    def why_not_int8(self, features: Sequence[str] | None = None) -> str:
        """Why `precision: auto` leaves the graph in int8 alone; empty where it need not, or there is none.

        Args:
            features: The processor's (`cpu_features`); None: this one's.
        """
        record = self.manifest.int8
        if record is None:
            return ""
        if not record.within:
            return f"it costs {record.loss:g} points, {record.allowed:g} are allowed"
        if record.weight_bits == 8 and not adds_bytes_exactly(
            cpu_features() if features is None else features
        ):
            return "its weights have 8 bits, which overflow on this processor, without VNNI"
        return ""

    def precisions(self, asked: str) -> tuple[str, ...]:
        """Those whose graphs an engine may run that was asked for `asked`: one of float's and `int8`."""
        if asked == "auto":
            return ("f32", INT8) if self.allows_int8 else ("f32",)
        return (INT8,) if asked == INT8 else ("f32",)

    @property
    def sha256(self) -> str:
        """One hash for the whole model, made of its engine's graphs' hashes: equal exactly where they are.

        Those in float: a package keeps its hash when it is calibrated for int8.
        """
        return self.sha256_in("f32")

    def sha256_in(self, precision: str) -> str:
        """The same of the graphs that run in a precision: other bytes, other hash."""
        text = "".join(f"{role}:{entry.sha256}\n" for role, entry in self.running(precision).items())
        return hashlib.sha256(text.encode()).hexdigest()

    def origin(self, role: GraphRole) -> Origin:
        """Whence what is compiled from a graph comes."""
        return Origin(self.manifest.name, self.path.absolute(), role.value)

    def problems(self) -> list[str]:
        """Every graph that is missing, unreadable or not the bytes the manifest promises; reads them all."""
        return list(_complaints(verify_graph, self))

    @property
    def size(self) -> int:
        """Bytes of all graphs.

        Raises:
            PackageError: One is missing, or no regular file of its folder.
        """
        return sum(check_graph_file(self.path, name, entry) for name, entry in self.files())

    def files(self) -> list[tuple[str, GraphFile]]:
        """Every graph the package brings, in whatever precision, each with what it is called."""
        files: list[tuple[str, GraphFile]] = list(self.graphs.items())
        if self.manifest.int8 is not None:
            files.append(("int8 segmenter", self.manifest.int8.segmenter))
        return files

    def _entry(self, role: GraphRole) -> GraphFile | None:
        entry: GraphFile | None = getattr(self.manifest.graphs, role.value)
        return entry

    def read(self, name: str, entry: GraphFile) -> bytes:
        """A graph's bytes, hashed; see `read_graph`.

        Args:
            name: What the graph is called, for errors.
            entry: Of `files`.

        Raises:
            PackageError: They are not those that the manifest promises.
        """
        return read_graph(self.path, name, entry)


def _complaints(check: Callable[[Path, str, GraphFile], object], package: Package) -> Iterator[str]:
    """What a check says of each graph that it does not pass."""
    for name, entry in package.files():
        try:
            check(package.path, name, entry)
        except PackageError as error:
            yield str(error)


@dataclass(frozen=True, slots=True)
class FoundPackage:
    """A folder on the search path that looks like a package.

    Attributes:
        path: The folder; its name is how a configuration asks for it.
        package: The package, if manifest and files are sound; hashes are not verified.
        problem: What is wrong with manifest or graphs, one line each; else empty.
    """

    path: Path
    package: Package | None
    problem: str


def search_path(env: Mapping[str, str] = os.environ) -> list[Path]:
    """The folders that hold packages, first match wins; duplicates and missing folders left out.

    `$STREAMSEG_MODEL_PATH` (folders separated like `$PATH`), then its former name `$STREAMSEG_ENGINES`, what
    was installed (the source tree's `engines`, those of an installed wheel, the service's own, and the
    system's), and last `./engines`: it is writable for others than those who installed the packages.

    Args:
        env: The environment.
    """
    if env.get(FORMER_MODEL_PATH):
        _tell_former_variable(both=bool(env.get(MODEL_PATH)))
    room = Path(__file__).resolve().parents[2]
    variables = (env.get(name, "") for name in (MODEL_PATH, FORMER_MODEL_PATH))
    named = [Path(part) for value in variables for part in value.split(os.pathsep) if part]
    installed = [room.parent / "engines", room / "_engines", SERVICE_ENGINES, SYSTEM_ENGINES]
    folders = [*named, *installed, Path("engines")]
    resolved = dict.fromkeys(folder.resolve() for folder in folders)
    return [folder for folder in resolved if os.path.isdir(folder)]  # noqa: PTH112  # no error where one may not look


def open_package(name_or_path: str | Path, search: Sequence[Path] | None = None) -> Package:
    """Opens a package by name (on the search path) or by its folder, and verifies every hash.

    A string without a slash is a name; a `Path`, or a string with one, is a folder.

    Raises:
        PackageError: Unknown (with the nearest names), malformed, or not what its manifest says; the text
            holds every problem, one line each.
    """
    folder = _locate(name_or_path, search)
    package = Package(folder, load_manifest(folder / MANIFEST_NAME))
    if problems := package.problems():
        raise PackageError("\n".join(problems))
    return package


def find_packages(search: Sequence[Path] | None = None) -> list[FoundPackage]:
    """Every package on the search path, by name; the first of a name hides the others.

    One that is broken is found with its problem. Folders whose names begin with a dot are packages that are
    being written.
    """
    found: dict[str, FoundPackage] = {}
    for root in search_path() if search is None else search:
        for folder in _folders_in(root):
            if folder.name not in found:
                found[folder.name] = _look(folder)
    return [found[name] for name in sorted(found)]


def graphs_in(folder: Path) -> frozenset[str]:
    """The sha256 of the graphs of the package in a folder; none where there is no sound manifest."""
    try:
        package = Package(folder, load_manifest(folder / MANIFEST_NAME))
    except PackageError:
        return frozenset()
    return frozenset(graph.sha256 for _, graph in package.files())


def _folders_in(root: Path) -> list[Path]:
    try:
        folders = list(root.iterdir())
    except OSError:  # it is gone, or not for us to read
        return []
    return [folder for folder in folders if not folder.name.startswith(".") and _holds_manifest(folder)]


def _holds_manifest(folder: Path) -> bool:
    """Whether there is a `model.yaml`, of whatever kind; what is wrong with it is told by who reads it."""
    return os.path.lexists(folder / MANIFEST_NAME)


def _look(folder: Path) -> FoundPackage:
    try:
        package = Package(folder, load_manifest(folder / MANIFEST_NAME))
    except PackageError as error:
        return FoundPackage(folder, None, str(error))
    problem = "\n".join(_complaints(check_graph_file, package))
    return FoundPackage(folder, None if problem else package, problem)


@functools.cache
def _tell_former_variable(*, both: bool) -> None:
    """Log it once: the path is looked up for every package."""
    first = f"; ${MODEL_PATH} is set too and comes first" if both else ""
    _LOG.warning("configuration: %s", f"{renamed(f'${FORMER_MODEL_PATH}', f'${MODEL_PATH}')}{first}")


def _locate(name_or_path: str | Path, search: Sequence[Path] | None) -> Path:
    path = Path(os.path.expanduser(name_or_path))  # noqa: PTH111 Path.expanduser() raises for an unknown user
    if isinstance(name_or_path, Path) or os.sep in name_or_path:
        if _holds_manifest(path):
            return path
        raise PackageError(
            printable(f"{path}: no model package there (a folder with {MANIFEST_NAME} is wanted)")
        )
    search = search_path() if search is None else search
    found = [root / path for root in search if _holds_manifest(root / path)]
    if not found:
        raise PackageError(printable(_unknown(str(path), search)))
    if hidden := found[1:]:
        _LOG.warning("engine %s: taken from %s; not from %s", path, found[0], ", ".join(map(str, hidden)))
    return found[0]


def _unknown(name: str, search: Sequence[Path]) -> str:
    known = [found.path.name for found in find_packages(search)]
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return (
        f"no model package named {name!r}{hint} (known: {', '.join(known) or 'none'}; "
        f"looked in {', '.join(map(str, search)) or 'no folder'})"
    )
