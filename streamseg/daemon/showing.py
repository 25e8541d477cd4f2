"""From the configuration to what the status thread is told."""

from __future__ import annotations

from streamseg.config.checks import is_loopback
from streamseg.config.schema import StatusConfig
from streamseg.config.secrets import read_secret
from streamseg.status.door import Door
from streamseg.status.server import Settings


def settings(config: StatusConfig) -> Settings:
    """How to serve what `config` asks for.

    Raises:
        ConfigError: The token's file cannot be read.
    """
    token = None if config.token_file is None else read_secret(config.token_file)
    host = (config.bind or "localhost:0").rpartition(":")[0]
    door = Door(token, is_loopback(host), tuple(config.allowed_origins))
    return Settings(config.bind, door, config.page, config.jpeg_quality)
