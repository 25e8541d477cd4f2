"""From a segmentation to its messages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp

from streamseg.errors import WireError
from streamseg.publish.encode import build_mask_message, compose_picture, shares
from streamseg.publish.outbox import Pending
from streamseg.types import U8, Region, Segmentation
from streamseg.wire.codecs import decode
from streamseg.wire.header import Drops, FrameTimes, MaskHeader, MaskLayout
from streamseg.wire.message import dump_header
from tests.publish.conftest import make_segmentation


def ticks() -> Iterator[float]:
    """A clock that goes on 2 ms whenever it is read."""
    return (n * 0.002 for n in count())


def compose(
    segmentation: Segmentation, encoding: str = "zstd", sha256: str = "ab"
) -> tuple[MaskHeader, bytes]:
    pending = Pending(segmentation, encoding, sha256, seq=5, dropped=4)
    return build_mask_message(pending, epoch="e1", wall=lambda: 1790000000.5, clock=ticks().__next__)


def test_a_header_says_all_about_its_mask() -> None:
    header, body = compose(make_segmentation(7))
    assert header == MaskHeader(
        stream="gate",
        epoch="e1",
        seq=5,
        frame_seq=7,
        time=FrameTimes(1790000000.0, "file", 1.5, 1790000000.5),
        frame_wh=(32, 18),
        mask=MaskLayout(8, 6, "zstd", (4.0, 0.0, 0.0, 0.0, 3.0, 0.0)),
        present=(3,),
        fraction=(1.0,),
        confidence=round(150 / 255, 4),
        model="sha256:ab",
        mode="ema",
        reset=False,
        drops=Drops(capture=2, publish=4),
        ms={"infer": 1.25, "encode": 2.0},
    )
    np.testing.assert_array_equal(decode(body, "zstd", (8, 6)), make_segmentation(7).labels)
    assert dump_header(header)


def test_what_is_not_known_is_not_made_up() -> None:
    header, _ = compose(replace(make_segmentation(), confidence=None), sha256="")
    assert (header.confidence, header.model) == (None, "")


@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=30)))
def test_shares_are_those_of_the_classes_in_the_map(labels: U8) -> None:
    present, fraction = shares(labels)
    assert list(present) == sorted(set(labels.ravel().tolist()) - {255})
    for label, share in zip(present, fraction, strict=True):
        assert share == pytest.approx(float((labels == label).mean()), abs=6e-5)


def test_ignored_pixels_are_no_class() -> None:
    assert shares(np.array([[255, 255], [255, 1]], np.uint8)) == ((1,), (0.25,))


def test_a_view_is_counted_as_it_is_seen() -> None:
    assert shares(np.array([[1, 2], [3, 4]], np.uint8)[:, ::2]) == ((1, 3), (0.5, 0.5))


def test_an_unknown_encoding_is_a_wire_error() -> None:
    with pytest.raises(WireError, match="unknown mask encoding"):
        compose(make_segmentation(), "av1")


@pytest.mark.parametrize("size_hw", [(6, 8), (12, 16)])
def test_a_picture_has_the_masks_size_and_identity(size_hw: tuple[int, int]) -> None:
    red = np.zeros((*size_hw, 3), np.uint8)
    red[..., 0] = 250
    pending = Pending(replace(make_segmentation(), rgb=red), "raw", "", seq=5, dropped=0)
    header, body = compose_picture(pending, epoch="e1", quality=95, wall=lambda: 1790000000.5)
    assert (header.stream, header.epoch, header.seq, header.time.publish) == ("gate", "e1", 5, 1790000000.5)
    image = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR)
    assert image.shape == (6, 8, 3)
    assert image[..., 2].min() > 230  # OpenCV's order is blue, green, red
    assert image[..., :2].max() < 20


QUARTERS = np.array([[1, 2], [3, 4]], np.uint8)


@pytest.mark.parametrize(
    ("output_wh", "labels"),
    [
        (None, [[1, 2], [3, 4]]),
        ((2, 2), [[1, 2], [3, 4]]),
        ((4, 4), [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]),
        ((3, 1), [[3, 4, 4]]),  # each pixel has what is under its centre, the border counts to the right
        ((1, 1), [[4]]),
    ],
)
def test_a_mask_has_the_size_that_was_asked_for(
    output_wh: tuple[int, int] | None, labels: list[list[int]]
) -> None:
    made = replace(make_segmentation(), labels=QUARTERS, confidence=None, output_wh=output_wh)
    header, body = compose(made)
    size_wh = (len(labels[0]), len(labels))
    assert decode(body, "zstd", size_wh).tolist() == labels
    assert (header.mask.w, header.mask.h) == size_wh
    assert header.present == tuple(sorted({label for row in labels for label in row}))
    assert sum(header.fraction) == pytest.approx(1, abs=1e-3)
    assert header.mask.to_frame == (32 / size_wh[0], 0, 0, 0, 18 / size_wh[1], 0)


@pytest.mark.parametrize(("output_wh", "cell_wh"), [(None, (2.0, 1.5)), ((4, 3), (4.0, 3.0))])
def test_a_mask_of_a_region_lies_where_the_region_does(
    output_wh: tuple[int, int] | None, cell_wh: tuple[float, float]
) -> None:
    made = replace(make_segmentation(), region=Region(10, 6, 16, 9), output_wh=output_wh)
    header, _ = compose(made)
    assert header.frame_wh == (32, 18)
    assert header.mask.to_frame == (cell_wh[0], 0, 10, 0, cell_wh[1], 6)


def test_a_picture_has_the_size_that_was_asked_for() -> None:
    pending = Pending(replace(make_segmentation(), output_wh=(16, 12)), "raw", "", seq=5, dropped=0)
    _, body = compose_picture(pending, epoch="e1", quality=95, wall=lambda: 0.0)
    assert cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR).shape == (12, 16, 3)


def test_what_is_no_picture_is_a_wire_error() -> None:
    pending = Pending(replace(make_segmentation(), rgb=np.zeros((0, 0, 3), np.uint8)), "raw", "", 0, 0)
    with pytest.raises(WireError, match="cannot be made a JPEG"):
        compose_picture(pending, epoch="e1", quality=85, wall=lambda: 0.0)
