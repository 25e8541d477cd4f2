"""The streams' memories: rows of device memory that never leave it.

A stream's memory is read from one row and written to another; the row it was read from is free again once
nobody holds that memory any more. So a stream goes back and forth between two rows, and whoever keeps an
older memory keeps it unharmed. MemoryPool lie side by side, so that a batch of streams can be one tensor.
"""

from __future__ import annotations

from collections.abc import Sequence

from streamseg.inference.backends.tensorrt.cuda import Device

_SLAB = 16  # rows taken at once, at least


class MemoryRow:
    """One stream's share of a tensor; free again when nobody holds it."""

    def __init__(self, slab: MemoryBlock, index: int) -> None:
        self._slab = slab
        self._index = index
        self.address = slab.address + index * slab.size

    def __del__(self) -> None:
        self._slab.free.add(self._index)


class MemoryBlock:
    """MemoryPool that lie side by side."""

    def __init__(self, address: int, size: int, count: int) -> None:
        self.address, self.size = address, size
        self.free = set(range(count))

    def take(self, count: int) -> tuple[MemoryRow, ...]:
        """So many neighbouring rows; none where there are not so many."""
        starts = (start for start in sorted(self.free) if self.free.issuperset(range(start, start + count)))
        start = next(starts, None)
        if start is None:
            return ()
        indices = range(start, start + count)
        self.free.difference_update(indices)
        return tuple(MemoryRow(self, index) for index in indices)


class MemoryPool:
    """All rows of one engine; used inside `Device.current()` alone.

    Args:
        device: The device.
        size: Bytes of a row.
        most: The largest batch.
    """

    def __init__(self, device: Device, size: int, most: int) -> None:
        self._device, self._most = device, most
        self.size = size
        self._slabs: list[MemoryBlock] = []
        self._gathered = device.memory(size * most)
        self.blank = self._slab(most).take(most)  # no past; never written again
        for row in self.blank:
            device.clear(row.address, size)

    def take(self, count: int) -> tuple[MemoryRow, ...]:
        """Neighbouring rows to write to."""
        found = (rows for slab in self._slabs if (rows := slab.take(count)))
        return next(found, ()) or self._slab(max(_SLAB, 2 * self._most)).take(count)

    def address(self, rows: Sequence[MemoryRow]) -> int:
        """Where rows lie as one tensor: in place where they are neighbours, else copied side by side."""
        first = rows[0].address
        if all(row.address == first + index * self.size for index, row in enumerate(rows)):
            return first
        for index, row in enumerate(rows):
            self._device.move(self._gathered + index * self.size, row.address, self.size)
        return self._gathered

    def _slab(self, count: int) -> MemoryBlock:
        slab = MemoryBlock(self._device.memory(self.size * count), self.size, count)
        self._slabs.append(slab)
        return slab
