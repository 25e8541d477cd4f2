"""Compiling the engine on a thread of its own, so that meanwhile cameras connect and signals are heeded."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event

from streamseg.config.schema import EngineConfig
from streamseg.errors import EngineError, StreamsegError
from streamseg.flow.stage import Stage
from streamseg.inference.engine import InferenceEngine
from streamseg.inference.package import Package
from streamseg.inference.select import load_engine


class Loading:
    """Makes one engine.

    Args:
        package: What to compile, its hashes verified.
        wanted: How.
        ready: Told, on the loading thread, the engine once it is warm.
        failed: Told, on the loading thread, why there is none, or why `ready` failed.
    """

    def __init__(
        self,
        package: Package,
        wanted: EngineConfig,
        ready: Callable[[InferenceEngine], None],
        failed: Callable[[StreamsegError], None],
    ) -> None:
        self._package, self._wanted = package, wanted
        self._ready, self._failed = ready, failed
        self._engine: InferenceEngine | None = None
        self._stage = Stage("loading", self._body, on_crash=self._crashed)

    @property
    def alive(self) -> bool:
        """Whether it is at work. No compiler can be interrupted; whoever cannot wait leaves it behind."""
        return self._stage.alive

    def start(self) -> None:
        """Start; returns at once."""
        self._stage.start()

    def close(self) -> None:
        """Free the engine, if there is one and nobody uses it any more; one still at work is left alone."""
        if self._engine is not None and not self.alive:
            self._engine.close()

    def _body(self, _: Event) -> None:
        wanted = self._wanted
        try:
            engine = load_engine(
                self._package, wanted.backend, wanted.precision, wanted.threads, wanted.cache_dir
            )
            self._engine = engine
            engine.warm_up()
            self._ready(engine)
        except StreamsegError as error:
            self._failed(error)

    def _crashed(self, error: BaseException) -> None:
        name = self._package.manifest.name
        self._failed(EngineError(f"{name}: loading it failed ({type(error).__name__}); see the log"))
