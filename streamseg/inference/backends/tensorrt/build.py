"""A prepared graph to a plan: what TensorRT runs. TensorRT-RTX does it without a GPU.

Everything here is a function of its arguments, so that a child process can call it: a builder takes minutes
and gigabytes on some machines, and a crash in it must not be the daemon's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from streamseg.errors import EngineError
from streamseg.inference.backend import Progress
from streamseg.inference.backends.tensorrt.logger import LogCollector


@dataclass(frozen=True, slots=True)
class Batches:
    """How many pictures a plan must take at once, at least and at most, and for how many it is tuned."""

    least: int = 1
    tuned: int = 1
    most: int = 1


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """What to build.

    Attributes:
        onnx: The prepared graph (`prepare.prepared`).
        name: The graph's file, for errors.
        precision: What it was prepared for.
        batches: The optimisation profile over N.
        workspace_mb: Most scratch memory of a layer, MiB; 0: as much as the GPU has.
        tactic_mb: Most memory a candidate may take while the builder tries it, MiB; 0: TensorRT's own limit,
            on a Jetson three quarters of the memory that CPU and GPU share.
        capabilities: Compute capabilities to build for without their GPU (TensorRT-RTX alone); empty: this
            machine's GPU.
    """

    onnx: bytes
    name: str
    precision: str
    batches: Batches = Batches()
    workspace_mb: int = 0
    tactic_mb: int = 0
    capabilities: tuple[tuple[int, int], ...] = ()

    @property
    def label(self) -> str:
        """What the plan is called inside: whoever loads it can tell what was asked for."""
        return f"{self.name} {self.precision}"


@dataclass(frozen=True, slots=True)
class Built:
    """A plan, and what is known of the kernels' times by now, for the next build; None where none is kept."""

    plan: bytes
    timing: bytes | None


def build_plan(
    trt: Any, request: BuildRequest, timing: bytes | None = None, progress: Progress | None = None
) -> Built:
    """Build a plan.

    Args:
        trt: The module `tensorrt` or `tensorrt_rtx`.
        request: What to build.
        timing: What earlier builds on this machine measured; an unfit one is not used, an empty one begins
            it. None: without one, for TensorRT-RTX, which measures nothing.
        progress: Told of every step; it stops the build by returning False.

    Raises:
        EngineError: The graph holds what TensorRT cannot do (the text names the node), or the builder failed
            or was stopped.
    """
    return _Building(trt, request, timing, progress).run()


class _Building:
    """One build. The network outlives the parser, and the log all of them."""

    def __init__(
        self, trt: Any, request: BuildRequest, timing: bytes | None, progress: Progress | None
    ) -> None:
        self._trt, self._request, self._timing, self._progress = trt, request, timing, progress
        self._words = LogCollector(trt)
        self._stopped = False

    def run(self) -> Built:
        # none is made where this TensorRT builds on a GPU alone
        builder = self._words.made("TensorRT's builder does not start", self._trt.Builder, self._words.sink)
        typed = 1 << int(self._trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
        network = self._made("network", builder.create_network, typed)
        self._parse(network)
        network.name = self._request.label
        self._require_precision(network)
        config = self._made("configuration", builder.create_builder_config)
        self._configure(config)
        monitor = self._watch(config)
        self._fill(self._made("profile", builder.create_optimization_profile), network, config)
        timing = self._timing_cache(config)
        plan = builder.build_serialized_network(network, config)
        if plan is None:
            what = "was stopped" if self._stopped else "failed"
            raise self._words.failure(f"{self._request.name}: building for TensorRT {what}")
        del monitor  # the builder called it until now
        known = None if timing is None else timing.serialize()
        return Built(bytes(plan), None if known is None else bytes(known))

    def _made(self, what: str, make: Callable[..., Any], *arguments: Any) -> Any:
        return self._words.made(f"{self._request.name}: TensorRT makes no {what}", make, *arguments)

    def _parse(self, network: Any) -> None:
        parser = self._made("parser", self._trt.OnnxParser, network, self._words.sink)
        if parser.parse(self._request.onnx):
            return
        faults = "; ".join(_fault(parser.get_error(index)) for index in range(parser.num_errors))
        raise self._words.failure(f"{self._request.name}: TensorRT cannot take it", faults)

    def _require_precision(self, network: Any) -> None:
        """A graph in float32 silently gives an engine in float32, whatever was asked for."""
        trt, layers = self._trt, [network.get_layer(index) for index in range(network.num_layers)]
        heavy = [layer for layer in layers if layer.type == trt.LayerType.CONVOLUTION]
        exact = [layer.name for layer in heavy if layer.get_output(0).dtype == trt.DataType.FLOAT]
        if self._request.precision == "f16" and exact:
            many = f"{len(exact)} of its {len(heavy)} convolutions are not: {exact[0]}"
            raise EngineError(f"{self._request.name}: f16 was asked for, but {many}, …")
        if self._request.precision == "int8" and all(
            layer.type != trt.LayerType.QUANTIZE for layer in layers
        ):
            raise EngineError(
                f"{self._request.name}: int8 was asked for, but nothing in the graph is quantised"
            )

    def _configure(self, config: Any) -> None:
        trt, request = self._trt, self._request
        config.clear_flag(trt.BuilderFlag.TF32)  # its 10 bits of mantissa are not what f32 promises
        pools = {
            trt.MemoryPoolType.WORKSPACE: request.workspace_mb,
            trt.MemoryPoolType.TACTIC_DRAM: request.tactic_mb,
        }
        for pool, limit_mb in pools.items():
            if limit_mb:
                config.set_memory_pool_limit(pool, limit_mb << 20)
        if request.capabilities:
            self._aim(config)

    def _aim(self, config: Any) -> None:
        kinds = getattr(self._trt, "ComputeCapability", None)  # TensorRT-RTX's alone
        known = {} if kinds is None else kinds.__members__
        names = [f"SM{major}{minor}" for major, minor in self._request.capabilities]
        if strange := [name for name in names if name not in known]:
            raise EngineError(f"{self._trt.__name__} cannot build for {', '.join(strange)} away from its GPU")
        config.num_compute_capabilities = len(names)
        for index, name in enumerate(names):
            if not config.set_compute_capability(known[name], index):
                raise self._words.failure(f"{self._request.name}: TensorRT cannot build for {name}")

    def _watch(self, config: Any) -> Any:
        if self._progress is None:
            return None
        config.progress_monitor = monitor = make_monitor(self._trt, self._step)
        return monitor

    def _fill(self, profile: Any, network: Any, config: Any) -> None:
        """One profile: every input may have the batches asked for, nothing else of it moves."""
        batches = self._request.batches
        for index in range(network.num_inputs):
            tensor = network.get_input(index)
            plane = tuple(tensor.shape)[1:]
            sizes = (batches.least, batches.tuned, batches.most)
            profile.set_shape(tensor.name, *((size, *plane) for size in sizes))
        if config.add_optimization_profile(profile) < 0:
            asked = f"{batches.least} to {batches.most} pictures, tuned for {batches.tuned}"
            raise self._words.failure(f"{self._request.name}: TensorRT refuses batches of {asked}")

    def _timing_cache(self, config: Any) -> Any:
        """What kernels took in earlier builds; None where none is wanted, or TensorRT takes none."""
        if self._timing is None:
            return None
        cache = config.create_timing_cache(self._timing) or config.create_timing_cache(b"")
        return cache if cache is not None and config.set_timing_cache(cache, False) else None

    def _step(self, phase: str, done: int, total: int) -> bool:
        if self._progress is not None and not self._progress(phase, done, total):
            self._stopped = True
        return not self._stopped


def _fault(error: Any) -> str:
    where = f"node {error.node_name()} ({error.node_operator()}): " if error.node_name() else ""
    return f"{where}{error.desc()}"


def make_monitor(trt: Any, step: Progress) -> Any:
    """An `IProgressMonitor`; its class can only be made once TensorRT is there."""
    totals: dict[str, int] = {}

    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)

        def phase_start(self, phase: str, _parent: str | None, steps: int) -> None:
            totals[phase] = steps
            step(phase, 0, steps)

        def step_complete(self, phase: str, done: int) -> bool:
            return step(phase, done, totals[phase])

        def phase_finish(self, phase: str) -> None:
            totals.pop(phase, None)

    return Monitor()
