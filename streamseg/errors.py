"""What can go wrong, as a tree a caller can catch by room.

    StreamsegError              exit code 1
    ├── ConfigError             exit code 78: the configuration must change before another try makes sense
    ├── SourceError             a video source: carries a `SourceFault` reason
    ├── PackageError            a model package: missing, malformed, wrong hash       (exit code 78)
    ├── EngineError             a backend failed to load or to run a graph
    ├── WireError               bytes on the socket that are not `seg/1`
    ├── PublishError            the socket could not be opened: port in use, no such address (yet)
    │   └── AddressError        an address that can never be bound: malformed, not allowed  (exit code 78)
    ├── TrainingError           data or a run of the trainer
    └── MissingExtraError       an optional dependency is not installed; names the extra (exit code 78)

Every message is one line for a person: what happened, where, what to do.
"""

from __future__ import annotations

from enum import StrEnum

MAX_PROBLEMS = 200  # that are told at once; nobody reads more
EXIT_OK = 0
EXIT_UNEXPECTED = 1
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells say
EXIT_CONFIG = 78  # EX_CONFIG of sysexits.h; the unit file's RestartPreventExitStatus


class StreamsegError(Exception):
    """Base of every error this package raises on purpose; its text is fit for a user's eyes."""

    exit_code = EXIT_UNEXPECTED


class ConfigError(StreamsegError):
    """The configuration is invalid; `problems` holds every problem found, one line each.

    Of more than `MAX_PROBLEMS` it holds the first, and a line with the number of the others.
    """

    exit_code = EXIT_CONFIG

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems[:MAX_PROBLEMS]
        if more := len(problems) - len(self.problems):
            self.problems.append(f"… and {more} more problems")
        super().__init__("\n".join(self.problems))


class SourceFault(StrEnum):
    """Why a source failed; the `reason` of a status message (WIRE.md)."""

    AUTH = "auth"
    NOT_FOUND = "not_found"
    TIMEOUT = "timeout"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    NO_VIDEO = "no_video"
    DECODE = "decode"
    STALLED = "stalled"
    EOF = "eof"
    UNSUPPORTED = "unsupported"


class StreamFault(StrEnum):
    """What else ends or stops a stream; a `reason` of a status message like those of `SourceFault`."""

    ENGINE = "engine"  # its frames cannot be processed
    CRASH = "crash"  # a thread of ours died, or an error of ours; the log has the traceback
    MEMORY = "memory"  # let go because the process came to its limit
    REMOVED = "removed"  # taken out of the configuration


class SourceError(StreamsegError):
    """A video source could not be opened or read; the text never holds credentials."""

    def __init__(self, reason: SourceFault, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class PackageError(StreamsegError):
    """A model package is missing, malformed or not what its manifest says."""

    exit_code = EXIT_CONFIG


class EngineError(StreamsegError):
    """A backend could not load or run a graph."""


class WireError(StreamsegError):
    """A message is not `seg/1`, or in an encoding this end does not know."""


class PublishError(StreamsegError):
    """The publishing socket could not be opened; another try may succeed."""


class AddressError(PublishError):
    """An address to bind is malformed, or not allowed: the configuration must change."""

    exit_code = EXIT_CONFIG


class TrainingError(StreamsegError):
    """Training data or a training run cannot be used as asked."""


class MissingExtraError(StreamsegError):
    """An optional dependency is absent."""

    exit_code = EXIT_CONFIG

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs the '{extra}' extra: pip install 'streamseg[{extra}]'")
        self.extra = extra
