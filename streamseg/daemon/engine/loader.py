"""Compiling an engine on a thread of its own, so that meanwhile cameras connect and signals are heeded."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from threading import Event
from typing import cast

from streamseg.concurrency.deadline import Deadline
from streamseg.concurrency.worker_thread import StoppableThread
from streamseg.config.schema import EngineConfig
from streamseg.errors import EngineError, StreamsegError
from streamseg.inference.backend import BackendName, Precision
from streamseg.inference.backends.registry import CPU, load_engine, usable_backends
from streamseg.inference.build import Order, unbuilt
from streamseg.inference.build_process import BuildProcess
from streamseg.inference.engine import InferenceEngine
from streamseg.inference.packages.package import Package

_LOG = logging.getLogger(__name__)


class EngineLoader:
    """Makes one engine.

    Args:
        name: What the engine is called.
        package: What to compile, its hashes verified.
        wanted: How.
        ready: Told, on the loading thread, the engine once it is warm; whoever is told owns it.
        failed: Told, on the loading thread, why there is none, or why `ready` failed.
        without: Take another backend than this one, whatever is configured.
        stopgap: Nothing serves yet: where plans have to be built first, take a backend of the CPU meanwhile.

    Attributes:
        unbuilt: The graphs that have no plan, so that the engine handed over is a stopgap.
        failed_backend: What loaded the package and then could not run it; empty where nothing did.
    """

    def __init__(
        self,
        name: str,
        package: Package,
        wanted: EngineConfig,
        ready: Callable[[InferenceEngine], None],
        failed: Callable[[StreamsegError], None],
        *,
        without: str | None = None,
        stopgap: bool = False,
    ) -> None:
        self.package, self.wanted, self.without = package, wanted, without
        self.unbuilt: tuple[str, ...] = ()
        self.failed_backend = ""
        self._name, self._ready, self._failed, self._stopgap = name, ready, failed, stopgap
        self._order = Order(
            package.path,
            wanted.backend,
            wanted.precision,
            wanted.max_batch,
            wanted.threads,
            wanted.cache_dir,
            gently=True,
        )
        self._builder = BuildProcess(self._order)
        self._building = ""  # the graph
        self._stage = StoppableThread(f"loading-{name}", self._body, on_crash=self._crashed)

    @property
    def alive(self) -> bool:
        """Whether it is at work. No compiler can be interrupted; whoever cannot wait leaves it behind."""
        return self._stage.alive

    def start(self) -> None:
        """Start; returns at once."""
        self._stage.start()

    @property
    def until(self) -> str:
        """Until when the engine handed over stands in for the one that is wanted; empty where it is that."""
        if not self.unbuilt:
            return ""
        return f"until {', '.join(self.unbuilt)} is built for the backend {self.wanted.backend}"

    @property
    def replaceable_backend(self) -> str:
        """The backend that another one may stand in for; empty where none may, or all have been tried.

        `auto` has tried all that could not load the package, but none behind one that then could not run it.
        """
        wanted = self.wanted
        if not wanted.fallback or self.without is not None:
            return ""
        return self.failed_backend or ("" if wanted.backend == "auto" else wanted.backend)

    def made_as(self, engine: InferenceEngine) -> EngineConfig:
        """What would have to be configured to get the engine that was handed over."""
        if not self.unbuilt:
            return self.wanted
        return self.wanted.model_copy(update={"backend": engine.info.backend, "precision": "auto"})

    def cancel(self) -> None:
        """End the process that builds, if there is one or is to be one; what is compiled here goes on."""
        self._builder.cancel()

    def join_builder(self, deadline: Deadline) -> None:
        """Wait for the end of a build that was cancelled; for no compiler in this process."""
        if self._builder.running:
            self._stage.join(deadline)

    def _body(self, _: Event) -> None:
        try:
            engine = self._as_wanted() if self.without is None else self._with_another(self.without)
            self._ready(engine)
        except StreamsegError as error:
            self._failed(error)

    def _as_wanted(self) -> InferenceEngine:
        lacking = unbuilt(self.package, self._order)
        if lacking and self._stopgap and (engine := self._on_cpu()) is not None:
            self.unbuilt = lacking
            return engine
        if lacking:
            self._builder.run(self._told)
        return self._load(self.wanted.backend, self.wanted.precision)

    def _on_cpu(self) -> InferenceEngine | None:
        try:
            return self._first(CPU)
        except EngineError as error:
            _LOG.warning("engine %s: nothing serves until it is built: %s", self._name, error)
            return None

    def _told(self, phase: str, _done: int, _of: int) -> bool:
        graph = phase.partition(":")[0]
        if graph != self._building:
            _LOG.info("engine %s: building %s for %s", self._name, graph, self.wanted.backend)
        self._building = graph
        return True

    def _load(self, backend: BackendName, precision: Precision) -> InferenceEngine:
        """Warm, since a GPU's memory may be full only once the graphs run."""
        wanted = self.wanted
        engine = load_engine(
            self.package,
            backend,
            precision,
            wanted.threads,
            wanted.cache_dir,
            wanted.max_batch,
            wanted.cuda_graphs,
            *self._gpu_options(backend),
        )
        self._warm(engine)
        return engine

    def _gpu_options(self, backend: BackendName) -> tuple[int, int]:
        """Which GPU and how much of it: for the configured backend alone, not for one that stands in."""
        wanted = self.wanted
        return (wanted.gpu, wanted.gpu_memory_limit_mb) if backend == wanted.backend else (0, 0)

    def _with_another(self, without: str) -> InferenceEngine:
        """The first other backend that can do it; in whatever precision it likes."""
        reports = (report for report in usable_backends() if report.usable and report.name != without)
        try:
            return self._first(cast("BackendName", report.name) for report in reports)
        except EngineError as error:
            text = f"{self.package.manifest.name}: no other backend than {without} can run it"
            raise EngineError(f"{text}: {error}" if str(error) else text) from error

    def _first(self, backends: Iterable[BackendName]) -> InferenceEngine:
        """With the first backend that can do it. Raises EngineError: why each could not."""
        failures: list[str] = []
        for backend in backends:
            try:
                return self._load(backend, "auto")
            except StreamsegError as error:
                failures.append(str(error))
        raise EngineError("; ".join(failures))

    def _warm(self, engine: InferenceEngine) -> None:
        try:
            engine.warm_up()
        except BaseException:
            self.failed_backend = engine.info.backend
            engine.close()
            raise

    def _crashed(self, error: BaseException) -> None:
        name = self.package.manifest.name
        self._failed(EngineError(f"{name}: loading it failed ({type(error).__name__}); see the log"))
