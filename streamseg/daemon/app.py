"""The daemon: what is started, in which order, and what stops it.

    start   packages checked → publisher → status → engine workers → cameras, while engines compile → files
    stop    streams → engine workers → publisher and status → engines, under one deadline

Files wait for their engine, so that none of their frames is lost to it. Exit codes: 0 clean, 1 unexpected (a
thread died, or did not end in time; no engine is left), 78 bad configuration.
"""

from __future__ import annotations

import logging
import time

import cv2

from streamseg import __version__
from streamseg.capture.redact import redact
from streamseg.config.schema import Config, DaemonConfig, EngineConfig, StreamConfig
from streamseg.daemon import logs, report
from streamseg.daemon.desk import Desk
from streamseg.daemon.ending import abandon, leave
from streamseg.daemon.keeper import EngineState, Keeper, KeeperEvents
from streamseg.daemon.showing import Showing
from streamseg.daemon.signals import signals_heard
from streamseg.daemon.streams import Streams
from streamseg.errors import EXIT_OK, EXIT_UNEXPECTED, StreamFault, StreamsegError
from streamseg.flow.deadline import Deadline
from streamseg.inference.package import Package, open_package
from streamseg.publish.publisher import Publisher
from streamseg.status.board import Board
from streamseg.status.snapshot import Tally
from streamseg.temporal.stage import check_mode
from streamseg.types import ModelInfo, Segmentation, StateChange, StreamState

_LOG = logging.getLogger(__name__)
LOOK_S = 0.5  # how often the main thread looks whether the others live
REPORT_S = 60.0  # how often each stream is told of in the log
_WORTH_A_WARNING = {StreamState.STALLED, StreamState.BACKOFF, StreamState.FAILED}


def run(config: Config, *, once: bool = False) -> int:
    """Run the daemon until a signal, or with `once` until every source has ended; returns the exit code.

    Raises:
        PackageError, EngineError, PublishError: It cannot start.
        SourceError: With `once`, a source failed for good.
    """
    logs.set_up(config.daemon.log_level, config.daemon.log_format)
    cv2.setNumThreads(1)  # pictures are small, and the cores are the engine's
    desk = Desk()
    daemon = Daemon(config, desk, once=once)
    with signals_heard(desk.end):
        try:
            daemon.start()
            daemon.watch()
        finally:
            if not daemon.stop():
                abandon(config.daemon.stop_timeout_s)
    if daemon.error is not None:
        raise daemon.error
    if daemon.held:
        leave(daemon.exit_code)
    return daemon.exit_code


class Daemon:
    """All rooms of one process. `start`, `watch`, `stop`, each once and on the main thread.

    Attributes:
        exit_code: What the process should end with.
        error: Why, where that can be said in a line.
    """

    def __init__(self, config: Config, desk: Desk, *, once: bool = False) -> None:
        self.exit_code = EXIT_OK
        self.error: StreamsegError | None = None
        self._config, self._desk, self._once = config, desk, once
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
        self._keepers: dict[str, Keeper] = {}
        self._streams = Streams(desk, self._keepers, self._limits, self._changed, self._forget)
        self._running: set[str] = set()  # what `once` waits for
        self._report_s = time.monotonic() + REPORT_S

    @property
    def compiling(self) -> bool:
        """Whether an engine is being compiled, which nothing can interrupt."""
        return any(keeper.compiling for keeper in self._keepers.values())

    @property
    def held(self) -> bool:
        """Whether a thread is inside a C library, which the interpreter's end would pull from under it."""
        return self.compiling or self._streams.held

    def start(self) -> None:
        """Start everything but what waits for its engine.

        Raises:
            PackageError, PublishError: See `run`; what was started is ended by `stop`.
        """
        packages = open_packages(self._config)
        self._publisher.start()
        _LOG.info("streamseg %s: masks at %s", __version__, ", ".join(self._publisher.addresses))
        self._showing.start()
        for name, config in self._config.engines.items():
            self._add_engine(name, config, packages[name])
        self._running = set(self._config.streams)
        for stream, wanted in self._config.streams.items():
            self._add_stream(stream, wanted)

    def _add_engine(self, name: str, config: EngineConfig, package: Package) -> None:
        keeper = self._keepers[name] = Keeper(
            name, config, package, self._desk, self._limits, self._keeper_events()
        )
        keeper.start()

    def _add_stream(self, name: str, config: StreamConfig) -> None:
        self._board.add(name, lambda: self._tally(name), required=config.required)
        self._streams.add(name, config)

    def watch(self) -> None:
        """See to what is handed in, until the end; a thread that died on its own is one."""
        while not self._desk.ended:
            self._desk.work(LOOK_S)
            self._look()

    def _look(self) -> None:
        if not all(self._parts().values()):
            _LOG.error("a thread of the daemon died; stopping")
            self.exit_code = EXIT_UNEXPECTED
            self._desk.end()
        if time.monotonic() >= self._report_s:
            self._report_s += REPORT_S
            self._report()

    def stop(self) -> bool:
        """End everything, what is upstream first; whether all threads ended in time."""
        self._desk.end()
        deadline = Deadline(self._config.daemon.stop_timeout_s)
        keepers = self._keepers.values()
        self._streams.stop()
        for keeper in keepers:
            keeper.stop()
        captured = self._streams.join(deadline)
        joined = [keeper.join(deadline) for keeper in keepers]
        self._publisher.stop()
        self._showing.stop()
        told = [self._publisher.join(deadline), self._showing.join(deadline)]
        for keeper in keepers if all(joined) else ():
            keeper.close()
        self._report()
        return all([captured, *joined, *told])

    def _parts(self) -> dict[str, bool]:
        """What the daemon cannot go on without, and whether it lives."""
        engines = {f"engine {name}": keeper.alive for name, keeper in tuple(self._keepers.items())}
        return {"publisher": self._publisher.alive, **engines}

    def _limits(self) -> DaemonConfig:
        return self._config.daemon

    def _keeper_events(self) -> KeeperEvents:
        return KeeperEvents(
            made=self._made,
            served=self._served,
            failed=lambda name, error: self._board.failed(name, redact(str(error))),
            drained=lambda name: self._desk.hand_in(lambda: self._drained(name)),
            stream_broken=self._stream_broken,
            given_up=self._given_up,
            changed=self._engine_changed,
            replaced=self._engine_replaced,
        )

    # on any thread

    def _tally(self, name: str) -> Tally:
        stream = self._streams.get(name)
        return Tally() if stream is None else stream.tally(self._publisher.subscribers(name))

    def _made(self, segmentation: Segmentation) -> None:
        stream = self._streams.get(segmentation.frame.stream)
        if stream is None:
            return
        self._publisher.offer(segmentation, stream.config.encoding)
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

    # on the main thread

    def _forget(self, name: str) -> None:
        self._publisher.remove(name)
        self._board.remove(name)

    def _stream_broken(self, name: str, what: str) -> None:
        """Its frames fail, and only its own; where there is no second try, that is the end of it."""
        message = f"its frames cannot be processed: {what}"
        if self._once:
            self._given_up(name, message)
        else:
            self._streams.broken(name, StreamFault.ENGINE, message)

    def _given_up(self, name: str, message: str) -> None:
        self._streams.give_up(name, StreamFault.ENGINE, message)
        self._drained(name)

    def _engine_changed(self) -> None:
        self._streams.engine_changed()
        failed = [k.error for k in self._keepers.values() if k.state is EngineState.FAILED]
        if len(failed) == len(self._keepers) and failed[0] is not None:
            self.error, self.exit_code = failed[0], failed[0].exit_code
            self._desk.end()

    def _engine_replaced(self, name: str, error: StreamsegError | None) -> None:
        if error is None:
            _LOG.info("engine %s: the new one took over; what streams remembered is let go", name)
        else:
            _LOG.error("engine %s: no new one: %s; the old one serves on", name, redact(str(error)))

    def _drained(self, name: str) -> None:
        """A stream has ended for good and its last frame is processed."""
        self._running.discard(name)
        stream = self._streams.get(name)
        if not self._once or stream is None:
            return
        if stream.life.state.state is StreamState.FAILED:
            self.error = report.failure(stream.life.state)
            self.exit_code = self.error.exit_code
        if not self._running:
            self._desk.end()

    def _report(self) -> None:
        for name, seen in self._board.snapshots().items():
            logs.stream_logger(__name__, name).info("%s", report.work(seen))


def open_packages(config: Config) -> dict[str, Package]:
    """The model packages of all engines, by engine.

    Raises:
        PackageError: One is not there or not whole, or cannot do what a stream wants of it.
    """
    packages = {name: open_package(engine.package) for name, engine in config.engines.items()}
    for stream in config.streams.values():
        check_mode(stream.temporal, packages[stream.engine].manifest)
    return packages
