from __future__ import annotations

import ctypes
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamseg.inference.backends.tensorrt.cuda import Device
from streamseg.inference.backends.tensorrt.memory_pool import MemoryBlock, MemoryPool, MemoryRow
from tests.fakes import pycuda

SIZE = 8


@pytest.fixture
def rows() -> Iterator[MemoryPool]:
    device = Device(pycuda, pop=lambda: None)
    with device.current():
        yield MemoryPool(device, SIZE, 3)
    device.close()


def read(address: int, size: int) -> bytes:
    pycuda.world.run()
    return ctypes.string_at(address, size)


def write(row: MemoryRow, value: int) -> None:
    ctypes.memset(row.address, value, SIZE)


def test_no_past_is_all_zero(rows: MemoryPool) -> None:
    assert len(rows.blank) == 3
    assert read(rows.address(rows.blank), 3 * SIZE) == bytes(3 * SIZE)


def test_a_stream_goes_back_and_forth_between_two_rows(rows: MemoryPool) -> None:
    places = []
    kept = rows.blank[:1]
    for _ in range(6):
        kept = rows.take(1)  # the one before is let go
        places.append(kept[0].address)
    assert len(set(places)) == 2
    assert places[::2] == places[:1] * 3


def test_a_row_somebody_holds_is_nobody_elses(rows: MemoryPool) -> None:
    held = [rows.take(1) for _ in range(40)]
    assert len({taken[0].address for taken in held}) == 40


def test_a_batch_lies_side_by_side(rows: MemoryPool) -> None:
    batch = rows.take(3)
    assert [row.address - batch[0].address for row in batch] == [0, SIZE, 2 * SIZE]
    assert rows.address(batch) == batch[0].address
    assert rows.address(batch[1:]) == batch[1].address


def test_rows_that_lie_apart_are_copied_side_by_side(rows: MemoryPool) -> None:
    batch = rows.take(3)
    for value, row in enumerate(batch, start=1):
        write(row, value)
    together = rows.address([batch[2], batch[0], batch[0]])
    assert together not in {row.address for row in batch}
    assert read(together, 3 * SIZE) == bytes([3] * SIZE + [1] * 2 * SIZE)


@given(st.lists(st.integers(1, 4), max_size=30))
def test_rows_never_overlap(counts: list[int]) -> None:
    slab = MemoryBlock(1000, SIZE, 16)
    held: list[tuple[MemoryRow, ...]] = []
    for index, count in enumerate(counts):
        if index % 3 == 2:
            held.pop(0)
        held.append(slab.take(count))
        places = [row.address for taken in held for row in taken]
        assert len(set(places)) == len(places)
        assert all(1000 <= place < 1000 + 16 * SIZE for place in places)
    held.clear()
    assert slab.free == set(range(16))


def test_a_full_slab_gives_none() -> None:
    slab = MemoryBlock(0, SIZE, 3)
    first = slab.take(2)
    assert slab.take(2) == ()
    assert len(first) == 2
