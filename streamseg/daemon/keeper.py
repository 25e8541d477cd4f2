"""Keeps one engine at work: made beside the frames, used by one worker, replaced between two frames.

A keeper belongs to the main thread. What the worker's thread uses sits in a `Seat`, changed by errands.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from streamseg.config.schema import DaemonConfig, EngineConfig
from streamseg.daemon.desk import Desk
from streamseg.daemon.engine_state import EngineState, KeeperEvents
from streamseg.daemon.ladder import EngineLadder, Rung
from streamseg.daemon.loading import Loading
from streamseg.daemon.report import first_line
from streamseg.daemon.seat import Seat, SeatEvents
from streamseg.daemon.stream import Stream
from streamseg.daemon.tuning import batching_of, tuned
from streamseg.errors import EngineError, PackageError, StreamsegError
from streamseg.flow.deadline import Deadline
from streamseg.inference.engine import InferenceEngine
from streamseg.inference.package import Package
from streamseg.inference.worker import EngineWorker, WorkerEvents
from streamseg.redact import redact_credentials

_LOG = logging.getLogger(__name__)


class Keeper:
    """One engine by name, and the streams it serves.

    Attributes:
        name: The engine's name in the configuration.
        config: What the engine in use was made as, or is to be; of a new one only once it has taken over.
        state: See the module.
        why: What led to the state, in a line for a person.
        error: Why it failed for good.
        refused: Why the newest engine could not take over from one that serves; empty where it could.
        stopgap: Until when another backend stands in for the one that is wanted; empty where none does.
    """

    def __init__(
        self,
        name: str,
        config: EngineConfig,
        package: Package,
        desk: Desk,
        limits: Callable[[], DaemonConfig],
        events: KeeperEvents,
    ) -> None:
        self.name, self.config, self.state, self.why = name, config, EngineState.LOADING, ""
        self.error: StreamsegError | None = None
        self.refused = self.stopgap = ""
        self._package, self._desk, self._limits, self._events = package, desk, limits, events
        self._streams: dict[str, Stream] = {}
        self._engine: InferenceEngine | None = None  # the one in use
        self._broken = ""  # the backend of the one that failed last
        self._loading: Loading | None = None
        self._next: tuple[EngineConfig, Package] | None = None  # wanted while another is being made
        self._stopped = False
        self._ladder = EngineLadder()
        self._seat = Seat(self._seat_events())
        told = WorkerEvents(self._seat.failed, events.drained)
        self._worker = EngineWorker(
            self._seat.process, events.made, told, f"engine-{name}", self._seat.process_together
        )

    def _seat_events(self) -> SeatEvents:
        events, hand_in = self._events, self._desk.hand_in
        return SeatEvents(
            events.made,
            partial(events.served, self.name),
            events.failed,
            lambda stream, error: hand_in(partial(events.stream_broken, stream, first_line(error))),
            lambda engine, culprits, error: hand_in(partial(self._mend, engine, culprits, first_line(error))),
            events.drained,
        )

    @property
    def compiling(self) -> bool:
        """Whether an engine is being made, which nothing can interrupt."""
        return self._loading is not None and self._loading.alive

    @property
    def alive(self) -> bool:
        """Whether the worker's thread runs."""
        return self._worker.alive

    @property
    def backend(self) -> str:
        """What runs the engine in use; empty where there is none."""
        return "" if self._engine is None else self._engine.info.backend

    @property
    def model(self) -> str:
        """Hash of the model it runs, or is to run."""
        return self._package.sha256

    def wake(self) -> None:
        """Say that a mailbox has something; any thread."""
        self._worker.wake()

    def start(self) -> None:
        """Start the worker, and begin to make the engine."""
        self._worker.start()
        self._load(self.config, self._package)

    def stop(self) -> None:
        """Ask the worker to end after the frame in hand; no other engine is made. Returns at once."""
        self._stopped = True
        self._worker.stop()
        if self._loading is not None:
            self._loading.cancel()

    def join(self, deadline: Deadline) -> bool:
        """Wait for the worker, no longer than `deadline`; return whether it has ended."""
        if self._loading is not None:
            self._loading.join_builder(deadline)
        return self._worker.join(deadline)

    def close(self) -> None:
        """Free the engine; for when the worker has ended."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    def add(self, stream: Stream) -> None:
        """Serve a stream, or the new mailbox of one that begins anew."""
        self._streams[stream.name] = stream
        if self._engine is not None:
            self._admit(stream, self._engine)
        elif self.state is EngineState.MENDING:
            stream.life.hold(self.why)

    def _admit(self, stream: Stream, engine: InferenceEngine) -> None:
        try:
            pipeline = stream.pipeline(engine)
        except PackageError as error:  # it waits for a new engine's package, which then did not come
            self._events.given_up(stream.name, str(error))
            return
        self._worker.call(partial(self._seat.admit, stream.name, pipeline))
        self._worker.add(stream.name, stream.mailbox)

    def remove(self, name: str, then: Callable[[], None] = lambda: None) -> None:
        """Serve a stream no more; `then` is done once none of its masks can come any more."""
        self._streams.pop(name, None)
        self._worker.remove(name)
        self._worker.call(partial(self._seat.dismiss, name))
        self._worker.call(partial(self._desk.hand_in, then))

    def update(self, stream: Stream) -> None:
        """Make a stream's masks as its configuration now says; what it remembers goes on where it can."""
        if self._engine is None:
            return
        with suppress(PackageError):  # what this engine cannot do, the one that is on its way will
            stage = stream.stage(self._engine)
            self._worker.call(partial(self._seat.change, stream.name, stage, stream.view))

    def tune(self, config: EngineConfig) -> None:
        """Take over what can change while an engine serves: how long a frame waits, whether to fall back."""
        self.config = tuned(self.config, config)
        if self._loading is not None:
            self._loading.wanted = tuned(self._loading.wanted, config)
        if self._next is not None:
            self._next = tuned(self._next[0], config), self._next[1]
        self._worker.call(partial(self._worker.batch, batching_of(self.config, self._package)))

    def replace(self, config: EngineConfig, package: Package) -> None:
        """Make another engine beside the one that serves, to take over between two frames."""
        if self._engine is None:
            self.config, self._package = config, package  # there is none to go back to
        if self.state is EngineState.FAILED:
            self._hold("the engine is made again")
        if self._loading is None:
            self._load(config, package)
        else:
            # a process that builds can be ended; no compiler here can, and what it makes is thrown away
            self._next = config, package
            self._loading.cancel()

    def _load(self, config: EngineConfig, package: Package, without: str | None = None) -> None:
        loading = Loading(
            self.name,
            package,
            config,
            lambda engine: self._desk.hand_in(lambda: self._loaded(loading, engine)),
            lambda error: self._desk.hand_in(lambda: self._not_loaded(loading, error)),
            without=without,
            stopgap=self._engine is None and config.fallback,
        )
        self._loading = loading
        loading.start()

    def _loaded(self, loading: Loading, engine: InferenceEngine) -> None:
        self._loading = None
        if self._stopped or self._next is not None:
            engine.close()
            self._load_next()
            return
        old, self._engine, self.refused = self._engine, engine, ""
        self.config, self._package = loading.made_as(engine), loading.package
        pipelines = {name: stream.pipeline(engine) for name, stream in self._streams.items()}
        self._worker.call(partial(self._seat.take, engine, pipelines))
        self._worker.call(partial(self._worker.batch, batching_of(self.config, self._package)))
        for name, stream in self._streams.items():
            self._worker.add(name, stream.mailbox)
            stream.life.release()
        self.stopgap = loading.until
        what = f"{self._package.manifest.name} on {engine.info.backend}"
        self._enter(EngineState.SERVING, f"{what}, {self.stopgap}" if self.stopgap else what)
        if self.stopgap:
            self._load(loading.wanted, loading.package)
        if old is not None:
            self._worker.call(partial(self._desk.hand_in, old.close))
            self._events.replaced(self.name, None)

    def _not_loaded(self, loading: Loading, error: StreamsegError) -> None:
        self._loading = None
        if self._stopped or self._next is not None:
            self._load_next()
        elif self._engine is not None:
            self.refused, self.stopgap = redact_credentials(str(error)), ""
            self._events.replaced(self.name, error)
        elif self.state is EngineState.MENDING:
            self._climb(str(error), frozenset(self._streams))
        elif isinstance(error, EngineError) and (failed := self._failed_backend(loading)):
            _LOG.warning("engine %s: %s; trying another backend", self.name, error)
            self._load(loading.wanted, loading.package, without=failed)
        else:
            self._give_up(error)

    def _load_next(self) -> None:
        wanted, self._next = self._next, None
        if wanted is not None and not self._stopped:
            self._load(*wanted)

    def _failed_backend(self, loading: Loading) -> str:
        """The backend that another one may stand in for; empty where none may, or all have been tried.

        `auto` has tried all that could not load the package, but none behind one that then could not run it.
        """
        wanted = loading.wanted
        if not wanted.fallback or loading.without is not None:
            return ""
        return loading.failed_backend or ("" if wanted.backend == "auto" else wanted.backend)

    def _mend(self, broken: InferenceEngine, culprits: frozenset[str], what: str) -> None:
        """The engine is to blame, and gets replaced; meanwhile frames wait."""
        if self._stopped or broken is not self._engine:
            return
        self._broken, self._engine = self.backend, None
        for name in self._streams:
            self._worker.remove(name)
        self._worker.call(self._seat.leave)
        self._worker.call(partial(self._desk.hand_in, broken.close))
        if self._loading is not None:
            self._hold(f"the engine failed ({what}); the new one is on its way")
        else:
            self._climb(what, culprits)

    def _climb(self, what: str, culprits: frozenset[str]) -> None:
        window_s = self._limits().restart_window_s
        match self._ladder.next(time.monotonic(), window_s, fallback=self.config.fallback):
            case Rung.REBUILD:
                self._hold(f"the engine failed ({what}); making it again")
                self._load(self.config, self._package)
            case Rung.FALL_BACK:
                self._hold(f"the engine failed again ({what}); trying another backend than {self._broken}")
                self._load(self.config, self._package, without=self._broken)
            case Rung.GIVE_UP:
                self._part(what, culprits)

    def _part(self, what: str, culprits: frozenset[str]) -> None:
        """No engine helps these streams; others may still do well without them."""
        others = [s for name, s in self._streams.items() if name not in culprits and not s.life.over]
        if not others:
            self._give_up(EngineError(f"engine {self.name} failed on every backend: {what}"))
            return
        for name in culprits & self._streams.keys():
            self._events.given_up(name, f"no engine could process its frames: {what}")
        self._hold("the engine is made again without the streams that it failed on")
        self._load(self.config, self._package)

    def _give_up(self, error: StreamsegError) -> None:
        self.error = error
        for name in tuple(self._streams):
            self._events.given_up(name, str(error))
        self._enter(EngineState.FAILED, str(error))

    def _hold(self, why: str) -> None:
        for stream in self._streams.values():
            stream.life.hold(why)
        self._enter(EngineState.MENDING, why)

    def _enter(self, state: EngineState, why: str) -> None:
        self.state, self.why = state, why
        level = logging.INFO if state is EngineState.SERVING else logging.ERROR
        _LOG.log(level, "engine %s: %s: %s", self.name, state.value, why)
        self._events.changed()
