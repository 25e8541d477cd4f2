"""The daemon: what is started, in which order, what a reload does, and what stops it.

    start   packages checked → publisher → status → engine workers → cameras, while engines compile → files
    reload  configuration and packages checked → what differs, and nothing else
    stop    status, streams → engine workers → publisher → engines, under one deadline

Files wait for their engine, so that none of their frames is lost to it. Exit codes: 0 clean, 1 unexpected (a
thread died; no engine is left; an address is taken), 78 what the process was started with is wrong. Once it
has served, it never ends with 78, after which systemd would leave it dead.
"""

from __future__ import annotations

import faulthandler
import logging
import time
from collections.abc import Callable, Mapping, Sequence

import cv2

from streamseg import __version__
from streamseg.concurrency.deadline import Deadline
from streamseg.config.parsed_config import log_warnings
from streamseg.config.schema import Config, StreamConfig
from streamseg.daemon import status_text
from streamseg.daemon.event_loop import EventLoop
from streamseg.daemon.events import Events
from streamseg.daemon.observability import Observability
from streamseg.daemon.packages import open_packages
from streamseg.daemon.process import descriptors, log_setup, memory
from streamseg.daemon.process.exit import abandon, leave
from streamseg.daemon.process.notify import Notifier, watchdog_s
from streamseg.daemon.process.service import Service
from streamseg.daemon.process.signals import handle_signals
from streamseg.daemon.process.thread_stacks import log_stacks
from streamseg.daemon.reload_result import result_file
from streamseg.daemon.reloader import Reloader
from streamseg.daemon.supervisor import Supervisor
from streamseg.errors import EXIT_OK, EXIT_UNEXPECTED, StreamFault, StreamsegError
from streamseg.publish.descriptors import raise_limit
from streamseg.publish.publisher import Publisher
from streamseg.redact import redact_credentials
from streamseg.status.health import fresh_for_s
from streamseg.status.registry import StatusRegistry
from streamseg.status.snapshot import StreamSnapshot, Tally
from streamseg.types import Segmentation, StateChange, StreamState

_LOG = logging.getLogger(__name__)
LOOK_S = 0.5  # how often the main thread looks whether the others live
_UPSTREAM = 0.7  # of the time for a stop; the rest is the publisher's, to say what became of the streams
_WATCH = "watch"  # what errors in looking after the daemon are counted as
REPORT_S = 60.0  # how often each stream is told of in the log
_WORTH_A_WARNING = {StreamState.STALLED, StreamState.BACKOFF, StreamState.FAILED}


def run(
    config: Config,
    again: Callable[[], Config] | None = None,
    *,
    once: bool = False,
    warnings: Sequence[str] = (),
) -> int:
    """Run the daemon until a signal, or with `once` until every source has ended; returns the exit code.

    Args:
        config: What to begin with, accepted by `preflight`.
        again: Reads the configuration anew and has it accepted, for a reload; None: there is none to read.
        once: End with the sources.
        warnings: What is dangerous about the configuration, for the log.

    Raises:
        PackageError, EngineError, PublishError: It cannot start.
        SourceError: With `once`, a source failed for good.
    """
    log_setup.set_up(config.daemon.log_level, config.daemon.log_format)
    log_warnings(warnings)
    memory.share_arenas()
    raise_limit()
    faulthandler.enable()  # a watchdog that loses its patience gets every stack
    cv2.setNumThreads(1)  # pictures are small, and the cores are the engine's
    desk = EventLoop()
    daemon = Daemon(config, desk, again, once=once)
    events = daemon.events
    events.stop_requested.connect(desk.end)
    events.reload_requested.connect(lambda: desk.hand_in(daemon.reload, once=True))
    events.stacks_requested.connect(log_stacks)
    with handle_signals(events.stop_requested, events.reload_requested, events.stacks_requested):
        error = _live(daemon)
    if error is not None:
        raise error
    if daemon.held:
        leave(daemon.exit_code)
    return daemon.exit_code


def _live(daemon: Daemon) -> Exception | None:
    """Start, watch and stop; why it ended, where that was not asked for."""
    try:
        daemon.start()
        daemon.watch()
        error: Exception | None = daemon.error
    except Exception as failure:  # noqa: BLE001 - it is raised again once everything is stopped
        error = failure
    if daemon.stop():
        return error
    if error is not None:
        _LOG.error("%s", error, exc_info=None if isinstance(error, StreamsegError) else error)
    code = daemon.exit_code if error is None else getattr(error, "exit_code", EXIT_UNEXPECTED)
    return abandon(daemon.stop_timeout_s, daemon.running_threads, code)


class Daemon:
    """All rooms of one process, on the main thread; `start`, `watch` and `stop` once each.

    Attributes:
        events: What happens in it.
        exit_code: What the process should end with.
        error: Why, where that can be said in a line.
    """

    def __init__(
        self,
        config: Config,
        desk: EventLoop,
        again: Callable[[], Config] | None = None,
        *,
        once: bool = False,
    ) -> None:
        self.exit_code = EXIT_OK
        self.error: StreamsegError | None = None
        self._desk = desk
        self.events = events = Events(desk.errors)
        desk.errors.register(_WATCH)
        self._board = StatusRegistry(time.monotonic, time.time, desk.errors.counts)
        self._publisher = Publisher(
            config.publish.bind,
            insecure=config.publish.insecure,
            pictures=config.publish.pictures,
            hwm=config.publish.hwm,
            jpeg_quality=config.publish.jpeg_quality,
            on_sent=events.mask_sent,
        )
        alive = events.query("parts_alive", self._parts, dict[str, bool])
        self._showing = Observability(config, self._board, alive)
        self._assembly = Supervisor(config, desk, events, self._over, once=once)
        self._service = Service(Notifier.from_env(), watchdog_s())
        self._shedding = memory.Shedding()
        self._descriptors = descriptors.DescriptorMonitor()
        self._reloader = Reloader(self._assembly, again, desk.errors, result_file())
        self._report_s = time.monotonic() + REPORT_S
        self._connect(events)

    @property
    def held(self) -> bool:
        """Whether a thread is inside a C library, which the interpreter's end would pull from under it."""
        return self._assembly.held

    @property
    def stop_timeout_s(self) -> float:
        """How long an orderly stop may take, seconds."""
        return self._assembly.config.daemon.stop_timeout_s

    def start(self) -> None:
        """Start everything but what waits for its engine.

        Raises:
            StreamsegError: See `run`; what was started is ended by `stop`.
        """
        packages = open_packages(self._assembly.config)
        self._publisher.start()
        _LOG.info("streamseg %s: masks at %s", __version__, ", ".join(self._publisher.addresses))
        self._showing.start()
        self._assembly.start(packages)

    def watch(self) -> None:
        """See to what is handed in, until the end; a thread that died on its own is one. Never raises."""
        while not self._desk.ended:
            self._desk.work(LOOK_S)
            try:
                self._look()
            except Exception as error:  # noqa: BLE001 - systemd's watchdog ends what goes on failing
                self._desk.errors.record(_WATCH, error)

    def reload(self) -> None:
        """Let the configuration hold as it now is; one with a mistake changes nothing."""
        self._service.reloading()
        self._reloader.reload()
        self._service.reloaded(self._overview(self._board.snapshots()))

    def stop(self) -> bool:
        """End everything, what is upstream first; whether all threads ended in time."""
        self._desk.end()
        self._service.stopping()
        upstream, deadline = Deadline(self.stop_timeout_s * _UPSTREAM), Deadline(self.stop_timeout_s)
        self._showing.stop()  # pages wait for nothing, and take the longest
        self._assembly.stop()
        worked = self._assembly.join(upstream)
        self._publisher.stop()
        told = [self._publisher.join(deadline), self._showing.join(deadline)]
        self._report()
        return all([worked, *told])

    @property
    def running_threads(self) -> list[str]:
        """The names of the threads that have not ended."""
        readers = [("publisher", self._publisher.join), ("status", self._showing.join)]
        return [
            *self._assembly.running_threads,
            *(name for name, join in readers if not join(Deadline(0.0))),
        ]

    def _look(self) -> None:
        if dead := [part for part, alive in self._parts().items() if not alive]:
            _LOG.error("a thread of the daemon died; stopping: %s", ", ".join(dead))
            self.exit_code = EXIT_UNEXPECTED
            self._desk.end()
        self._shed()
        self._descriptors.look()
        limits = self._assembly.config.daemon
        seen = self._board.snapshots()
        self._service.look(self._assembly.progress(seen), self._overview(seen), limits.ready_timeout_s)
        if time.monotonic() >= self._report_s:
            self._report_s += REPORT_S
            self._report()

    def _shed(self) -> None:
        """Let the newest stream go where there is too little memory for all."""
        limit_mb = self._assembly.config.daemon.max_rss_mb
        if limit_mb is None:
            return
        streams = [stream.name for stream in self._assembly.streams if not stream.life.over]
        used_mb = memory.rss_mb()
        if name := self._shedding.victim(used_mb, limit_mb, streams, time.monotonic()):
            message = f"let go: the process uses {used_mb:.0f} MB of {limit_mb} MB (daemon.max_rss_mb)"
            self._assembly.streams.give_up(name, StreamFault.MEMORY, message)
            memory.give_back()

    def _over(self, error: StreamsegError | None) -> None:
        """There is nothing left to do."""
        if error is not None:
            self.error, self.exit_code = error, error.exit_code
        self._desk.end()

    def _overview(self, seen: Mapping[str, StreamSnapshot]) -> str:
        scarce = self._descriptors.note
        notes = [*self._assembly.notes, *self._reloader.notes, *([scarce] if scarce else [])]
        return status_text.overview(seen, notes)

    def _report(self) -> None:
        for name, seen in self._board.snapshots().items():
            log_setup.stream_logger(__name__, name).info("%s", status_text.work(seen))

    def _connect(self, events: Events) -> None:
        events.stream_added.connect(self._added)
        events.stream_updated.connect(self._updated)
        events.stream_removed.connect(self._publisher.remove)
        events.stream_removed.connect(self._board.remove)
        events.stream_state.connect(self._board.changed)
        events.stream_state.connect(self._publish_state)
        events.stream_state.connect(_log_state)
        events.model_served.connect(lambda _, name, model: self._publisher.set_info(name, model))
        events.model_served.connect(lambda engine, name, model: self._board.serve(name, engine, model))
        events.mask_made.connect(self._publish_mask)
        events.mask_made.connect(self._board.mask)
        events.mask_made.connect(self._showing.offer)
        events.mask_sent.connect(self._board.published)
        events.frame_failed.connect(
            lambda name, error: self._board.failed(name, redact_credentials(str(error)))
        )

    def _added(self, name: str, config: StreamConfig) -> None:
        counters = self.events.query("stream_counters", lambda: self._tally(name), Tally)
        self._board.add(name, counters, required=config.required, fresh_s=fresh_for_s(config.max_fps))

    def _updated(self, name: str, config: StreamConfig) -> None:
        self._board.require(name, required=config.required, fresh_s=fresh_for_s(config.max_fps))

    # on any thread

    def _parts(self) -> dict[str, bool]:
        """What the daemon cannot go on without, and whether it lives."""
        return {"publisher": self._publisher.alive, **self._assembly.alive}

    def _tally(self, name: str) -> Tally:
        stream = self._assembly.streams.get(name)
        return Tally() if stream is None else stream.tally(self._publisher.subscribers(name))

    def _publish_mask(self, segmentation: Segmentation) -> None:
        if stream := self._assembly.streams.get(segmentation.frame.stream):
            self._publisher.offer(segmentation, stream.config.encoding)

    def _publish_state(self, change: StateChange) -> None:
        self._publisher.status(change, round(self._board.snapshot(change.stream).fps, 2))


def _log_state(change: StateChange) -> None:
    level = logging.WARNING if change.state in _WORTH_A_WARNING else logging.INFO
    log_setup.stream_logger(__name__, change.stream).log(level, "%s", status_text.state(change))
