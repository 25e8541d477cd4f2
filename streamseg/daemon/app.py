"""The daemon: what is started, in which order, and what stops it.

    start   engine → publisher → engine worker → streams
    stop    streams → engine worker → publisher → engine, under one deadline

Exit codes: 0 clean, 1 unexpected (a thread died, or did not end in time), 78 bad configuration.
"""

from __future__ import annotations

import faulthandler
import logging
import sys
import threading
import time

import cv2

from streamseg import __version__
from streamseg.capture.redact import redact
from streamseg.config.schema import Config
from streamseg.daemon import logs
from streamseg.daemon.signals import stop_on_signals
from streamseg.daemon.stream import Stream
from streamseg.errors import EXIT_CONFIG, EXIT_OK, EXIT_UNEXPECTED
from streamseg.flow.deadline import Deadline
from streamseg.inference.engine import InferenceEngine, model_info
from streamseg.inference.package import open_package
from streamseg.inference.select import load_engine
from streamseg.inference.worker import EngineWorker, WorkerEvents
from streamseg.publish.publisher import Publisher
from streamseg.status.board import Board
from streamseg.types import Frame, Segmentation, StateChange, StreamState

_LOG = logging.getLogger(__name__)

MOST_FAILURES = 25  # frames in a row that may fail before the stream is given up
LOOK_S = 0.5  # how often the main thread looks whether the others live
_WORTH_A_WARNING = {StreamState.STALLED, StreamState.BACKOFF, StreamState.FAILED}


def run(config: Config, *, once: bool = False) -> int:
    """Run the daemon until a signal, or with `once` until every source has ended; returns the exit code.

    Raises:
        PackageError, EngineError, PublishError: It cannot start.
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
            clean = daemon.stop()
    return daemon.exit_code if clean else EXIT_UNEXPECTED


class Daemon:
    """All rooms of one process. `start`, `watch`, `stop`, each once and on the main thread."""

    def __init__(self, config: Config, stop: threading.Event, *, once: bool = False) -> None:
        self.exit_code = EXIT_OK
        self._config, self._stop, self._once = config, stop, once
        self._board = Board(time.monotonic, time.time)
        self._publisher = Publisher(
            config.publish.bind,
            insecure=config.publish.insecure,
            pictures=config.publish.pictures,
            hwm=config.publish.hwm,
            jpeg_quality=config.publish.jpeg_quality,
        )
        events = WorkerEvents(failed=self._failed, drained=self._drained)
        self._worker = EngineWorker(self._process, self._emit, events)
        self._engine: InferenceEngine | None = None
        self._streams: dict[str, Stream] = {}
        self._running: set[str] = set()

    def start(self) -> None:
        """Start everything, what is downstream first.

        Raises:
            PackageError, EngineError, PublishError: See `run`; what was started is ended by `stop`.
        """
        engine = self._start_engine()
        self._publisher.start()
        _LOG.info("streamseg %s: masks at %s", __version__, ", ".join(self._publisher.addresses))
        self._worker.start()
        self._start_streams(engine)

    def _start_engine(self) -> InferenceEngine:
        wanted = self._config.engine
        package = open_package(wanted.package)
        engine = load_engine(package, wanted.backend, wanted.precision, wanted.threads, wanted.cache_dir)
        self._engine = engine
        engine.warm_up()
        return engine

    def _start_streams(self, engine: InferenceEngine) -> None:
        info = model_info(engine)
        for name, config in self._config.streams.items():
            self._streams[name] = Stream(name, config, engine, self._worker.wake, self._changed)
            self._board.add(name)
            self._publisher.set_info(name, info)
        self._running = set(self._streams)
        for stream in self._streams.values():
            self._worker.add(stream.name, stream.mailbox)
            stream.capture.start()

    def watch(self) -> None:
        """Wait for the end; a thread that died on its own is one."""
        while not self._stop.wait(LOOK_S):
            if not (self._worker.alive and self._publisher.alive):
                _LOG.error("a thread of the daemon died; stopping")
                self.exit_code = EXIT_UNEXPECTED
                return

    def stop(self) -> bool:
        """End everything, what is upstream first; whether all threads ended in time."""
        deadline = Deadline(self._config.daemon.stop_timeout_s)
        for stream in self._streams.values():
            stream.stop()
        self._worker.stop()
        captures = [stream.capture.join(deadline) for stream in self._streams.values()]
        worked = self._worker.join(deadline)
        self._publisher.stop()
        clean = all([*captures, worked, self._publisher.join(deadline)])
        if not clean:
            _LOG.error("not everything ended within %g s", self._config.daemon.stop_timeout_s)
            faulthandler.dump_traceback(sys.stderr)
        elif self._engine is not None:
            self._engine.close()
        self._say_goodbye()
        return clean

    def _process(self, frame: Frame) -> Segmentation:
        stream = self._streams[frame.stream]
        segmentation = stream.pipeline.process(frame)
        stream.failures = 0
        return segmentation

    def _emit(self, segmentation: Segmentation) -> None:
        frame = segmentation.frame
        self._publisher.offer(segmentation, self._streams[frame.stream].config.encoding)
        self._board.mask(
            frame.stream,
            age_ms=(time.monotonic() - frame.captured_mono_s) * 1e3,
            infer_ms=segmentation.ms["infer"],
            drops=segmentation.capture_drops,
            reset=segmentation.reset,
        )

    def _failed(self, name: str, error: Exception) -> None:
        """A frame could not be processed; too many in a row end the stream, never the others."""
        stream = self._streams[name]
        stream.failures += 1
        self._board.failed(name)
        if stream.failures == MOST_FAILURES:
            message = f"{MOST_FAILURES} frames in a row failed: {redact(str(error))}"
            stream.stop()
            self._changed(StateChange(name, StreamState.FAILED, time.time(), "engine", message))

    def _changed(self, change: StateChange) -> None:
        """A stream entered a state; called on its capture's thread, or the engine's."""
        self._board.changed(change)
        self._publisher.status(change, round(self._board.snapshot(change.stream).fps, 2))
        level = logging.WARNING if change.state in _WORTH_A_WARNING else logging.INFO
        retry = "" if change.retry_in_s is None else f"; next try in {change.retry_in_s:.1f} s"
        told = f": {change.message}" if change.message else ""
        logs.stream_logger(__name__, change.stream).log(level, "%s%s%s", change.state.value, told, retry)

    def _drained(self, name: str) -> None:
        """A stream has ended for good and its last frame is processed; called on the engine's thread."""
        self._running.discard(name)
        change = self._board.snapshot(name).change
        if change.state is StreamState.FAILED and self._once:
            self.exit_code = EXIT_UNEXPECTED if change.reason == "engine" else EXIT_CONFIG
        if self._once and not self._running:
            self._stop.set()

    def _say_goodbye(self) -> None:
        for name, seen in self._board.snapshots().items():
            logs.stream_logger(__name__, name).info(
                "%d masks, age p50 %.0f ms, %d frames dropped, memory let go %d times, %d failures",
                seen.masks, seen.age_ms_p50, seen.drops, seen.resets, seen.failures,
            )  # fmt: skip
