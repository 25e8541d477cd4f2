"""What is found is whole, ours, and made for exactly what is asked; else it is made again."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from streamseg.errors import EngineError
from streamseg.inference.cache.key import CacheKey, Origin
from streamseg.inference.cache.lock import locked
from streamseg.inference.cache.store import CompileCache
from tests.waiting import time_limit

PLAN = bytes(range(256))
BUILDER = '''
"""Builds what is under the digest of `key`, slowly: waits for a line on stdin while it holds the lock."""
import logging, sys
from pathlib import Path
from streamseg.inference.cache import store
from streamseg.inference.cache.key import CacheKey, Machine, Origin

key = CacheKey("g", Machine("slow", "1", "device"), "f32", "1")
cache, how = Path(sys.argv[1]), sys.argv[2]
logging.basicConfig(level=logging.INFO)

def make():
    print("building", flush=True)
    sys.stdin.readline()
    return how.encode()

def stuck(path, parts):
    (path.parent / f"{path.stem}.half.part").write_bytes(b"half")
    print("writing", flush=True)
    sys.stdin.readline()

if how == "stuck":
    store.write_whole = stuck
origin = Origin("p", Path("p"), "segmenter")
got = store.CompileCache(cache, strict=True).obtain(key, origin, make, bytes, bytes)
print("got", got.decode(), flush=True)
'''


class Compiler:
    """Counts how often it was asked."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> bytes:
        self.made += 1
        return PLAN


@pytest.fixture
def store(tmp_path: Path) -> CompileCache:
    return CompileCache(tmp_path / "cache", wall=lambda: 1.5e9)


def obtain(store: CompileCache, key: CacheKey, origin: Origin, compiler: Compiler) -> bytes:
    return store.obtain(key, origin, compiler, bytes, bytes, wait_s=20)


def the_file(store: CompileCache) -> Path:
    (entry,) = store.entries()
    return entry.path


def test_what_was_made_once_is_found_again(store: CompileCache, key: CacheKey, origin: Origin) -> None:
    compiler = Compiler()
    assert obtain(store, key, origin, compiler) == PLAN
    assert obtain(store, key, origin, compiler) == PLAN
    assert compiler.made == 1
    (entry,) = store.entries()
    assert entry.label is not None
    assert (entry.label.key, entry.label.origin, entry.label.made_unix_s) == (key, origin, 1.5e9)
    assert entry.size == entry.path.stat().st_size > len(PLAN)


def test_another_key_is_another_plan(store: CompileCache, key: CacheKey, origin: Origin) -> None:
    compiler = Compiler()
    for machine in (key.machine, replace(key.machine, driver="581.1"), key.machine):
        obtain(store, replace(key, machine=machine), origin, compiler)
    assert compiler.made == 2


@pytest.mark.parametrize("damage", ["flipped", "cut", "empty", "foreign", "writable", "another's"])
def test_what_cannot_be_trusted_is_reported_and_made_again(
    store: CompileCache, key: CacheKey, origin: Origin, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    compiler = Compiler()
    obtain(store, key, origin, compiler)
    path, data = the_file(store), bytearray(the_file(store).read_bytes())
    if damage == "flipped":
        data[-40] ^= 16
    path.write_bytes({"cut": bytes(data[:-1]), "empty": b"", "foreign": b"GGUF"}.get(damage, bytes(data)))
    if damage == "writable":
        path.chmod(0o666)
    if damage == "another's":
        other = replace(key, precision="f32")
        obtain(store, other, origin, compiler)
        path.write_bytes((path.parent / f"{other.digest}.plan").read_bytes())
        compiler.made -= 1
    assert obtain(store, key, origin, compiler) == PLAN
    assert compiler.made == 2
    (record,) = caplog.records
    assert str(path) in record.getMessage()
    assert "compiling again" in record.getMessage()
    obtain(store, key, origin, compiler)
    assert compiler.made == 2  # mended


def test_what_its_own_library_refuses_is_made_again(
    store: CompileCache, key: CacheKey, origin: Origin
) -> None:
    def refuse(_: memoryview) -> bytes:
        raise ValueError("not my format")

    compiler = Compiler()
    for _ in range(2):
        assert store.obtain(key, origin, compiler, bytes, refuse) == PLAN
    assert compiler.made == 2


def test_what_has_no_bytes_is_made_each_time(
    store: CompileCache, key: CacheKey, origin: Origin, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_: bytes) -> bytes:
        raise ValueError("it is not to be written")

    assert store.obtain(key, origin, Compiler(), refuse, bytes) == PLAN
    assert "tiny: segmenter cannot be kept: it is not to be written" in caplog.text
    with pytest.raises(EngineError, match="not to be written; mend that"):
        CompileCache(tmp_path / "cache", strict=True).obtain(key, origin, Compiler(), refuse, bytes)


def test_bytes_are_kept_and_found_by_themselves(store: CompileCache, key: CacheKey, origin: Origin) -> None:
    assert store.load(key) is None
    store.save(key, origin, PLAN)
    found = store.load(key)
    assert found is not None
    assert bytes(found) == PLAN


def test_a_full_disk_costs_the_cache_alone(
    store: CompileCache,
    key: CacheKey,
    origin: Origin,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    assert obtain(store, key, origin, Compiler()) == PLAN
    assert "cannot be kept: No space left on device; the next start compiles again" in caplog.text
    with pytest.raises(EngineError, match="No space left on device; mend that, or set another cache folder"):
        obtain(CompileCache(tmp_path / "cache", strict=True), key, origin, Compiler())
    assert store.entries() == []


def test_a_file_the_kernel_refuses_to_grow_leaves_nothing(tmp_path: Path) -> None:
    code = f"""
import resource
from pathlib import Path
from streamseg.inference.cache.key import CacheKey, Machine, Origin
from streamseg.inference.cache.store import CompileCache
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
key = CacheKey("g", Machine("b", "1", "d"), "f32", "1")
store = CompileCache(Path({str(tmp_path)!r}))
print(len(store.obtain(key, Origin("p", Path("p"), "r"), lambda: bytes(9999), bytes, bytes)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=time_limit(60)
    )
    assert done.stdout == "9999\n"
    assert "cannot be kept: File too large" in done.stderr
    assert [path.suffix for path in (tmp_path / "plans").iterdir()] == [".lock"]


def test_a_place_that_is_not_ours_keeps_nothing(
    tmp_path: Path, key: CacheKey, origin: Origin, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "plans").mkdir()
    (tmp_path / "plans").chmod(0o777)
    assert obtain(CompileCache(tmp_path), key, origin, Compiler()) == PLAN
    assert "cannot be kept: others may write it (mode 0777)" in caplog.text
    assert list((tmp_path / "plans").iterdir()) == []


def test_without_a_folder_everything_is_made(key: CacheKey, origin: Origin) -> None:
    store, compiler = CompileCache(None), Compiler()
    for _ in range(2):
        assert obtain(store, key, origin, compiler) == PLAN
    store.save(key, origin, PLAN)
    store.tidy()
    assert (compiler.made, store.load(key), store.entries()) == (2, None, [])


def builder(cache: Path, how: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", BUILDER, cache, how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_of_two_processes_one_builds_and_the_other_takes_it(tmp_path: Path) -> None:
    with builder(tmp_path, "first") as first:
        assert said(first) == "building"
        with builder(tmp_path, "second") as second:
            assert second.stderr is not None
            assert "another process is making it; waiting" in second.stderr.readline()
            first.communicate("\n", timeout=time_limit(60))
            out, _ = second.communicate("\n", timeout=time_limit(60))
    assert out == "got first\n"


@pytest.mark.parametrize(("how", "last"), [("first", "building"), ("stuck", "writing")])
def test_a_builder_killed_midway_leaves_no_half_entry_and_the_lock_free(
    tmp_path: Path, how: str, last: str
) -> None:
    with builder(tmp_path, how) as victim:
        if how == "stuck":
            assert victim.stdin is not None
            victim.stdin.write("\n")
            victim.stdin.flush()
            assert said(victim) == "building"
        assert said(victim) == last
        victim.send_signal(signal.SIGKILL)
    assert CompileCache(tmp_path).entries() == []
    with builder(tmp_path, "next") as following:
        out, _ = following.communicate("\n", timeout=time_limit(60))
    assert out.split("\n")[:2] == ["building", "got next"]
    assert not list((tmp_path / "plans").glob("*.part"))


def test_what_is_sound_and_what_is_not_is_listed(store: CompileCache, key: CacheKey, origin: Origin) -> None:
    store.save(key, origin, PLAN)
    path = the_file(store)
    (path.parent / "damaged.plan").write_bytes(path.read_bytes()[:-1])
    (path.parent / "lost.plan").symlink_to(path.parent / "nowhere")
    problems = {entry.path.name: entry.problem for entry in store.entries()}
    assert problems[path.name] == ""
    assert "damaged" in problems["damaged.plan"]
    assert "symbolic links" in problems["lost.plan"]


def test_an_entry_is_deleted(store: CompileCache, key: CacheKey, origin: Origin) -> None:
    store.save(key, origin, PLAN)
    (entry,) = store.entries()
    store.remove(entry)
    store.remove(entry)
    assert store.entries() == []
    entry.path.mkdir()
    with pytest.raises(EngineError, match="cannot be deleted"):
        store.remove(entry)


def test_tidying_leaves_what_is_being_made_alone(store: CompileCache, key: CacheKey, origin: Origin) -> None:
    store.save(key, origin, PLAN)
    folder = the_file(store).parent
    for name in ("dead.lock", "dead.x.part", "lone.y.part", "busy.lock", "busy.z.part"):
        (folder / name).touch()
    with locked(folder / "busy.lock", 0):
        store.tidy()
    assert sorted(path.name for path in folder.iterdir()) == [
        f"{key.digest}.plan", "busy.lock", "busy.z.part",
    ]  # fmt: skip
