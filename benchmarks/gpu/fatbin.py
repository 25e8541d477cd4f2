"""Blank the device code in a CUDA library that one GPU architecture does not run, so that it compresses.

    python -m benchmarks.gpu.fatbin LIBRARY OUT --architecture 90 [--drop-kernels REGEX]

Payloads of the fat binaries' entries for other architectures become zeros, and those for this one whose
kernels match REGEX (their mangled names stand in the machine code, which may be zstd-compressed). Nothing
moves and the headers stay, so the library loads as before; a blanked kernel fails when it is first asked for,
since CUDA loads lazily (CUDA_MODULE_LOADING=LAZY, the default from CUDA 12.2 on). The layout is that of
`fatbinary_section.h` and of the fat binary's header in NVIDIA's cuobjdump output; it is not documented.
"""

from __future__ import annotations

import argparse
import json
import re
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import zstandard

_MAGIC = struct.pack("<I", 0xBA55ED50)
_HEADER = struct.Struct("<IHHQ")  # magic, version, size of this header, size of all entries
_ENTRY = struct.Struct("<HHIQ")  # kind, version, size of this header, size of the payload
_PACKED_AT, _ARCHITECTURE_AT = 16, 28  # offsets in an entry's header
_ZSTD = b"\x28\xb5\x2f\xfd"
_KERNEL = re.compile(rb"_Z[A-Za-z0-9_]{8,400}")
_MOST_UNPACKED = 1 << 30


@dataclass(frozen=True, slots=True)
class Entry:
    """A piece of device code.

    Attributes:
        architecture: Compute capability times ten, as 90.
        body: Where its payload lies in the library.
        packed: Bytes of the payload that are compressed; 0 where it is not.
    """

    architecture: int
    body: slice
    packed: int


def entries(library: bytes | bytearray) -> Iterator[Entry]:
    """Every piece of device code in a library."""
    at = 0
    while (at := library.find(_MAGIC, at)) >= 0:
        if len(library) - at < _HEADER.size:
            return
        _, version, head, size = _HEADER.unpack_from(library, at)
        end = at + head + size
        if version != 1 or head != _HEADER.size or end > len(library):
            at += len(_MAGIC)
            continue
        yield from _entries(library, at + head, end)
        at = end


def _entries(library: bytes | bytearray, at: int, end: int) -> Iterator[Entry]:
    while at < end:
        _, _, head, length = _ENTRY.unpack_from(library, at)
        (packed,) = struct.unpack_from("<I", library, at + _PACKED_AT)
        (architecture,) = struct.unpack_from("<I", library, at + _ARCHITECTURE_AT)
        yield Entry(architecture, slice(at + head, at + head + length), packed)
        at += head + length


def prune(library: bytearray, architecture: int, drop: str = "") -> dict[str, int]:
    """Blanks what the architecture does not run, in place.

    Args:
        library: A shared library's bytes.
        architecture: Compute capability times ten, as 90.
        drop: Kernels of that architecture to blank too, a regular expression on mangled names; empty: none.

    Returns:
        Bytes kept and blanked, by architecture, as `{"kept sm_90": 1024}`.
    """
    pattern = re.compile(drop.encode()) if drop else None
    sizes: Counter[str] = Counter()
    for entry in entries(library):
        keep = entry.architecture == architecture and not (pattern and _has(library, entry, pattern))
        size = entry.body.stop - entry.body.start
        sizes[f"{'kept' if keep else 'blanked'} sm_{entry.architecture}"] += size
        if not keep:
            library[entry.body] = bytes(size)
    return dict(sorted(sizes.items()))


def _has(library: bytearray, entry: Entry, pattern: re.Pattern[bytes]) -> bool:
    payload = bytes(library[entry.body])
    code = payload[: entry.packed] if entry.packed else payload
    if code.startswith(_ZSTD):
        code = zstandard.ZstdDecompressor().decompress(code, max_output_size=_MOST_UNPACKED)
    return bool(pattern.search(b" ".join(set(_KERNEL.findall(code)))))


def main() -> None:
    """Prunes a library from the command line and prints what was kept."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("library", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--architecture", type=int, required=True)
    parser.add_argument("--drop-kernels", default="")
    asked = parser.parse_args()
    content = bytearray(asked.library.read_bytes())
    sizes = prune(content, asked.architecture, asked.drop_kernels)
    asked.out.write_bytes(content)
    asked.out.chmod(asked.library.stat().st_mode)
    print(json.dumps(sizes))


if __name__ == "__main__":
    main()
