"""The daemon: what is started, in which order, and what stops it.

    start   package checked → publisher → status → cameras connect, while the engine compiles → worker → files
    stop    streams → engine worker → publisher and status → engine, under one deadline

Files wait for the engine, so that none of their frames is lost to it. Exit codes: 0 clean, 1 unexpected (a
thread died, or did not end in time), 78 bad configuration.
"""

from __future__ import annotations

import logging
import threading
import time

import cv2

from streamseg import __version__
from streamseg.capture.redact import redact
from streamseg.config.schema import Config, EngineConfig
from streamseg.daemon import logs, report
from streamseg.daemon.ending import abandon, leave
from streamseg.daemon.loading import Loading
from streamseg.daemon.pipeline import Pipeline
from streamseg.daemon.report import ENGINE
from streamseg.daemon.showing import settings
from streamseg.daemon.signals import stop_on_signals
from streamseg.daemon.stream import Stream
from streamseg.errors import EXIT_OK, EXIT_UNEXPECTED, ConfigError, StreamsegError
from streamseg.flow.deadline import Deadline
from streamseg.inference.engine import InferenceEngine
from streamseg.inference.package import open_package
from streamseg.inference.worker import EngineWorker, WorkerEvents
from streamseg.publish.publisher import Publisher
from streamseg.status.board import Board
from streamseg.status.server import StatusServer
from streamseg.status.snapshot import Tally
from streamseg.types import Frame, Segmentation, StateChange, StreamState

_LOG = logging.getLogger(__name__)
MOST_FAILURES = 25  # frames in a row that may fail before the stream is given up
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
    stop = threading.Event()
    daemon = Daemon(config, stop, once=once)
    with stop_on_signals(stop):
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

    def __init__(self, config: Config, stop: threading.Event, *, once: bool = False) -> None:
        self.exit_code = EXIT_OK
        self.error: StreamsegError | None = None
        self._config, self._stop, self._once = config, stop, once
        self._wanted = _only_engine(config)
        self._board = Board(time.monotonic, time.time)
        self._publisher = Publisher(
            config.publish.bind,
            insecure=config.publish.insecure,
            pictures=config.publish.pictures,
            hwm=config.publish.hwm,
            jpeg_quality=config.publish.jpeg_quality,
            on_sent=self._board.published,
        )
        self._status = StatusServer(self._board, settings(config.status), self._parts)
        events = WorkerEvents(failed=self._failed, drained=self._drained)
        self._worker = EngineWorker(self._process, self._emit, events)
        self._loading: Loading | None = None
        self._streams: dict[str, Stream] = {}
        self._pipelines: dict[str, Pipeline] = {}
        self._running: set[str] = set()
        self._starting = threading.Lock()  # what is started once the engine is there, against `stop`

    @property
    def compiling(self) -> bool:
        """Whether the engine is still being compiled, which nothing can interrupt."""
        return self._loading is not None and self._loading.alive

    @property
    def held(self) -> bool:
        """Whether a thread is inside a C library, which the interpreter's end would pull from under it."""
        return self.compiling or any(stream.capture.held for stream in self._streams.values())

    def start(self) -> None:
        """Start everything but what waits for the engine.

        Raises:
            PackageError, PublishError: See `run`; what was started is ended by `stop`.
        """
        package = open_package(self._wanted.package)
        self._publisher.start()
        _LOG.info("streamseg %s: masks at %s", __version__, ", ".join(self._publisher.addresses))
        self._status.start()
        with self._starting:
            for name, config in self._config.streams.items():
                self._add(Stream(name, config, self._worker.wake, self._changed))
            self._running = set(self._streams)
            self._loading = Loading(package, self._wanted, self._serve, self._fail)
            self._loading.start()
            self._start_captures(live=True)

    def _add(self, stream: Stream) -> None:
        self._streams[stream.name] = stream
        self._board.add(stream.name, lambda: self._tally(stream), required=stream.config.required)
        source, mode = redact(stream.config.source.url), stream.config.temporal.value
        logs.stream_logger(__name__, stream.name).info("source %s, masks steadied by %s", source, mode)

    def _tally(self, stream: Stream) -> Tally:
        return stream.tally(self._publisher.subscribers(stream.name))

    def _start_captures(self, *, live: bool) -> None:
        for stream in self._streams.values():
            if stream.live is live:
                stream.capture.start()

    def _serve(self, engine: InferenceEngine) -> None:
        """The engine is there: start what waited for it; called on the loading thread."""
        with self._starting:
            if self._stop.is_set():
                return
            for name, stream in self._streams.items():
                self._pipelines[name] = pipeline = stream.pipeline(engine)
                self._publisher.set_info(name, pipeline.model)
                self._board.serve(name, pipeline.model.name, pipeline.model)
                self._worker.add(name, stream.mailbox)
            self._worker.start()
            self._start_captures(live=False)

    def watch(self) -> None:
        """Wait for the end; a thread that died on its own is one."""
        report_s = time.monotonic() + REPORT_S
        while not self._stop.wait(LOOK_S):
            if not all(self._parts().values()):
                _LOG.error("a thread of the daemon died; stopping")
                self.exit_code = EXIT_UNEXPECTED
                return
            if time.monotonic() >= report_s:
                report_s += REPORT_S
                self._report()

    def _parts(self) -> dict[str, bool]:
        """What the daemon cannot go on without, and whether it lives."""
        return {"publisher": self._publisher.alive, "engine": self.compiling or self._worker.alive}

    def stop(self) -> bool:
        """End everything, what is upstream first; whether all threads ended in time."""
        self._stop.set()
        deadline = Deadline(self._config.daemon.stop_timeout_s)
        with self._starting:
            for stream in self._streams.values():
                stream.stop()
            self._worker.stop()
        captures = [stream.capture.join(deadline) for stream in self._streams.values()]
        worked = self._worker.join(deadline)
        self._publisher.stop()
        self._status.stop()
        clean = all([*captures, worked, self._publisher.join(deadline), self._status.join(deadline)])
        if clean and self._loading is not None:
            self._loading.close()
        self._report()
        return clean

    def _process(self, frame: Frame) -> Segmentation:
        segmentation = self._pipelines[frame.stream].process(frame)
        self._streams[frame.stream].failures = 0
        return segmentation

    def _emit(self, segmentation: Segmentation) -> None:
        encoding = self._streams[segmentation.frame.stream].config.encoding
        self._publisher.offer(segmentation, encoding)
        self._board.mask(segmentation)
        self._status.offer(segmentation)

    def _failed(self, name: str, error: Exception) -> None:
        """A frame could not be processed; too many in a row end the stream, never the others."""
        stream = self._streams[name]
        stream.failures += 1
        self._board.failed(name, redact(str(error)))
        if stream.failures == MOST_FAILURES:
            message = f"{MOST_FAILURES} frames in a row failed: {redact(str(error))}"
            stream.stop()
            self._changed(StateChange(name, StreamState.FAILED, time.time(), ENGINE, message))

    def _changed(self, change: StateChange) -> None:
        """A stream entered a state; called on its capture's thread, or the engine's."""
        self._board.changed(change)
        self._publisher.status(change, round(self._board.snapshot(change.stream).fps, 2))
        level = logging.WARNING if change.state in _WORTH_A_WARNING else logging.INFO
        logs.stream_logger(__name__, change.stream).log(level, "%s", report.state(change))

    def _drained(self, name: str) -> None:
        """A stream has ended for good and its last frame is processed; called on the engine's thread."""
        self._running.discard(name)
        change = self._board.snapshot(name).change
        if self._once and change.state is StreamState.FAILED:
            self.error = report.failure(change)
            self.exit_code = self.error.exit_code
        if self._once and not self._running:
            self._stop.set()

    def _fail(self, error: StreamsegError) -> None:
        """There is no engine; called on the loading thread."""
        self.error, self.exit_code = error, error.exit_code
        self._stop.set()

    def _report(self) -> None:
        for name, seen in self._board.snapshots().items():
            logs.stream_logger(__name__, name).info("%s", report.work(seen))


def _only_engine(config: Config) -> EngineConfig:
    if len(config.engines) > 1:
        raise ConfigError(["engines: the daemon serves one engine so far"])
    (wanted,) = config.engines.values()
    return wanted
