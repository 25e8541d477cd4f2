"""From a segmentation to the header and body of its mask message; and its picture's."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from streamseg.errors import WireError
from streamseg.publish.outbox import Pending
from streamseg.types import F32, U8, Region, Segmentation
from streamseg.wire.codecs import encode
from streamseg.wire.header import (
    CLASSES,
    IGNORE,
    Affine,
    Drops,
    FrameTimes,
    MaskHeader,
    MaskLayout,
    PictureHeader,
)

HASH_PREFIX = "sha256:"


def build_mask_message(
    pending: Pending,
    *,
    epoch: str,
    wall: Callable[[], float],
    clock: Callable[[], float],
) -> tuple[MaskHeader, bytes]:
    """Encode a mask and say all about it.

    Args:
        pending: The mask.
        epoch: This run of the daemon.
        wall: Seconds since 1970.
        clock: Monotonic seconds.

    Raises:
        WireError: The mask cannot be encoded.
    """
    began_s = clock()
    segmentation, frame = pending.segmentation, pending.segmentation.frame
    mask_wh = _mask_wh(segmentation)
    labels = _at_size(segmentation.labels, mask_wh)
    body = encode(labels, pending.encoding)
    present, fraction = shares(labels)
    confidence = _mean_confidence(segmentation.confidence)
    ms = {**segmentation.ms, "encode": (clock() - began_s) * 1e3}
    header = MaskHeader(
        stream=frame.stream,
        epoch=epoch,
        seq=pending.seq,
        frame_seq=frame.seq,
        time=_times(segmentation, wall()),
        frame_wh=frame.picture.size_wh,
        mask=MaskLayout(*mask_wh, str(pending.encoding), _to_frame(mask_wh, segmentation)),
        present=present,
        fraction=fraction,
        confidence=confidence,
        model=HASH_PREFIX + pending.model_sha256 if pending.model_sha256 else "",
        mode=segmentation.mode.value,
        reset=segmentation.reset,
        drops=Drops(segmentation.capture_drops, pending.dropped),
        ms={stage: round(spent_ms, 2) for stage, spent_ms in ms.items()},
    )
    return header, body


def compose_picture(
    pending: Pending, *, epoch: str, quality: int, wall: Callable[[], float]
) -> tuple[PictureHeader, bytes]:
    """Encode the picture a mask was made from as JPEG, at the mask's size.

    Raises:
        WireError: OpenCV cannot encode it.
    """
    segmentation = pending.segmentation
    body = _jpeg(segmentation.rgb, _mask_wh(segmentation), quality)
    frame = segmentation.frame
    return PictureHeader(frame.stream, epoch, pending.seq, _times(segmentation, wall())), body


def shares(labels: U8) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Return the ids of the classes present, ascending, and the share of all pixels of each, to 4 decimals.

    Pixels to be ignored count as pixels but are no class.
    """
    # twice as fast as numpy.bincount, which first makes every label an intp
    histogram: F32 = cv2.calcHist([np.ascontiguousarray(labels)], [0], None, [CLASSES], [0, CLASSES])
    counts = histogram.ravel()[:IGNORE]
    present = np.flatnonzero(counts)
    fraction = counts[present].astype(np.float64) / labels.size
    return tuple(present.tolist()), tuple(round(share, 4) for share in fraction.tolist())


def _mean_confidence(confidence: U8 | None) -> float | None:
    if confidence is None:
        return None
    total: float = cv2.sumElems(confidence)[0]
    return round(total / confidence.size / 255, 4)


def _mask_wh(segmentation: Segmentation) -> tuple[int, int]:
    height, width = segmentation.labels.shape
    return segmentation.output_wh or (width, height)


def _at_size(labels: U8, size_wh: tuple[int, int]) -> U8:
    """Each pixel takes the label at its centre: between two classes there is no third."""
    if labels.shape[1::-1] == size_wh:
        return labels
    resized: U8 = cv2.resize(labels, size_wh, interpolation=cv2.INTER_NEAREST_EXACT)
    return resized


def _to_frame(mask_wh: tuple[int, int], segmentation: Segmentation) -> Affine:
    seen = segmentation.region or Region(0, 0, *segmentation.frame.picture.size_wh)
    return (seen.width / mask_wh[0], 0.0, float(seen.x), 0.0, seen.height / mask_wh[1], float(seen.y))


def _times(segmentation: Segmentation, publish_unix_s: float) -> FrameTimes:
    frame = segmentation.frame
    return FrameTimes(frame.captured_unix_s, frame.clock.value, frame.pts_s, publish_unix_s)


def _jpeg(rgb: U8, size_wh: tuple[int, int], quality: int) -> bytes:
    try:
        if rgb.shape[1::-1] != size_wh:
            rgb = cv2.resize(rgb, size_wh, interpolation=cv2.INTER_AREA)
        bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
        return bytes(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1])
    except cv2.error as error:
        raise WireError(f"a picture {rgb.shape} cannot be made a JPEG: {error.err}") from None
