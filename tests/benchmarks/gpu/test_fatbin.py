from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import zstandard

from benchmarks.gpu.fatbin import entries, prune

MAGIC = 0xBA55ED50
HEAD = 64


def entry(architecture: int, payload: bytes, packed: int = 0) -> bytes:
    head = bytearray(HEAD)
    struct.pack_into("<HHIQ", head, 0, 2, 0x101, HEAD, len(payload))
    struct.pack_into("<I", head, 16, packed)
    struct.pack_into("<I", head, 28, architecture)
    return bytes(head) + payload


def fatbin(*parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack("<IHHQ", MAGIC, 1, 16, len(body)) + body


def packed(architecture: int, code: bytes) -> bytes:
    content = zstandard.compress(code)
    return entry(architecture, content + bytes(-len(content) % 8), len(content))


def library() -> bytearray:
    conv, attention = b"\x7fELF _Z11convolutionPf \0", b"\x7fELF _Z16flash_fwd_kernelPf \0"
    decoy = struct.pack("<IHHQ", MAGIC, 7, 16, 1 << 40)  # the number by chance, in code
    first = fatbin(entry(80, conv), packed(90, conv), packed(90, attention))
    return bytearray(b"start" + first + decoy + b"between" + fatbin(entry(90, conv)) + b"end")


def test_every_piece_of_device_code_is_found_and_a_chance_number_is_not() -> None:
    assert [one.architecture for one in entries(library())] == [80, 90, 90, 90]


def test_other_architectures_are_blanked_and_nothing_moves() -> None:
    before, after = library(), library()
    sizes = prune(after, 90)
    assert len(after) == len(before)
    found = list(entries(after))
    assert [(one.architecture, any(after[one.body])) for one in found] == [
        (80, False),
        (90, True),
        (90, True),
        (90, True),
    ]
    assert set(sizes) == {"blanked sm_80", "kept sm_90"}
    kept = bytearray(before)
    kept[found[0].body] = bytes(found[0].body.stop - found[0].body.start)
    assert after == kept


def test_kernels_are_dropped_by_name_also_where_the_code_is_compressed() -> None:
    content = library()
    prune(content, 90, "flash_fwd")
    assert [any(content[one.body]) for one in entries(content)] == [False, True, False, True]


def test_the_command_writes_another_library(tmp_path: Path) -> None:
    source, out = tmp_path / "lib.so", tmp_path / "pruned.so"
    source.write_bytes(library())
    command = [sys.executable, "-m", "benchmarks.gpu.fatbin", str(source), str(out), "--architecture", "80"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert '"kept sm_80"' in done.stdout
    assert [any(out.read_bytes()[one.body]) for one in entries(out.read_bytes())] == [
        True,
        False,
        False,
        False,
    ]
