"""streamseg: live video in, steady per-pixel masks out over ZeroMQ."""

__version__ = "0.1.0"
