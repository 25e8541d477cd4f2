"""A region of interest and a size for the masks, from the configuration to a subscriber."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from streamseg.client.subscription import Mask, subscribe
from tests.e2e.conftest import Start
from tests.waiting import time_limit

BARS = "lavfi:smptebars=size=96x64:rate=10"  # a still picture: every mask of it is the same

CONFIG = f"""\
engine: {{model: tiny, precision: f32}}
publish: {{bind: ADDRESS}}
defaults: {{temporal: none}}
streams:
  whole:
    source: {BARS}
  part:
    source: {BARS}
    roi: {{x: 0.5, y: 0.25, w: 0.5, h: 0.5}}
    output: {{width: 128, height: 96}}
  cut:
    source: {BARS},crop=48:32:48:16
"""


@pytest.fixture
def masks(start: Start, tmp_path: Path) -> dict[str, Mask]:
    """A mask of each stream."""
    address = f"ipc://{tmp_path}/masks"
    path = tmp_path / "c.yaml"
    path.write_text(CONFIG.replace("ADDRESS", address))
    start("run", str(path))
    found: dict[str, Mask] = {}
    with subscribe(address, latest=False, timeout_s=time_limit(60)) as subscription:
        for mask in subscription:
            found[mask.stream] = mask
            if len(found) == 3:
                break
    return found


def test_a_mask_of_a_region_is_of_that_part_and_says_where_it_lies(masks: dict[str, Mask]) -> None:
    part, cut, whole = masks["part"], masks["cut"], masks["whole"]
    assert part.header.frame_wh == (96, 64)
    assert (part.header.mask.w, part.header.mask.h) == (128, 96)
    assert list(part.to_frame) == [48 / 128, 0, 48, 0, 32 / 96, 16]
    assert list(whole.to_frame) == [96 / 64, 0, 0, 0, 64 / 48, 0]
    np.testing.assert_array_equal(part.labels[::2, ::2], part.labels[1::2, 1::2])  # twice the network's size
    np.testing.assert_array_equal(part.labels[::2, ::2], cut.labels)
    assert (cut.labels != whole.labels).any()
