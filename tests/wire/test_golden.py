"""Every byte of `seg/1`, pinned by files that were written once."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from streamseg.wire.codecs import decode
from streamseg.wire.header import MaskHeader
from streamseg.wire.message import load_header, pack, unpack
from streamseg.wire.rle import pack_runs
from streamseg.wire.topics import Kind
from streamseg.wire.zstd import decompress
from tests.wire.samples import LABELS, messages
from tests.wire.vectors import GOLDEN, split

KINDS = (Kind.MASK, Kind.INFO, Kind.STATUS, Kind.BEAT)  # in the order of the page
RUNS = bytes.fromhex(
    "0f000000"
    "00 01 00 03 01 00 03 08 01 08 03 08 ff 08 ff"
    "04000000 04000000 02000000 02000000 04000000 02000000 03000000 02000000"
    "01000000 02000000 03000000 0a000000 01000000 06000000 02000000"
)


def parts_of(name: str) -> list[bytes]:
    return split((GOLDEN / f"{name}.bin").read_bytes())


def said_of(name: str) -> dict[str, object]:
    said: dict[str, object] = json.loads((GOLDEN / f"{name}.json").read_text())
    return said


def test_there_is_a_vector_for_every_message() -> None:
    assert sorted(messages()) == sorted(path.stem for path in GOLDEN.glob("*.bin"))
    assert sorted(messages()) == sorted(path.stem for path in GOLDEN.glob("*.json"))


@pytest.mark.parametrize("name", sorted(messages()))
def test_topic_and_header_are_written_to_the_byte(name: str) -> None:
    message = messages()[name]
    assert pack(message.header, message.body)[:2] == parts_of(name)[:2]


@pytest.mark.parametrize("name", sorted(messages()))
def test_vectors_are_read_as_what_was_written(name: str) -> None:
    assert unpack(parts_of(name)).header == messages()[name].header


@pytest.mark.parametrize("name", sorted(messages()))
def test_vectors_say_what_the_readable_file_says(name: str) -> None:
    topic, header, _ = parts_of(name)
    assert topic.decode() == said_of(name)["topic"]
    assert json.loads(header) == said_of(name)["header"]


@pytest.mark.parametrize("name", [name for name in sorted(messages()) if name.startswith("mask")])
def test_bodies_decode_to_the_label_map(name: str) -> None:
    message = unpack(parts_of(name))
    assert isinstance(message.header, MaskHeader)
    np.testing.assert_array_equal(message.labels(), LABELS)
    np.testing.assert_array_equal(message.labels(), np.array(said_of(name)["labels"], np.uint8))
    np.testing.assert_array_equal(decode(message.body, name.removeprefix("mask-"), (8, 6)), LABELS)


def test_raw_bodies_are_the_bytes_of_the_map() -> None:
    assert parts_of("mask-raw")[2] == LABELS.tobytes()


def test_runs_are_pinned_before_they_are_compressed() -> None:
    runs = decompress(parts_of("mask-rle")[2], 4 + 5 * LABELS.size)
    assert runs == pack_runs(LABELS) == RUNS


@pytest.mark.tree
def test_the_protocol_page_shows_headers_that_are_read() -> None:
    page = (GOLDEN.parents[2] / "docs" / "wire.md").read_text(encoding="utf-8")
    shown = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    headers = [load_header(kind, text.encode()) for kind, text in zip(KINDS, shown, strict=True)]
    assert [header.json.keys() for header in headers] == [json.loads(text).keys() for text in shown]
