"""The daemon: what is started, in which order, what a reload does, and what stops it.

    start   packages checked → publisher → status → engine workers → cameras, while engines compile → files
    reload  configuration and packages checked → what differs, and nothing else
    stop    streams → engine workers → publisher and status → engines, under one deadline

Files wait for their engine, so that none of their frames is lost to it. Exit codes: 0 clean, 1 unexpected (a
thread died, or did not end in time; no engine is left), 78 bad configuration.
"""

from __future__ import annotations

import faulthandler
import logging
import time
from collections.abc import Callable, Mapping, Sequence

import cv2

from streamseg import __version__
from streamseg.config.draft import log_warnings
from streamseg.config.schema import Config, StreamConfig
from streamseg.daemon import logs, memory, report
from streamseg.daemon.assembly import Assembly, Outlets
from streamseg.daemon.desk import Desk
from streamseg.daemon.ending import abandon, leave
from streamseg.daemon.notify import Notifier, watchdog_s
from streamseg.daemon.packages import open_packages
from streamseg.daemon.reload import lines, read_plan
from streamseg.daemon.service import Service
from streamseg.daemon.showing import Showing
from streamseg.daemon.signals import signals_heard
from streamseg.daemon.stacks import log_stacks
from streamseg.errors import EXIT_OK, EXIT_UNEXPECTED, StreamFault, StreamsegError
from streamseg.flow.deadline import Deadline
from streamseg.publish.publisher import Publisher
from streamseg.status.board import Board
from streamseg.status.health import fresh_for_s
from streamseg.status.snapshot import StreamSnapshot, Tally
from streamseg.types import ModelInfo, Segmentation, StateChange, StreamState

_LOG = logging.getLogger(__name__)
LOOK_S = 0.5  # how often the main thread looks whether the others live
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
    logs.set_up(config.daemon.log_level, config.daemon.log_format)
    log_warnings(warnings)
    memory.share_arenas()
    faulthandler.enable()  # a watchdog that loses its patience gets every stack
    cv2.setNumThreads(1)  # pictures are small, and the cores are the engine's
    desk = Desk()
    daemon = Daemon(config, desk, again, once=once)
    with signals_heard(desk.end, lambda: desk.hand_in(daemon.reload, once=True), log_stacks):
        try:
            daemon.start()
            daemon.watch()
        finally:
            if not daemon.stop():
                abandon(daemon.stop_timeout_s)
    if daemon.error is not None:
        raise daemon.error
    if daemon.held:
        leave(daemon.exit_code)
    return daemon.exit_code


class Daemon:
    """All rooms of one process, on the main thread; `start`, `watch` and `stop` once each.

    Attributes:
        exit_code: What the process should end with.
        error: Why, where that can be said in a line.
    """

    def __init__(
        self, config: Config, desk: Desk, again: Callable[[], Config] | None = None, *, once: bool = False
    ) -> None:
        self.exit_code = EXIT_OK
        self.error: StreamsegError | None = None
        self._desk, self._again = desk, again
        self._board = Board(time.monotonic, time.time)
        self._publisher = Publisher(
            config.publish.bind,
            insecure=config.publish.insecure,
            pictures=config.publish.pictures,
            hwm=config.publish.hwm,
            jpeg_quality=config.publish.jpeg_quality,
            on_sent=self._board.published,
        )
        self._showing = Showing(config, self._board, self._parts)
        self._assembly = Assembly(config, desk, self._outlets(), self._over, once=once)
        self._service = Service(Notifier.from_env(), watchdog_s())
        self._shedding = memory.Shedding()
        self._refused = ""  # why the last reload was
        self._report_s = time.monotonic() + REPORT_S

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
            PackageError, PublishError: See `run`; what was started is ended by `stop`.
        """
        packages = open_packages(self._assembly.config)
        self._publisher.start()
        _LOG.info("streamseg %s: masks at %s", __version__, ", ".join(self._publisher.addresses))
        self._showing.start()
        self._assembly.start(packages)

    def watch(self) -> None:
        """See to what is handed in, until the end; a thread that died on its own is one."""
        while not self._desk.ended:
            self._desk.work(LOOK_S)
            self._look()

    def reload(self) -> None:
        """Let the configuration hold as it now is; one with a mistake changes nothing."""
        self._service.reloading()
        try:
            self._refused = ""
            self._reload()
        except StreamsegError as error:
            self._refused = "the last reload was refused, see the log"
            for line in str(error).splitlines():
                _LOG.error("reload: %s", line, extra=logs.EVERY)
            _LOG.error("reload: refused; everything goes on as before")
        self._service.reloaded(self._overview(self._board.snapshots()))

    def stop(self) -> bool:
        """End everything, what is upstream first; whether all threads ended in time."""
        self._desk.end()
        self._service.stopping()
        deadline = Deadline(self.stop_timeout_s)
        self._assembly.stop()
        worked = self._assembly.join(deadline)
        self._publisher.stop()
        self._showing.stop()
        told = [self._publisher.join(deadline), self._showing.join(deadline)]
        self._report()
        return all([worked, *told])

    def _reload(self) -> None:
        if self._again is None:
            _LOG.warning("reload: there is no configuration file to read again")
            return
        plan = read_plan(self._assembly.config, self._again, self._assembly.models)
        for line in lines(plan.changes):
            _LOG.info("reload: %s", line, extra=logs.EVERY)
        if plan.changes.daemon:
            keys = ", ".join(plan.changes.daemon)
            _LOG.warning("reload: not changed before the daemon is started again: %s", keys)
        self._assembly.apply(plan.config, plan.changes, plan.packages)
        if plan.changes.live:
            logs.set_up(plan.config.daemon.log_level, plan.config.daemon.log_format)

    def _look(self) -> None:
        if dead := [part for part, alive in self._parts().items() if not alive]:
            _LOG.error("a thread of the daemon died; stopping: %s", ", ".join(dead))
            self.exit_code = EXIT_UNEXPECTED
            self._desk.end()
        self._shed()
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
        return report.overview(seen, [*self._assembly.notes, *([self._refused] if self._refused else [])])

    def _report(self) -> None:
        for name, seen in self._board.snapshots().items():
            logs.stream_logger(__name__, name).info("%s", report.work(seen))

    def _outlets(self) -> Outlets:
        return Outlets(
            added=self._added,
            updated=self._updated,
            changed=self._changed,
            served=self._served,
            made=self._made,
            failed=self._board.failed,
            forgotten=self._forgotten,
        )

    def _added(self, name: str, config: StreamConfig) -> None:
        fresh_s = fresh_for_s(config.max_fps)
        self._board.add(name, lambda: self._tally(name), required=config.required, fresh_s=fresh_s)

    def _updated(self, name: str, config: StreamConfig) -> None:
        self._board.require(name, required=config.required, fresh_s=fresh_for_s(config.max_fps))

    def _forgotten(self, name: str) -> None:
        self._publisher.remove(name)
        self._board.remove(name)

    # on any thread

    def _parts(self) -> dict[str, bool]:
        """What the daemon cannot go on without, and whether it lives."""
        return {"publisher": self._publisher.alive, **self._assembly.alive}

    def _tally(self, name: str) -> Tally:
        stream = self._assembly.streams.get(name)
        return Tally() if stream is None else stream.tally(self._publisher.subscribers(name))

    def _made(self, segmentation: Segmentation, encoding: str) -> None:
        self._publisher.offer(segmentation, encoding)
        self._board.mask(segmentation)
        self._showing.offer(segmentation)

    def _served(self, engine: str, name: str, model: ModelInfo) -> None:
        self._publisher.set_info(name, model)
        self._board.serve(name, engine, model)

    def _changed(self, change: StateChange) -> None:
        """A stream entered a state."""
        self._board.changed(change)
        self._publisher.status(change, round(self._board.snapshot(change.stream).fps, 2))
        level = logging.WARNING if change.state in _WORTH_A_WARNING else logging.INFO
        logs.stream_logger(__name__, change.stream).log(level, "%s", report.state(change))
