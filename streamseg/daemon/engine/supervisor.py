"""Keeps one engine at work: made beside the frames, used by one thread, replaced between two frames.

A keeper belongs to the main thread; the engine's own is an `EngineThread`. Whatever goes wrong in a keeper's
own work counts as a failure of its engine, which is then made again as the ladder says.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial

from streamseg.concurrency.deadline import Deadline
from streamseg.config.schema import DaemonConfig, EngineConfig
from streamseg.daemon.engine.load_queue import LoadQueue
from streamseg.daemon.engine.loader import EngineLoader
from streamseg.daemon.engine.recovery import RecoveryPolicy, RecoveryStep
from streamseg.daemon.engine.state import EngineState
from streamseg.daemon.engine.thread import EngineThread
from streamseg.daemon.engine.tuning import batching_of, tuned
from streamseg.daemon.event_loop import EventLoop
from streamseg.daemon.events import Events
from streamseg.daemon.packages import check_publishable
from streamseg.daemon.status_text import first_line
from streamseg.daemon.stream.pipeline import Pipeline
from streamseg.daemon.stream.stream import Stream
from streamseg.errors import EngineError, PackageError, StreamsegError
from streamseg.inference.engine import InferenceEngine
from streamseg.inference.packages.package import Package
from streamseg.redact import redact_credentials

_LOG = logging.getLogger(__name__)
_ACTION = "engine_supervision"  # what errors in a keeper's own work are counted as


class EngineSupervisor:
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
        desk: EventLoop,
        limits: Callable[[], DaemonConfig],
        events: Events,
    ) -> None:
        self.name, self.config, self.state, self.why = name, config, EngineState.LOADING, ""
        self.error: StreamsegError | None = None
        self.refused = self.stopgap = ""
        self._package, self._desk, self._limits, self._events = package, desk, limits, events
        self._streams: dict[str, Stream] = {}
        self._engine: InferenceEngine | None = None  # the one in use
        self._broken = ""  # the backend of the one that failed last
        self._stopped = False
        self._ladder = RecoveryPolicy()
        self._thread = EngineThread(
            name,
            events,
            lambda engine, streams, error: self._hand_in(partial(self._mend, engine, streams, error)),
        )
        self._loads = LoadQueue(name, events, self._hand_in, self._loaded, self._not_loaded)
        desk.errors.register(_ACTION)

    @property
    def compiling(self) -> bool:
        """Whether an engine is being made, which nothing can interrupt."""
        return self._loads.compiling

    @property
    def alive(self) -> bool:
        """Whether the engine's thread runs."""
        return self._thread.alive

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
        self._thread.wake()

    def start(self) -> None:
        """Start the worker, and begin to make the engine."""
        self._thread.start()
        self._load(self.config, self._package)

    def stop(self) -> None:
        """Ask the engine's thread to end after the frame in hand; no other is made. Returns at once."""
        self._stopped = True
        self._thread.stop()
        self._loads.stop()

    def join(self, deadline: Deadline) -> bool:
        """Wait for the engine's thread, no longer than `deadline`; return whether it has ended."""
        self._loads.join_builder(deadline)
        return self._thread.join(deadline)

    def close(self) -> None:
        """Free the engine; for when the worker has ended."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    def add(self, stream: Stream) -> None:
        """Serve a stream, or the new mailbox of one that begins anew."""
        self._streams[stream.name] = stream
        if self._engine is not None:
            if (pipeline := self._pipeline(stream, self._engine)) is not None:
                self._thread.add_stream(stream.name, pipeline, stream.mailbox)
                stream.mode = stream.config.temporal
        elif self.state is EngineState.MENDING:
            stream.life.hold(self.why)

    def _pipeline(self, stream: Stream, engine: InferenceEngine) -> Pipeline | None:
        """What makes a stream's masks; where this engine cannot, the stream is given up."""
        try:
            return stream.pipeline(engine)
        except PackageError as error:  # it waits for a new engine's package, which then did not come
            self._events.stream_given_up(stream.name, str(error))
            return None

    def remove(self, name: str, then: Callable[[], None] = lambda: None) -> None:
        """Serve a stream no more; `then` is done once none of its masks can come any more."""
        self._streams.pop(name, None)
        self._thread.remove_stream(name)
        self._thread.call(partial(self._desk.hand_in, then))

    def update(self, stream: Stream) -> None:
        """Make a stream's masks as its configuration now says; what it remembers goes on where it can."""
        if self._engine is None:
            return
        with suppress(PackageError):  # what this engine cannot do, the one that is on its way will
            self._thread.update_stream(stream.name, stream.stage(self._engine), stream.view)
            stream.mode = stream.config.temporal

    def tune(self, config: EngineConfig) -> None:
        """Take over what can change while an engine serves: how long a frame waits, whether to fall back."""
        self.config = tuned(self.config, config)
        self._loads.tune(config)
        self._thread.set_batching(batching_of(self.config, self._package))

    def replace(self, config: EngineConfig, package: Package) -> None:
        """Make another engine beside the one that serves, to take over between two frames."""
        if self._engine is None:
            self.config, self._package = config, package  # there is none to go back to
        if self.state is EngineState.FAILED:
            self._hold("the engine is made again")
        self._loads.replace(config, package, stopgap=self._engine is None and config.fallback)

    def _load(self, config: EngineConfig, package: Package, without: str | None = None) -> None:
        stopgap = self._engine is None and config.fallback
        self._loads.load(config, package, without=without, stopgap=stopgap)

    def _loaded(self, loading: EngineLoader, engine: InferenceEngine) -> None:
        """Let the new engine serve; one that cannot is as good as not loaded."""
        try:
            made = [(stream.name, self._pipeline(stream, engine)) for stream in tuple(self._streams.values())]
            pipelines = {name: pipeline for name, pipeline in made if pipeline is not None}
            for name, pipeline in pipelines.items():
                check_publishable(pipeline.model, [name])
        except Exception as error:  # noqa: BLE001 - whatever it brings, the one in use serves on
            self._desk.hand_in(engine.close)
            self._not_loaded(loading, self._desk.errors.explain(_ACTION, error))
        else:
            self._take_over(loading, engine, pipelines)

    def _take_over(
        self, loading: EngineLoader, engine: InferenceEngine, pipelines: Mapping[str, Pipeline]
    ) -> None:
        old, self._engine, self.refused = self._engine, engine, ""
        self.config, self._package = loading.made_as(engine), loading.package
        self._thread.set_engine(engine, pipelines)
        self._thread.set_batching(batching_of(self.config, self._package))
        for name in pipelines:
            stream = self._streams[name]
            self._thread.take_frames(name, stream.mailbox)
            stream.mode = stream.config.temporal
            stream.life.note("")
            stream.life.release()
        self.stopgap = loading.until
        what = f"{self._package.manifest.name} on {engine.info.backend}"
        self._enter(EngineState.SERVING, f"{what}, {self.stopgap}" if self.stopgap else what)
        if self.stopgap:
            self._load(loading.wanted, loading.package)
        if old is not None:
            self._thread.call(partial(self._desk.hand_in, old.close))
            self._events.engine_replaced(self.name, None)

    def _not_loaded(self, loading: EngineLoader, error: StreamsegError) -> None:
        if self._engine is not None:
            self._refuse(error)
        elif self.state is EngineState.MENDING:
            self._climb(str(error), frozenset(self._streams))
        elif isinstance(error, EngineError) and (failed := loading.replaceable_backend):
            _LOG.warning("engine %s: %s; trying another backend", self.name, error)
            self._load(loading.wanted, loading.package, without=failed)
        else:
            self._give_up(error)

    def _refuse(self, error: StreamsegError) -> None:
        """Say of each stream that the engine in use stays, and why."""
        self.refused, self.stopgap = redact_credentials(str(error)), ""
        for stream in self._streams.values():
            stream.keep_mode()
            stream.life.note(f"no new engine: {first_line(error)}; the old one serves on")
        self._events.engine_replaced(self.name, error)

    def _mend(self, broken: InferenceEngine, failing_streams: frozenset[str], error: Exception) -> None:
        """The engine is to blame, and gets replaced; meanwhile frames wait."""
        what = first_line(error)
        if self._stopped or broken is not self._engine:
            return
        self._broken, self._engine = self.backend, None
        self._thread.clear_engine(self._streams)
        self._thread.call(partial(self._desk.hand_in, broken.close))
        if self._loads.busy:
            self._hold(f"the engine failed ({what}); the new one is on its way")
        else:
            self._climb(what, failing_streams)

    def _climb(self, what: str, failing_streams: frozenset[str]) -> None:
        window_s = self._limits().restart_window_s
        match self._ladder.next(time.monotonic(), window_s, fallback=self.config.fallback):
            case RecoveryStep.REBUILD:
                self._hold(f"the engine failed ({what}); making it again")
                self._load(self.config, self._package)
            case RecoveryStep.FALL_BACK:
                self._hold(f"the engine failed again ({what}); trying another backend than {self._broken}")
                self._load(self.config, self._package, without=self._broken)
            case RecoveryStep.GIVE_UP:
                self._part(what, failing_streams)

    def _part(self, what: str, failing_streams: frozenset[str]) -> None:
        """No engine helps these streams; others may still do well without them."""
        others = [s for name, s in self._streams.items() if name not in failing_streams and not s.life.over]
        if not others:
            self._give_up(EngineError(f"engine {self.name} failed on every backend: {what}"))
            return
        for name in failing_streams & self._streams.keys():
            self._events.stream_given_up(name, f"no engine could process its frames: {what}")
        self._hold("the engine is made again without the streams that it failed on")
        self._load(self.config, self._package)

    def _give_up(self, error: StreamsegError) -> None:
        self.error = error
        for name in tuple(self._streams):
            self._events.stream_given_up(name, str(error))
        self._enter(EngineState.FAILED, str(error))

    def _hold(self, why: str) -> None:
        for stream in self._streams.values():
            stream.life.hold(why)
        self._enter(EngineState.MENDING, why)

    def _enter(self, state: EngineState, why: str) -> None:
        self.state, self.why = state, why
        level = logging.INFO if state is EngineState.SERVING else logging.ERROR
        _LOG.log(level, "engine %s: %s: %s", self.name, state.value, why)
        self._events.engine_state(self.name)

    def _hand_in(self, action: Callable[[], None]) -> None:
        """Have something of the keeper's done on the main thread; any thread."""
        self._desk.hand_in(partial(self._attempt, action))

    def _attempt(self, action: Callable[[], None]) -> None:
        """What goes wrong in it is a failure of the engine, and tried again as one."""
        try:
            try:
                action()
            except Exception as error:  # noqa: BLE001 - an error of ours must not end the process
                self._recover(self._desk.errors.explain(_ACTION, error))
        except Exception as error:  # noqa: BLE001 - nor one in making good for it
            self._give_up(self._desk.errors.explain(_ACTION, error))

    def _recover(self, error: StreamsegError) -> None:
        everybody = frozenset(self._streams)
        if self._engine is not None:
            self._mend(self._engine, everybody, error)
        elif not self._loads.busy and not self._stopped:
            self._climb(first_line(error), everybody)
