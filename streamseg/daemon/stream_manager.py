"""All streams of the daemon: added, begun anew, changed, given up and taken out. On the main thread."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

from streamseg.concurrency.deadline import Deadline
from streamseg.config.schema import DaemonConfig, StreamConfig
from streamseg.daemon.engine.state import EngineState
from streamseg.daemon.engine.supervisor import EngineSupervisor
from streamseg.daemon.event_loop import EventLoop
from streamseg.daemon.events import Events
from streamseg.daemon.process import log_setup
from streamseg.daemon.status_text import first_line
from streamseg.daemon.stream.stream import Stream
from streamseg.errors import StreamFault
from streamseg.redact import redact_url

_ACTION = "stream_supervision"  # what errors in starting and stopping streams are counted as
RENEW_S = 1.0  # how long the capture of a stream that begins anew is waited for: others want the thread too


class StreamManager:
    """The streams by name, the oldest first.

    Args:
        desk: The main thread's.
        keepers: The engines by name; may grow and shrink.
        limits: How often a stream is restarted, as the configuration says it now.
        events: Who hears of their states, and of one that is gone, once nothing can come from it any more.
    """

    def __init__(
        self,
        desk: EventLoop,
        keepers: Mapping[str, EngineSupervisor],
        limits: Callable[[], DaemonConfig],
        events: Events,
    ) -> None:
        self._desk, self._keepers, self._limits, self._events = desk, keepers, limits, events
        events.capture_crashed.connect(lambda *crash: desk.hand_in(partial(self._crashed, *crash)))
        self._runs = itertools.count()  # of all streams together: what is due later is due to one run
        desk.errors.register(_ACTION)
        self._streams: dict[str, Stream] = {}
        self._waiting: set[str] = set()  # files that wait for their engine
        self._leaving: list[Stream] = []  # taken out, not yet known to have ended

    def __iter__(self) -> Iterator[Stream]:
        return iter(tuple(self._streams.values()))

    def get(self, name: str) -> Stream | None:
        """The stream of that name; from any thread."""
        return self._streams.get(name)

    @property
    def held(self) -> bool:
        """Whether a thread of theirs is inside FFmpeg, which nothing can interrupt."""
        return any(stream.held for stream in (*self._streams.values(), *self._leaving))

    @property
    def running(self) -> list[str]:
        """The streams whose capture has not ended."""
        streams = (*self._streams.values(), *self._leaving)
        return [stream.name for stream in streams if not stream.join(Deadline(0.0))]

    def add(self, name: str, config: StreamConfig) -> None:
        """Begin a stream; a file waits until its engine serves, so that none of its frames is lost to it."""
        keeper = self._keepers[config.engine]
        stream = self._streams[name] = Stream(name, config, keeper.wake, self._events, self._runs)
        source, mode = redact_url(config.source.url), config.temporal.value
        log_setup.stream_logger(__name__, name).info("source %s, masks steadied by %s", source, mode)
        self._attempt(stream, partial(self._begin, stream, keeper))

    def engine_changed(self) -> None:
        """An engine is in another state: begin what waited for it."""
        for stream in self:
            if stream.name in self._waiting and self._serves(stream):
                self._waiting.discard(stream.name)
                self._attempt(stream, stream.capture.start)

    def renew(self, name: str, config: StreamConfig | None = None) -> None:
        """Begin a stream anew, from its source on; its frames are counted on."""
        stream = self._streams[name]
        self._cut_off(stream)
        stream.join(Deadline(RENEW_S))  # two on one source would be in each other's way
        config = config or stream.config
        keeper = self._keepers[config.engine]
        stream.renew(config, keeper.wake)
        self._begin(stream, keeper)

    def restart(self, name: str, config: StreamConfig | None = None) -> None:
        """`renew`, tried again later where it fails."""
        self._attempt(self._streams[name], partial(self.renew, name, config))

    def update(self, name: str, config: StreamConfig) -> None:
        """Take over what needs no new beginning, from the next frame on."""
        stream = self._streams[name]
        stream.config = config
        self._keepers[config.engine].update(stream)

    def remove(self, name: str) -> None:
        """Take a stream out."""
        stream = self._streams.pop(name)
        stream.life.remove()
        self._cut_off(stream, partial(self._gone, name))
        self._leaving = [*(s for s in self._leaving if not s.join(Deadline(0.0)) or s.held), stream]

    def broken(self, name: str, fault: StreamFault, message: str, run: int | None = None) -> None:
        """Begin a stream anew after a while, or give it up where that happened too often.

        Args:
            name: The stream.
            fault: What is wrong with it.
            message: The same for people.
            run: The run of the stream that is meant; None: the one there is.
        """
        stream = self._streams.get(name)
        if stream is None or stream.life.judged or run not in {None, stream.life.run}:
            return
        self._attempt(stream, partial(self._restart_later, stream, fault, message))

    def _restart_later(self, stream: Stream, fault: StreamFault, message: str) -> None:
        limits = self._limits()
        wait_s = stream.restarts.wait_s(time.monotonic(), limits.restart_limit, limits.restart_window_s)
        if wait_s is None:
            self.give_up(stream.name, fault, f"{message}; given up after {limits.restart_limit} restarts")
            return
        stream.life.wait(fault, message, wait_s)
        self._desk.after(wait_s, partial(self._try_again, stream.name, stream.life.run))
        self._cut_off(stream)

    def give_up(self, name: str, fault: StreamFault, message: str) -> None:
        """A stream has failed for good, that is until somebody begins it anew."""
        if stream := self._streams.get(name):
            stream.life.fail(fault, message)
            self._cut_off(stream)

    def stop(self, names: Iterable[str] | None = None) -> None:
        """Ask all to end, or these; returns at once."""
        for name in tuple(self._streams) if names is None else names:
            self._streams[name].stop()

    def join(self, deadline: Deadline) -> bool:
        """Wait for all, no longer than `deadline`; return whether all have ended."""
        joined = [stream.join(deadline) for stream in (*self, *self._leaving)]
        return all(joined)

    def _begin(self, stream: Stream, keeper: EngineSupervisor) -> None:
        if keeper.state is EngineState.FAILED:
            stream.life.fail(StreamFault.ENGINE, keeper.why)
            return
        keeper.add(stream)
        if stream.live or self._serves(stream) or stream.unusable:
            stream.capture.start()
        else:
            self._waiting.add(stream.name)

    def _serves(self, stream: Stream) -> bool:
        return self._keepers[stream.config.engine].state is EngineState.SERVING

    def _cut_off(self, stream: Stream, then: Callable[[], None] = lambda: None) -> None:
        """End its capture, and keep its frames from the engine."""
        self._waiting.discard(stream.name)
        stream.stop()
        self._keepers[stream.config.engine].remove(stream.name, then)

    def _gone(self, name: str) -> None:
        if name not in self._streams:  # it may have come back meanwhile
            self._events.stream_removed(name)

    def _crashed(self, name: str, run: int, message: str) -> None:
        self.broken(name, StreamFault.CRASH, message, run)

    def _try_again(self, name: str, run: int) -> None:
        stream = self._streams.get(name)
        if stream is not None and stream.life.run == run and not stream.life.over:
            self._attempt(stream, partial(self.renew, name))

    def _attempt(self, stream: Stream, action: Callable[[], None]) -> None:
        """What goes wrong in it is told as the stream's state, and tried again like any other fault."""
        try:
            action()
        except Exception as error:  # noqa: BLE001 - an error of ours costs this stream, and no other
            self._failed(stream, first_line(self._desk.errors.explain(_ACTION, error)))

    def _failed(self, stream: Stream, message: str) -> None:
        try:
            self._restart_later(stream, StreamFault.CRASH, message)
        except Exception as error:  # noqa: BLE001 - not even that: nothing is left to try
            self._desk.errors.record(_ACTION, error)
            stream.life.fail(StreamFault.CRASH, message)
