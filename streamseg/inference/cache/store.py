"""The compiled graphs of this user, one file each: found only whole, ours, and made for what is asked."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from streamseg.errors import EngineError
from streamseg.inference.cache.entry import EntryHeader, pack, unpack
from streamseg.inference.cache.files import PART, make_folder, read_ours, write_whole
from streamseg.inference.cache.key import CacheKey, Origin
from streamseg.inference.cache.lock import locked

WAIT_S = 3600.0  # for another process that makes the same
_LOG = logging.getLogger(__name__)
_ENTRY, _LOCK = ".plan", ".lock"
_BEFORE = "openvino/*.blob"  # OpenVINO kept them itself once
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the store.

    Attributes:
        path: Where it is.
        size: In bytes.
        made_unix_s: When it was made, seconds since 1970.
        label: What it says of itself; None where it cannot be trusted.
        problem: Why not; else empty.
    """

    path: Path
    size: int
    made_unix_s: float
    label: EntryHeader | None
    problem: str


class CompileCache:
    """Keeps compiled graphs.

    Args:
        cache: The cache folder (`cache_folder`); None keeps nothing.
        strict: What cannot be kept is an error, not a warning.
        wall: Seconds since 1970.
    """

    def __init__(
        self, cache: Path | None, *, strict: bool = False, wall: Callable[[], float] = time.time
    ) -> None:
        self._folder = None if cache is None else cache / "plans"
        self._strict, self._wall = strict, wall

    def obtain(
        self,
        key: CacheKey,
        origin: Origin,
        make: Callable[[], _T],
        dump: Callable[[_T], bytes],
        load: Callable[[memoryview], _T],
        wait_s: float = WAIT_S,
    ) -> _T:
        """What is kept under a key; made and kept where there is nothing to be trusted.

        Args:
            key: All that it depends on.
            origin: Whence it comes.
            make: Compiles it.
            dump: Its bytes; raises ValueError where it has none.
            load: It, from its bytes; raises ValueError where they are not good.
            wait_s: How long to wait for another process that makes the same; after that it is made twice.

        Raises:
            EngineError: It is to be kept (`strict`) and cannot be. Whatever `make` raises.
        """
        found = self._loaded(key, load)
        if found is not None:
            return found
        with self._making(key, wait_s):
            found = self._loaded(key, load, again=True)
            return self._made(key, origin, make, dump) if found is None else found

    def load(self, key: CacheKey) -> memoryview | None:
        """The bytes kept under a key; None where there are none to be trusted, and a warning says why."""
        return self._loaded(key, lambda plan: plan)

    def save(self, key: CacheKey, origin: Origin, plan: bytes) -> None:
        """Keep bytes under a key, in place of what was there.

        Raises:
            EngineError: They cannot be kept, and the store is strict; otherwise a warning says why.
        """
        if self._folder is None:
            return
        label = EntryHeader(key, origin, self._wall())
        try:
            make_folder(self._folder)
            write_whole(self._path(self._folder, key), pack(label, plan))
        except OSError as error:
            why = f"{len(plan) / 1e6:.1f} MB cannot be kept: {error.strerror or error}"
            self._unkept(f"{self._folder}: {why}")

    def entries(self) -> list[Entry]:
        """All that is kept, sound or not; reads every byte of it."""
        if self._folder is None:
            return []
        left = (_unsound(path, "left by an earlier version") for path in self._folder.parent.glob(_BEFORE))
        return [*(_look(path) for path in sorted(self._folder.glob(f"*{_ENTRY}"))), *left]

    def remove(self, entry: Entry) -> None:
        """Delete an entry. Raises EngineError where that cannot be done."""
        try:
            entry.path.unlink(missing_ok=True)
        except OSError as error:
            raise EngineError(f"{entry.path}: cannot be deleted: {error.strerror or error}") from error

    def tidy(self) -> None:
        """Delete what builders that were killed have left, and the locks that nobody holds."""
        if self._folder is None:
            return
        leavings = (*self._folder.glob(f"*{_LOCK}"), *self._folder.glob(f"*{PART}"))
        for digest in sorted({path.name.partition(".")[0] for path in leavings}):
            path = self._folder / f"{digest}{_ENTRY}"
            with suppress(OSError), locked(path.with_suffix(_LOCK), 0) as mine:
                if mine:
                    _delete_parts(path)
                    path.with_suffix(_LOCK).unlink(missing_ok=True)

    def _loaded(self, key: CacheKey, load: Callable[[memoryview], _T], *, again: bool = False) -> _T | None:
        if self._folder is None:
            return None
        path = self._path(self._folder, key)
        try:
            label, plan = unpack(read_ours(path))
            if label.key != key:
                raise ValueError("it is another one's")
            return load(plan)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            if not again:
                why = getattr(error, "strerror", None) or error
                _LOG.warning("%s is not used: %s; compiling again", path, why)
            return None

    def _made(self, key: CacheKey, origin: Origin, make: Callable[[], _T], dump: Callable[[_T], bytes]) -> _T:
        made = make()
        if self._folder is not None:
            try:
                plan = dump(made)
            except ValueError as error:
                self._unkept(f"{origin.package}: {origin.role} cannot be kept: {error}")
            else:
                self.save(key, origin, plan)
        return made

    def _unkept(self, text: str) -> None:
        if self._strict:
            raise EngineError(f"{text}; mend that, or set another cache folder")
        _LOG.warning("%s; the next start compiles again", text)

    @contextmanager
    def _making(self, key: CacheKey, wait_s: float) -> Iterator[None]:
        """One process at a time; but what cannot be locked, or not in time, is made all the same."""
        with ExitStack() as held:
            if self._folder is not None:
                self._lock(held, self._path(self._folder, key), wait_s)
            yield

    def _lock(self, held: ExitStack, path: Path, wait_s: float) -> None:
        try:
            make_folder(path.parent)
            if held.enter_context(locked(path.with_suffix(_LOCK), wait_s)):
                _delete_parts(path)
        except OSError as error:  # then nothing can be kept there either, which `save` tells
            _LOG.debug("%s: no lock: %s", path, error)

    @staticmethod
    def _path(folder: Path, key: CacheKey) -> Path:
        return folder / f"{key.digest}{_ENTRY}"


def _look(path: Path) -> Entry:
    try:
        data = read_ours(path)
        label, _ = unpack(data)
    except (OSError, ValueError) as error:
        return _unsound(path, str(getattr(error, "strerror", None) or error))
    return Entry(path, len(data), label.made_unix_s, label, "")


def _unsound(path: Path, problem: str) -> Entry:
    try:
        found = path.lstat()
    except OSError:  # gone meanwhile
        return Entry(path, 0, 0.0, None, problem)
    return Entry(path, found.st_size, found.st_mtime, None, problem)


def _delete_parts(path: Path) -> None:
    """What others who would have written `path` have left unfinished."""
    for part in path.parent.glob(f"{path.stem}.*{PART}"):
        part.unlink(missing_ok=True)
