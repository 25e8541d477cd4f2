"""Where each key of a configuration stands: in which of its files, in which line."""

from __future__ import annotations

from dataclasses import dataclass, field

from streamseg.config.yaml_source import Lines, Location
from streamseg.redact import redact_credentials
from streamseg.text import printable

MAX_CHARACTERS = 600  # of a problem, which may quote what somebody wrote

SUFFIX = "_file"
"""Of a key that names the file which holds another key's secret."""


@dataclass(frozen=True, order=True, slots=True)
class Problem:
    """Something wrong with a configuration; in the order in which they are told.

    Attributes:
        file: Number of the file, the main one first.
        line: From 1; 0 for the file as a whole.
        key: The key, dotted; empty where there is none.
        what: What is wrong with it.
        origin: Name of the file.
        may_pass: Whether it may be gone at the next try, though nobody changes the configuration.
    """

    file: int
    line: int
    key: str
    what: str
    origin: str = field(compare=False)
    may_pass: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        line = f":{self.line}" if self.line else ""
        key = f"{self.key}: " if self.key else ""
        text = f"{key}{self.what}"
        short = text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]}…"
        return printable(f"{self.origin}{line}: {short}")


class Places:
    """The files of one configuration: the main one, and those that hold streams alone."""

    def __init__(self, origin: str, lines: Lines) -> None:
        self._files: list[tuple[str, Lines]] = [(origin, lines)]
        self._streams: dict[str, int] = {}  # which file holds a stream that is not in the main one

    @property
    def size(self) -> int:
        """How many keys and items there are in all files."""
        return sum(len(lines) for _, lines in self._files)

    def include(self, origin: str, lines: Lines) -> int:
        """Another file; returns its number."""
        self._files.append((origin, lines))
        return len(self._files) - 1

    def adopt(self, stream: str, file: int) -> None:
        """Say that a stream stands in an included file."""
        self._streams[stream] = file

    def problem(
        self, where: Location, what: str, file: int | None = None, *, may_pass: bool = False
    ) -> Problem:
        """Something wrong at a place, or at one in an included file, in that file's own terms."""
        number, inside = (file, where) if file is not None else self._inside(where)
        origin, lines = self._files[number]
        key = ".".join(map(str, ("streams", *inside) if number else inside)) or "(whole file)"
        return Problem(number, lines.of(inside), redact_credentials(key), what, origin, may_pass)

    def of(self, where: Location) -> str:
        """`file:line` of a key."""
        number, inside = self._inside(where)
        origin, lines = self._files[number]
        return f"{origin}:{lines.of(inside)}"

    def file_of(self, where: Location) -> str:
        """The name of the file that a key stands in."""
        return self._files[self._inside(where)[0]][0]

    def nearest(self, where: Location) -> Location:
        """The key that the user wrote for the value at `where`: of a list of one or a secret, another."""
        if self._has(where):
            return where
        *above, last = where
        if isinstance(last, int):
            return tuple(above)
        in_file = (*above, f"{last}{SUFFIX}")
        return in_file if self._has(in_file) else where

    def home(self, where: Location) -> Location:
        """The place under `defaults` of what a stream inherits; any other place as it is."""
        return ("defaults", *where[2:]) if self.inherited(where) else where

    def inherited(self, where: Location) -> bool:
        """Whether a stream's value at `where` stands under `defaults`, where it is complained of already."""
        number, inside = self._inside(where)
        return (
            where[:1] == ("streams",)
            and not self._files[number][1].has(inside)
            and self._files[0][1].has(("defaults", *where[2:]))
        )

    def _has(self, where: Location) -> bool:
        number, inside = self._inside(where)
        return self._files[number][1].has(inside)

    def _inside(self, where: Location) -> tuple[int, Location]:
        """The number of the file with a key, and the key's place in it."""
        file = self._streams.get(str(where[1]), 0) if where[:1] == ("streams",) and where[1:] else 0
        return file, where[1:] if file else where
