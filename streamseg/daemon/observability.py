"""What lets others look in: the status thread and, where they are asked for, traces."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from streamseg.concurrency.deadline import Deadline
from streamseg.config.schema import Config, StatusConfig
from streamseg.config.secrets import read_secret
from streamseg.net import is_loopback
from streamseg.status.registry import StatusRegistry
from streamseg.status.tracing import open_tracer
from streamseg.status.web.auth import AccessPolicy
from streamseg.status.web.server import Settings, StatusServer
from streamseg.types import Segmentation


class Observability:
    """All that looks on; nothing of it holds up a mask.

    Args:
        config: What the user asked for.
        board: What is known.
        alive: Which parts of the daemon there are, and whether each lives.

    Raises:
        ConfigError: The token's file cannot be read.
        MissingExtraError: Traces are asked for, and their extra is not installed.
    """

    def __init__(
        self, config: Config, board: StatusRegistry, alive: Callable[[], Mapping[str, bool]]
    ) -> None:
        endpoint = config.daemon.trace.endpoint
        self._server = StatusServer(board, settings(config.status), alive)
        self._tracer = None if endpoint is None else open_tracer(endpoint)

    @property
    def address(self) -> str:
        """Where the status thread listens; empty where it does not."""
        return self._server.address

    def start(self) -> None:
        """Listen, where that is asked for and can be done."""
        self._server.start()

    def offer(self, segmentation: Segmentation) -> None:
        """Hand over a mask that was just made; returns at once."""
        self._server.offer(segmentation)
        if self._tracer is not None:
            self._tracer.offer(segmentation)

    def stop(self) -> None:
        """Ask for the end; returns at once. Idempotent."""
        self._server.stop()
        if self._tracer is not None:
            self._tracer.stop()

    def join(self, deadline: Deadline) -> bool:
        """Wait for the end; False where the deadline passed first.

        A collector that does not take the last traces is no reason to end unclean.
        """
        ended = self._server.join(deadline)
        if self._tracer is not None:
            self._tracer.join(deadline)
        return ended


def settings(config: StatusConfig) -> Settings:
    """How to serve what `config` asks for.

    Raises:
        ConfigError: The token's file cannot be read.
    """
    token = None if config.token_file is None else read_secret(config.token_file)
    host = (config.bind or "localhost:0").rpartition(":")[0]
    door = AccessPolicy(token, is_loopback(host), tuple(config.allowed_origins))
    return Settings(config.bind, door, config.page, config.jpeg_quality)
