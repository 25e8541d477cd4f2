"""Pictures to calibrate on: taken evenly from clips and folders, one after the other from live streams."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np

from streamseg.capture.capture import Capture
from streamseg.capture.convert import to_rgb
from streamseg.capture.source import describe
from streamseg.concurrency.deadline import Deadline
from streamseg.concurrency.mailbox import Closed, Mailbox, Overflow
from streamseg.config.schema import SourceConfig
from streamseg.errors import SourceError, SourceFault, TrainingError
from streamseg.redact import redact_url
from streamseg.training.data.labels import PICTURES, read_picture
from streamseg.types import U8, Frame, StateChange, StreamState

LEAST = 8  # pictures in all; fewer say too little about the range of an activation
_STOP_S = 2.0
_OVER = {StreamState.BACKOFF, StreamState.FAILED, StreamState.ENDED}

Tell = Callable[[str, int], None]  # the source for people, and how many of its pictures are there


class Evenly:
    """Keeps so many of any number of pictures, evenly spaced, without knowing beforehand how many come.

    While the end is unknown it holds up to twice as many; whenever these are reached, every other one is let
    go and only every second, fourth, … of what follows is taken.
    """

    def __init__(self, count: int) -> None:
        self._count, self._every, self._seen = count, 1, 0
        self._kept: list[U8] = []

    @property
    def wants(self) -> bool:
        """Whether the next picture is one of those that are kept; else it need not be converted."""
        return self._seen % self._every == 0

    def add(self, picture: U8 | None) -> None:
        """Count a picture, and keep it where it is given."""
        self._seen += 1
        if picture is None:
            return
        self._kept.append(picture)
        if len(self._kept) == 2 * self._count:
            self._kept, self._every = self._kept[::2], 2 * self._every

    def pictures(self) -> list[U8]:
        """What is kept, at most the count."""
        return [self._kept[index] for index in evenly(len(self._kept), self._count)]


def evenly(total: int, count: int) -> list[int]:
    """At most `count` of the indices 0…total-1, evenly spaced, the ends among them."""
    return [int(index) for index in np.unique(np.linspace(0, total - 1, min(total, count)).round())]


def gather(
    sources: Sequence[str], count: int, size_wh: tuple[int, int], every_s: float, tell: Tell
) -> list[U8]:
    """Take pictures from sources, one source after the other, about as many from each.

    Args:
        sources: Folders of pictures, files, `rtsp://…` and whatever else a stream can come from.
        count: How many in all.
        size_wh: The network's size; pictures are scaled to it.
        every_s: From a live source, a picture in so many seconds.
        tell: Told of every picture.

    Returns:
        RGB `[H, W, 3]` uint8.

    Raises:
        SourceError: A source gave nothing.
        TrainingError: A folder has no pictures, a picture cannot be read, or it is too few in all.
    """
    found: list[U8] = []
    asked = sources[:count]  # a camera that is asked for no picture would never end
    for index, source in enumerate(asked):
        share = -(-(count - len(found)) // (len(asked) - index))
        if Path(source).is_dir():
            found += _from_folder(Path(source), share, size_wh, tell)
        else:
            found += _from_video(source, share, size_wh, every_s, tell)
    if len(found) < LEAST:
        names = ", ".join(redact_url(source) for source in sources)
        raise TrainingError(f"{names}: {len(found)} pictures; calibrating takes at least {LEAST}")
    return found


def _from_folder(folder: Path, count: int, size_wh: tuple[int, int], tell: Tell) -> list[U8]:
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES)
    if not paths:
        raise TrainingError(f"{folder}: no pictures there ({', '.join(sorted(PICTURES))})")
    pictures: list[U8] = []
    for index in evenly(len(paths), count):
        pictures.append(cv2.resize(read_picture(paths[index]), size_wh, interpolation=cv2.INTER_AREA))
        tell(str(folder), len(pictures))
    return pictures


def _from_video(url: str, count: int, size_wh: tuple[int, int], every_s: float, tell: Tell) -> list[U8]:
    source = SourceConfig(url=url, pace=False)
    target = describe(source)
    mailbox: Mailbox[Frame] = Mailbox(1, Overflow.BLOCK)  # a camera too: they are far apart, each counts
    ended: list[StateChange] = []

    def on_state(change: StateChange) -> None:
        if change.state in _OVER:  # also what a daemon would try again: whoever calibrates is there to see it
            ended.append(change)
            mailbox.close(discard=False)

    capture = Capture("calibrate", source, mailbox, on_state, max_fps=1 / every_s if target.live else None)
    capture.start()
    try:
        pictures = _taken(_arriving(mailbox), count, size_wh, target.live, lambda n: tell(target.label, n))
    finally:
        mailbox.close(discard=True)
        capture.stop()
        capture.join(Deadline(_STOP_S))
    if not pictures:
        raise _nothing(target.label, ended)
    return pictures


def _arriving(mailbox: Mailbox[Frame]) -> Iterable[Frame]:
    while True:
        try:
            yield mailbox.get()
        except Closed:
            return


def _taken(
    frames: Iterable[Frame], count: int, size_wh: tuple[int, int], live: bool, tell: Callable[[int], None]
) -> list[U8]:
    """The first `count` of a live source; of one that ends, as many evenly from all of it."""
    kept = Evenly(count)
    for number, frame in enumerate(frames, start=1):
        kept.add(to_rgb(frame.picture, size_wh) if kept.wants else None)
        tell(number)
        if live and number == count:
            break
    return kept.pictures()


def _nothing(label: str, ended: Sequence[StateChange]) -> SourceError:
    if not ended or not ended[0].reason:
        return SourceError(SourceFault.EOF, f"{label}: it gave no picture")
    return SourceError(SourceFault(ended[0].reason), ended[0].message)
