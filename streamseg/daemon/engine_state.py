"""What can be said of an engine that is kept at work (`keeper`).

loading   there was no engine yet; frames wait
serving   there is one; another may be on its way to replace it
mending   it failed, and is made again, or with another backend; frames wait
failed    nothing helped; its streams are given up
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from streamseg.errors import StreamsegError
from streamseg.types import ModelInfo, Segmentation


class EngineState(StrEnum):
    """See the module."""

    LOADING = "loading"
    SERVING = "serving"
    MENDING = "mending"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class KeeperEvents:
    """What the daemon is told of an engine and its streams; must return soon and not raise.

    Attributes:
        made, failed, drained: See `SeatEvents`; on the worker's thread.
        served: By this engine, this stream is served with this model from now on; on the worker's thread.
        stream_broken: A stream's frames fail while those of others do not; on the main thread like the rest.
        given_up: A stream's frames fail on every engine that could be made for it.
        changed: The keeper entered its state.
        replaced: Another engine took over from one that served, or (with the error) could not.
    """

    made: Callable[[Segmentation], None]
    served: Callable[[str, str, ModelInfo], None]
    failed: Callable[[str, Exception], None]
    drained: Callable[[str], None]
    stream_broken: Callable[[str, str], None]
    given_up: Callable[[str, str], None]
    changed: Callable[[], None]
    replaced: Callable[[str, StreamsegError | None], None]
