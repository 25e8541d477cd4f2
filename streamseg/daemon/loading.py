"""Compiling an engine on a thread of its own, so that meanwhile cameras connect and signals are heeded."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import cast

from streamseg.config.schema import EngineConfig
from streamseg.errors import EngineError, StreamsegError
from streamseg.flow.stage import Stage
from streamseg.inference.backend import BackendName, Precision
from streamseg.inference.engine import InferenceEngine
from streamseg.inference.package import Package
from streamseg.inference.select import load_engine, usable_backends


class Loading:
    """Makes one engine.

    Args:
        name: What the engine is called.
        package: What to compile, its hashes verified.
        wanted: How.
        ready: Told, on the loading thread, the engine once it is warm; whoever is told owns it.
        failed: Told, on the loading thread, why there is none, or why `ready` failed.
        without: Take another backend than this one, whatever is configured.
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
    ) -> None:
        self.package, self.wanted, self.without = package, wanted, without
        self._ready, self._failed = ready, failed
        self._stage = Stage(f"loading-{name}", self._body, on_crash=self._crashed)

    @property
    def alive(self) -> bool:
        """Whether it is at work. No compiler can be interrupted; whoever cannot wait leaves it behind."""
        return self._stage.alive

    def start(self) -> None:
        """Start; returns at once."""
        self._stage.start()

    def _body(self, _: Event) -> None:
        try:
            engine = self._as_wanted() if self.without is None else self._with_another(self.without)
            self._warm(engine)
            self._ready(engine)
        except StreamsegError as error:
            self._failed(error)

    def _as_wanted(self) -> InferenceEngine:
        return self._load(self.wanted.backend, self.wanted.precision)

    def _load(self, backend: BackendName, precision: Precision) -> InferenceEngine:
        wanted = self.wanted
        return load_engine(
            self.package, backend, precision, wanted.threads, wanted.cache_dir, wanted.max_batch
        )

    def _with_another(self, without: str) -> InferenceEngine:
        """The first other backend that can do it; in whatever precision it likes."""
        failures: list[str] = []
        for report in usable_backends():
            if report.name == without or not report.usable:
                continue
            backend = cast("BackendName", report.name)
            try:
                return self._load(backend, "auto")
            except StreamsegError as error:
                failures.append(str(error))
        why = f": {'; '.join(failures)}" if failures else ""
        raise EngineError(f"{self.package.manifest.name}: no other backend than {without} can run it{why}")

    def _warm(self, engine: InferenceEngine) -> None:
        try:
            engine.warm_up()
        except BaseException:
            engine.close()
            raise

    def _crashed(self, error: BaseException) -> None:
        name = self.package.manifest.name
        self._failed(EngineError(f"{name}: loading it failed ({type(error).__name__}); see the log"))
