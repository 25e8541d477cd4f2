"""Headers of masks and pictures: as documented, and refused where they contradict themselves."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamseg.errors import WireError
from streamseg.wire.header import HEADER_BYTES, Drops, FrameTimes, MaskHeader, MaskLayout
from streamseg.wire.message import dump_header, load_header
from streamseg.wire.topics import Kind
from tests.wire.samples import MASK, PICTURE

SECONDS = st.floats(0, 1e10)
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
COUNTS = st.integers(0, 2**53)
SIDES = st.integers(1, 8192)
HEADERS = st.builds(
    MaskHeader,
    stream=st.just("gate"),
    epoch=st.from_regex(r"[A-Za-z0-9_.-]{1,64}", fullmatch=True),
    seq=COUNTS,
    frame_seq=COUNTS,
    time=st.builds(FrameTimes, SECONDS, WORDS, st.none() | st.floats(-1e9, 1e9), SECONDS),
    frame_wh=st.tuples(SIDES, SIDES),
    mask=st.builds(MaskLayout, SIDES, SIDES, WORDS, st.tuples(*[st.floats(-1e6, 1e6)] * 6)),
    present=st.just((1, 2)),
    fraction=st.just((0.25, 0.75)),
    confidence=st.none() | st.floats(0, 1),
    model=WORDS,
    mode=WORDS,
    reset=st.booleans(),
    drops=st.builds(Drops, COUNTS, COUNTS),
    ms=st.dictionaries(WORDS, SECONDS, max_size=5),
    ignore=st.integers(0, 255),
)


def changed(**changes: Any) -> bytes:
    """The sample's JSON with other values; a dot goes inside an object, `...` takes the key out."""
    content = json.loads(dump_header(MASK))
    for path, value in changes.items():
        *parents, key = path.split("__")
        part = content
        for parent in parents:
            part = part[parent]
        if value is ...:
            del part[key]
        else:
            part[key] = value
    return json.dumps(content).encode()


@given(HEADERS)
def test_a_header_is_read_as_what_was_written(header: MaskHeader) -> None:
    assert load_header(Kind.MASK, dump_header(header)) == header


def test_a_pictures_header_comes_back() -> None:
    assert load_header(Kind.PICTURE, dump_header(PICTURE)) == PICTURE


def test_unknown_keys_are_ignored() -> None:
    assert load_header(Kind.MASK, changed(news=1, mask__news=[], time__news={})) == MASK


def test_words_of_tomorrow_are_read() -> None:
    header = load_header(Kind.MASK, changed(temporal__mode="gru9", time__clock="ptp", mask__encoding="av1"))
    assert isinstance(header, MaskHeader)
    assert (header.mode, header.time.clock, header.mask.encoding) == ("gru9", "ptp", "av1")


def test_every_class_at_once_still_fits() -> None:
    everything = replace(MASK, present=tuple(range(255)), fraction=(0.0039,) * 255)
    assert len(dump_header(everything)) <= HEADER_BYTES


@pytest.mark.parametrize(
    "raw",
    [
        changed(v=2),
        changed(v=...),
        changed(seq=-1),
        changed(seq=None),
        changed(stream=...),
        changed(time={}),
        changed(time__capture="now"),
        changed(frame__w=0),
        changed(mask__bytes=47),
        changed(mask__dtype="u16"),
        changed(mask__w=2**20, mask__h=2**20, mask__bytes=2**40),
        changed(mask__to_frame=[1, 0, 0]),
        changed(present=[0, 1]),
        changed(present=[0, 1, 3, 256]),
        changed(present=[0] * 257, fraction=[0] * 257),
        changed(temporal__reset=0),
        changed(ms=[]),
        changed(ms__infer=None),
        changed(ignore=256),
        changed(drops__capture=-1),
    ],
)
def test_unfit_headers_are_refused(raw: bytes) -> None:
    with pytest.raises(WireError):
        load_header(Kind.MASK, raw)


def test_another_version_is_named() -> None:
    with pytest.raises(WireError, match="version 2; this end knows version 1"):
        load_header(Kind.MASK, changed(v=2))


def test_a_header_with_nan_is_not_written() -> None:
    with pytest.raises(WireError, match="JSON"):
        dump_header(replace(MASK, confidence=float("nan")))
