"""OpenVINO on the CPU: the default backend.

Each graph computes in bf16 where that is the faster, as measured on this machine. That is sound for a
stabiliser too: the plugin keeps what is not between convolutions in f32, so sampling coordinates and the
memory itself stay exact (the shipped one agrees with f32 on 99.998 % of the pixels of a 101-frame clip).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import openvino as ov

from streamseg.errors import EngineError, PackageError
from streamseg.inference.backend import BackendReport, Progress, Settings
from streamseg.inference.backends.cpu_engine import CpuEngine, least_ms, one_line
from streamseg.inference.backends.openvino_core import core
from streamseg.inference.backends.openvino_graph import DEVICE, Kept, OpenVinoGraph, name_of
from streamseg.inference.cache.key import CacheKey, Machine
from streamseg.inference.cache.store import CompileCache
from streamseg.inference.cpu_info import cpu_features, cpu_name
from streamseg.inference.engine import EngineInfo
from streamseg.inference.packages.contract import ANY, GraphSpec, PackageCheck, TensorSpec
from streamseg.inference.packages.manifest import GraphFile, GraphRole
from streamseg.inference.packages.package import INT8, Package
from streamseg.inference.precision_benchmark import PrecisionChoice, fastest

NAME = "openvino"
_DTYPES = {"u8": "uint8", "f32": "float32", "f16": "float16", "i64": "int64"}


def report() -> BackendReport:
    """What OpenVINO can do here."""
    precisions = ("bf16", "f32", INT8) if _computes_bf16() else ("f32", INT8)
    return BackendReport(NAME, usable=True, version=_version(), why_not="", precisions=precisions)


def machine() -> Machine:
    """What a compiled graph is good for: this version of OpenVINO on this processor."""
    return Machine(NAME, str(ov.__version__), cpu_name(), " ".join(cpu_features()))


def load(package: Package, settings: Settings) -> CpuEngine:
    """Compiles a package with OpenVINO; see `Backend.load`."""
    loader = _Loader(package, settings, CompileCache(settings.cache))
    choices = {role: loader.choose(role) for role in package.engine_graphs}
    graphs = {role: loader.graph(role, choice.precision) for role, choice in choices.items()}
    return CpuEngine(package, _info(choices), graphs, max_batch=settings.max_batch)


def build(package: Package, settings: Settings, progress: Progress) -> EngineInfo:
    """Compiles a package into the cache, for every batch it may be given; see `Builder.build`."""
    loader = _Loader(package, settings, CompileCache(settings.cache, strict=True))
    most = min(settings.max_batch, package.manifest.max_batch or settings.max_batch)
    choices: dict[GraphRole, PrecisionChoice] = {}
    for role in package.engine_graphs:
        for size in range(1, most + 1):
            if not progress(role, size - 1, most):
                raise EngineError(f"{package.manifest.name}: building it was stopped")
            if size == 1:
                choices[role] = loader.choose(role)
            loader.graph(role, choices[role].precision).batch(size)
        progress(role, most, most)
    return _info(choices)


class _Loader:
    """The graphs of a package, read and checked, and compiled as they are asked for."""

    def __init__(self, package: Package, settings: Settings, store: CompileCache) -> None:
        self._core = core()
        self._package = package
        self._settings = settings
        self._able = _computes_bf16()
        self._compiled: dict[tuple[GraphRole, str], OpenVinoGraph] = {}
        if settings.precision == "f16":
            raise EngineError("openvino computes in f32, bf16 or int8, not in f16; set precision to auto")
        if settings.precision == "bf16" and not self._able:
            raise EngineError("this CPU does not compute in bf16; set precision to f32 or auto")
        self._store = store
        self._models = self._read_all()

    def choose(self, role: GraphRole) -> PrecisionChoice:
        """The precision of a graph; what is configured is the segmenter's, and f32 everyone's."""
        asked = self._settings.precision
        if asked == "f32" or (asked != "auto" and role is GraphRole.SEGMENTER):
            return PrecisionChoice(asked, f"{asked} as configured")
        candidates = self._candidates(role)
        if len(candidates) == 1:
            return PrecisionChoice(candidates[0], "this CPU has no bf16")
        graphs = " ".join(sorted({self._entry(role, name).sha256 for name in candidates}))
        key = f"{graphs} {cpu_name()} {NAME} {_version()} {self._settings.threads} threads"
        return fastest(
            candidates,
            lambda name: least_ms(graph := self.graph(role, name), graph.batch(1).blank()),
            key,
            self._settings.memo,
            again=self._settings.measure,
        )

    def _candidates(self, role: GraphRole) -> list[str]:
        """The precisions of a graph that this CPU and the package allow."""
        names = ["bf16", "f32"] if self._able else ["f32"]
        if role is GraphRole.SEGMENTER and self._package.allows_int8:
            names.append(INT8)
        return names

    def _entry(self, role: GraphRole, precision: str) -> GraphFile:
        return self._package.running(precision)[role]

    def graph(self, role: GraphRole, precision: str) -> OpenVinoGraph:
        """A graph compiled for one picture; one that was timed is not compiled again."""
        if (role, precision) not in self._compiled:
            kept = Kept(self._store, self._key(role, precision), self._package.origin(role))
            entry = self._entry(role, precision)
            # what is left in float of an int8 graph is left so to be exact
            options = _options("f32" if precision == INT8 else precision, self._settings)
            path = self._package.path / entry.file
            made = OpenVinoGraph(self._core, self._models[entry.file], options, kept, path)
            made.batch(1)
            self._compiled[role, precision] = made
        return self._compiled[role, precision]

    def _key(self, role: GraphRole, precision: str) -> CacheKey:
        flags = f"latency, {self._settings.threads} threads"
        return CacheKey(self._entry(role, precision).sha256, machine(), precision, profile="", flags=flags)

    def _read_all(self) -> dict[str, ov.Model]:
        """By file: all that an engine may run in the precision asked for."""
        models: dict[str, ov.Model] = {}
        for precision in self._package.precisions(self._settings.precision):
            check = PackageCheck(self._package, precision)
            for role, entry in self._package.running(precision).items():
                if entry.file not in models:
                    models[entry.file] = self._read(role, entry)
                check.graph(role, _spec(models[entry.file]))
        return models

    def _read(self, role: GraphRole, entry: GraphFile) -> ov.Model:
        # not by the file's name: what is compiled of it is kept under the hash of these very bytes
        content = self._package.read(role, entry)
        try:
            return self._core.read_model(content)
        except RuntimeError as error:
            path = self._package.path / entry.file
            raise PackageError(f"{path}: OpenVINO cannot read it: {one_line(error)}") from error


def _info(choices: Mapping[GraphRole, PrecisionChoice]) -> EngineInfo:
    first = choices[GraphRole.SEGMENTER]
    others = (f"{role} in {choice.precision}" for role, choice in choices.items() if choice is not first)
    why = "; ".join(filter(None, (first.why, ", ".join(others))))
    return EngineInfo(NAME, first.precision, cpu_name(), _version(), why, first.times_ms)


def _computes_bf16() -> bool:
    # The plugin lists BF16 also where it only emulates it; its own default tells where that is faster.
    capable = "BF16" in core().get_property(DEVICE, "OPTIMIZATION_CAPABILITIES")
    return capable and core().get_property(DEVICE, "INFERENCE_PRECISION_HINT") == ov.Type.bf16


def _options(precision: str, settings: Settings) -> dict[str, Any]:
    return {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": settings.threads,
    }


def _spec(model: ov.Model) -> GraphSpec:
    return GraphSpec(tuple(map(_tensor_spec, model.inputs)), tuple(map(_tensor_spec, model.outputs)))


def _tensor_spec(port: Any) -> TensorSpec:
    shape, type_name = port.partial_shape, port.element_type.get_type_name()
    sizes = (ANY if size.is_dynamic else size.get_length() for size in shape) if shape.rank.is_static else ()
    return TensorSpec(name_of(port), _DTYPES.get(type_name, type_name), tuple(sizes))


def _version() -> str:
    return str(ov.__version__).partition("-")[0]
