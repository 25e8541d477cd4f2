"""All streams of the daemon: added, begun anew, changed, given up and taken out. On the main thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

from streamseg.config.schema import DaemonConfig, StreamConfig
from streamseg.daemon import logs
from streamseg.daemon.desk import Desk
from streamseg.daemon.engine_state import EngineState
from streamseg.daemon.keeper import Keeper
from streamseg.daemon.stream import Stream, StreamEvents
from streamseg.errors import StreamFault
from streamseg.flow.deadline import Deadline
from streamseg.redact import redact_url
from streamseg.types import StateChange

RENEW_S = 1.0  # how long the capture of a stream that begins anew is waited for: others want the thread too


class Streams:
    """The streams by name, the oldest first.

    Args:
        desk: The main thread's.
        keepers: The engines by name; may grow and shrink.
        limits: How often a stream is restarted, as the configuration says it now.
        changed: Told every change of a stream's state, on the thread that changes it.
        forget: Told of a stream that is gone, once nothing can come from it any more.
    """

    def __init__(
        self,
        desk: Desk,
        keepers: Mapping[str, Keeper],
        limits: Callable[[], DaemonConfig],
        changed: Callable[[StateChange], None],
        forget: Callable[[str], None],
    ) -> None:
        self._desk, self._keepers, self._limits, self._forget = desk, keepers, limits, forget
        self._events = StreamEvents(changed, lambda *crash: desk.hand_in(partial(self._crashed, *crash)))
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

    def add(self, name: str, config: StreamConfig) -> None:
        """Begin a stream; a file waits until its engine serves, so that none of its frames is lost to it."""
        keeper = self._keepers[config.engine]
        stream = self._streams[name] = Stream(name, config, keeper.wake, self._events)
        source, mode = redact_url(config.source.url), config.temporal.value
        logs.stream_logger(__name__, name).info("source %s, masks steadied by %s", source, mode)
        self._begin(stream, keeper)

    def engine_changed(self) -> None:
        """An engine is in another state: begin what waited for it."""
        for stream in self:
            if stream.name in self._waiting and self._serves(stream):
                self._waiting.discard(stream.name)
                stream.capture.start()

    def renew(self, name: str, config: StreamConfig | None = None) -> None:
        """Begin a stream anew, from its source on; its frames are counted on."""
        stream = self._streams[name]
        self._cut_off(stream)
        stream.join(Deadline(RENEW_S))  # two on one source would be in each other's way
        config = config or stream.config
        keeper = self._keepers[config.engine]
        stream.renew(config, keeper.wake)
        self._begin(stream, keeper)

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

    def broken(self, name: str, fault: StreamFault, message: str) -> None:
        """Begin a stream anew after a while, or give it up where that happened too often."""
        stream = self._streams.get(name)
        if stream is None or stream.life.judged:
            return
        limits = self._limits()
        wait_s = stream.restarts.wait_s(time.monotonic(), limits.restart_limit, limits.restart_window_s)
        if wait_s is None:
            self.give_up(name, fault, f"{message}; given up after {limits.restart_limit} restarts")
            return
        self._cut_off(stream)
        stream.life.wait(fault, message, wait_s)
        self._desk.after(wait_s, partial(self._try_again, name, stream.life.run))

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

    def _begin(self, stream: Stream, keeper: Keeper) -> None:
        if keeper.state is EngineState.FAILED:
            stream.life.fail(StreamFault.ENGINE, keeper.why)
            return
        keeper.add(stream)
        if stream.live or self._serves(stream):
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
            self._forget(name)

    def _crashed(self, name: str, run: int, message: str) -> None:
        stream = self._streams.get(name)
        if stream is not None and stream.life.run == run:
            self.broken(name, StreamFault.CRASH, message)

    def _try_again(self, name: str, run: int) -> None:
        stream = self._streams.get(name)
        if stream is not None and stream.life.run == run and not stream.life.over:
            self.renew(name)
