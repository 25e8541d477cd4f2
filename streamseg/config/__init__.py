"""What a user may say: the schema, and a loader that finds every mistake at once."""

from streamseg.config.load import load, parse
from streamseg.config.schema import Config

__all__ = ["Config", "load", "parse"]
