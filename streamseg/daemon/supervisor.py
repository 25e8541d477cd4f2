"""The engines and the streams, as the configuration says: begun with it, and changed with it.

All methods are for the main thread, but where it is said otherwise.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from streamseg.concurrency.deadline import Deadline
from streamseg.config.diff import Changes
from streamseg.config.schema import Config, DaemonConfig, EngineConfig, StreamConfig
from streamseg.daemon.engine.state import EngineState
from streamseg.daemon.engine.supervisor import EngineSupervisor
from streamseg.daemon.event_loop import EventLoop
from streamseg.daemon.events import Events
from streamseg.daemon.packages import Packages
from streamseg.daemon.process.progress import Progress
from streamseg.daemon.status_text import failure, first_line
from streamseg.daemon.stream_manager import StreamManager
from streamseg.errors import EngineError, StreamFault, StreamsegError
from streamseg.inference.packages.package import Package
from streamseg.status.snapshot import StreamSnapshot
from streamseg.types import StreamState

_LOG = logging.getLogger(__name__)
_ACTION = "reload_step"  # what errors in the steps of a reload are counted as
FREE_S = 0.5  # between two looks whether an engine that was taken out can be freed


class Supervisor:
    """See the module.

    Attributes:
        config: What holds.
        streams: The streams.
    """

    def __init__(
        self,
        config: Config,
        desk: EventLoop,
        events: Events,
        over: Callable[[StreamsegError | None], None],
        *,
        once: bool,
    ) -> None:
        """`over` is told when there is nothing left to do: no engine, or with `once` no stream."""
        self.config = config
        self._desk, self._events, self._over, self._once = desk, events, over, once
        self._keepers: dict[str, EngineSupervisor] = {}
        self._leaving: list[EngineSupervisor] = []
        self.streams = StreamManager(desk, self._keepers, self._limits, events)
        self._running: set[str] = set()  # what `once` waits for
        self._error: StreamsegError | None = None
        self._starting = True  # nothing has served yet: what is wrong was wrong from the start
        desk.errors.register(_ACTION)
        self._listen(events)

    def _listen(self, events: Events) -> None:
        hand_in = self._desk.hand_in
        events.stream_drained.connect(lambda stream: hand_in(partial(self._drained, stream)))
        events.stream_failing.connect(lambda *failing: hand_in(partial(self._stream_failing, *failing)))
        events.stream_given_up.connect(self._given_up)
        events.engine_state.connect(self._engine_changed)
        events.engine_replaced.connect(self._engine_replaced)

    @property
    def compiling(self) -> bool:
        """Whether an engine is being compiled, which nothing can interrupt."""
        return any(keeper.compiling for keeper in (*self._keepers.values(), *self._leaving))

    @property
    def held(self) -> bool:
        """Whether a thread is inside a C library, which the interpreter's end would pull from under it."""
        return self.compiling or self.streams.held

    @property
    def alive(self) -> dict[str, bool]:
        """Whether the engines' threads live; from any thread."""
        return {f"engine {name}": keeper.alive for name, keeper in tuple(self._keepers.items())}

    @property
    def models(self) -> dict[str, str]:
        """The hash of the model that each engine runs."""
        return {name: keeper.model for name, keeper in self._keepers.items()}

    @property
    def notes(self) -> list[str]:
        """What is wrong with the engines, a line each."""
        wanting = {EngineState.MENDING, EngineState.FAILED}
        bad = [f"engine {k.name}: {k.why}" for k in self._keepers.values() if k.state in wanting]
        for keeper in self._keepers.values():
            if keeper.refused:
                bad.append(f"engine {keeper.name}: no new one: {keeper.refused}")
            if keeper.stopgap:
                bad.append(f"engine {keeper.name}: on {keeper.backend} {keeper.stopgap}")
        return bad

    def progress(self, seen: Mapping[str, StreamSnapshot]) -> dict[str, Progress]:
        """How each stream gets on."""
        return {
            stream.name: Progress(
                stream.life.state.state,
                self._keepers[stream.config.engine].state is EngineState.SERVING,
                seen[stream.name].masks + seen[stream.name].failures,
                len(stream.mailbox) > 0,
                seen[stream.name].masks,
            )
            for stream in self.streams
        }

    def start(self, packages: Packages) -> None:
        """Begin with everything the configuration names."""
        self._running = set(self.config.streams)
        for name, engine in self.config.engines.items():
            self._add_engine(name, engine, packages[name])
        for name, stream in self.config.streams.items():
            self._add_stream(name, stream)

    def apply(self, config: Config, changes: Changes, packages: Packages) -> None:
        """Let another configuration hold; who does not differ does not notice."""
        failed = [s.name for s in self.streams if s.life.state.state is StreamState.FAILED]
        self.config, self._starting = config, False
        engines, streams = changes.engines, changes.streams
        for name in engines.added:
            self._attempt(partial(self._add_engine, name, config.engines[name], packages[name]))
        for name in streams.removed:
            self._attempt(partial(self.streams.remove, name))
        for name in engines.renewed:
            self._attempt(partial(self._keepers[name].replace, config.engines[name], packages[name]))
        for name in engines.updated:
            self._attempt(partial(self._keepers[name].tune, config.engines[name]))
        for name in streams.updated:
            self._events.stream_updated(name, config.streams[name])
            self._attempt(partial(self.streams.update, name, config.streams[name]))
        self.streams.stop(streams.renewed)  # all together, so that they are waited for together
        for name in streams.renewed:
            self._events.stream_updated(name, config.streams[name])
            self.streams.restart(name, config.streams[name])
        for name in streams.added:
            self._attempt(partial(self._add_stream, name, config.streams[name]))
        for name in engines.removed:
            self._attempt(partial(self._remove_engine, name))
        self._try_again(packages, set(failed) - streams.renewed.keys() - set(streams.removed))
        self._forget_missing()

    def _forget_missing(self) -> None:
        """What could not be added does not hold either, so that the next reload tries again."""
        streams = {name: one for name, one in self.config.streams.items() if self.streams.get(name)}
        engines = {name: one for name, one in self.config.engines.items() if name in self._keepers}
        self.config = self.config.model_copy(update={"engines": engines, "streams": streams})

    def _attempt(self, step: Callable[[], None]) -> None:
        """What goes wrong in one step of a reload does not keep the others from being done."""
        try:
            step()
        except Exception as error:  # noqa: BLE001 - an error of ours costs what it is about, and no more
            self._desk.errors.record(_ACTION, error)

    def stop(self) -> None:
        """Ask all threads to end, what is upstream first; returns at once."""
        self.streams.stop()
        for keeper in self._keepers.values():
            keeper.stop()

    def join(self, deadline: Deadline) -> bool:
        """Wait for all threads, no longer than `deadline`, and free the engines; whether all have ended."""
        captured = self.streams.join(deadline)
        keepers = (*self._keepers.values(), *self._leaving)
        joined = [keeper.join(deadline) for keeper in keepers]
        for keeper in keepers if all(joined) else ():
            keeper.close()
        return all([captured, *joined])

    @property
    def running_threads(self) -> list[str]:
        """The names of the threads that have not ended."""
        captures = [f"capture-{name}" for name in self.streams.running]
        keepers = (*self._keepers.values(), *self._leaving)
        return [*captures, *(f"engine-{keeper.name}" for keeper in keepers if keeper.alive)]

    def _limits(self) -> DaemonConfig:
        return self.config.daemon

    def _add_engine(self, name: str, config: EngineConfig, package: Package) -> None:
        keeper = EngineSupervisor(name, config, package, self._desk, self._limits, self._events)
        self._keepers[name] = keeper
        keeper.start()

    def _remove_engine(self, name: str) -> None:
        keeper = self._keepers.pop(name)
        keeper.stop()
        self._leaving.append(keeper)
        self._free(keeper)

    def _free(self, keeper: EngineSupervisor) -> None:
        """Free an engine that was taken out, once its worker has ended, which may be within a frame."""
        if keeper.compiling or not keeper.join(Deadline(0.0)):
            self._desk.after(FREE_S, partial(self._free, keeper))
            return
        keeper.close()
        self._leaving.remove(keeper)

    def _add_stream(self, name: str, config: StreamConfig) -> None:
        self._events.stream_added(name, config)
        self.streams.add(name, config)

    def _try_again(self, packages: Packages, streams: Iterable[str]) -> None:
        """What had failed for good gets another chance: somebody may have mended it."""
        for name, keeper in self._keepers.items():
            if keeper.state is EngineState.FAILED and not keeper.compiling:
                self._attempt(partial(keeper.replace, self.config.engines[name], packages[name]))
        for name in streams:
            self.streams.restart(name)

    def _stream_failing(self, name: str, run: int, error: Exception) -> None:
        """Its frames fail, and only its own; where there is no second try, that is the end of it."""
        message = f"its frames cannot be processed: {first_line(error)}"
        if self._once:
            self._given_up(name, message)
        else:
            self.streams.broken(name, StreamFault.ENGINE, message, run)

    def _given_up(self, name: str, message: str) -> None:
        self.streams.give_up(name, StreamFault.ENGINE, message)
        self._drained(name)

    def _engine_changed(self, _: str) -> None:
        self.streams.engine_changed()
        states = [keeper.state for keeper in self._keepers.values()]
        if EngineState.SERVING in states:
            self._starting = False
        if all(state is EngineState.FAILED for state in states):
            error = next(keeper.error for keeper in self._keepers.values())
            # a later failure may pass: the process must not end with what says that only a person can help
            self._over(error if self._starting else EngineError(str(error)))

    def _engine_replaced(self, name: str, error: StreamsegError | None) -> None:
        keeper = self._keepers.get(name)
        if keeper is None:
            return
        if error is None:
            _LOG.info("engine %s: the new one took over; what streams remembered is let go", name)
            return
        _LOG.error("engine %s: no new one: %s; the old one serves on", name, keeper.refused)
        # what it serves with is what holds, so that the next reload tries again
        engines = {**self.config.engines, name: keeper.config}
        streams = {**self.config.streams, **{stream.name: stream.config for stream in self.streams}}
        self.config = self.config.model_copy(update={"engines": engines, "streams": streams})

    def _drained(self, name: str) -> None:
        """A stream has ended for good and its last frame is processed."""
        self._running.discard(name)
        stream = self.streams.get(name)
        if not self._once or stream is None:
            return
        if stream.life.state.state is StreamState.FAILED:
            self._error = failure(stream.life.state)
        if not self._running:
            self._over(self._error)
