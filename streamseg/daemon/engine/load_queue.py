"""Engines loaded one at a time, beside the frames; of those asked for meanwhile the last one counts."""

from __future__ import annotations

from collections.abc import Callable

from streamseg.concurrency.deadline import Deadline
from streamseg.config.schema import EngineConfig
from streamseg.daemon.engine.loader import EngineLoader
from streamseg.daemon.engine.tuning import tuned
from streamseg.daemon.events import Events
from streamseg.errors import StreamsegError
from streamseg.inference.engine import InferenceEngine
from streamseg.inference.packages.package import Package


class LoadQueue:
    """For the main thread; `loaded` and `failed` are called there, for the last engine asked for.

    Args:
        name: The engine's name in the configuration.
        events: Who else hears of engines that are loaded, or are not.
        call: Has something done on the main thread, from any.
        loaded: Told what was loaded, and the engine, which is the receiver's from then on.
        failed: Told what could not be loaded, and why.
    """

    def __init__(
        self,
        name: str,
        events: Events,
        call: Callable[[Callable[[], None]], None],
        loaded: Callable[[EngineLoader, InferenceEngine], None],
        failed: Callable[[EngineLoader, StreamsegError], None],
    ) -> None:
        self._name, self._events, self._call = name, events, call
        self._loaded, self._failed = loaded, failed
        self._loading: EngineLoader | None = None
        self._next: tuple[EngineConfig, Package, bool] | None = None  # wanted while another is being loaded
        self._stopped = False

    @property
    def busy(self) -> bool:
        """Whether an engine is asked for that has neither come nor failed."""
        return self._loading is not None

    @property
    def compiling(self) -> bool:
        """Whether a thread is at it, which nothing can interrupt."""
        return self._loading is not None and self._loading.alive

    def load(
        self, config: EngineConfig, package: Package, *, without: str | None = None, stopgap: bool = False
    ) -> None:
        """Begin to load an engine; none may be under way. See `EngineLoader` for the arguments."""
        loading = EngineLoader(
            self._name,
            package,
            config,
            self._events.engine_loaded.to(
                lambda engine: self._call(lambda: self._on_loaded(loading, engine))
            ),
            self._events.engine_load_failed.to(
                lambda error: self._call(lambda: self._on_failed(loading, error))
            ),
            without=without,
            stopgap=stopgap,
        )
        self._loading = loading
        loading.start()

    def replace(self, config: EngineConfig, package: Package, *, stopgap: bool) -> None:
        """Load another engine, in place of one that is under way."""
        if self._loading is None:
            self.load(config, package, stopgap=stopgap)
            return
        # a process that builds can be ended; no compiler here can, and what it makes is thrown away
        self._next = config, package, stopgap
        self._loading.cancel()

    def tune(self, config: EngineConfig) -> None:
        """Take over what needs no other engine, for those that are asked for."""
        if self._loading is not None:
            self._loading.wanted = tuned(self._loading.wanted, config)
        if self._next is not None:
            self._next = tuned(self._next[0], config), *self._next[1:]

    def stop(self) -> None:
        """Load no more; what is under way is thrown away."""
        self._stopped = True
        if self._loading is not None:
            self._loading.cancel()

    def join_builder(self, deadline: Deadline) -> None:
        """Wait for the end of a build that was cancelled; for no compiler in this process."""
        if self._loading is not None:
            self._loading.join_builder(deadline)

    def _on_loaded(self, loading: EngineLoader, engine: InferenceEngine) -> None:
        self._loading = None
        if self._stopped or self._next is not None:
            engine.close()
            self._load_next()
        else:
            self._loaded(loading, engine)

    def _on_failed(self, loading: EngineLoader, error: StreamsegError) -> None:
        self._loading = None
        if self._stopped or self._next is not None:
            self._load_next()
        else:
            self._failed(loading, error)

    def _load_next(self) -> None:
        wanted, self._next = self._next, None
        if wanted is not None and not self._stopped:
            config, package, stopgap = wanted
            self.load(config, package, stopgap=stopgap)
