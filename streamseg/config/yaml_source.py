"""A YAML text as plain values, with the line of every key, and with the keys that stand twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from streamseg.config.yaml_loader import MAX_BYTES, Loader, YamlError
from streamseg.errors import MAX_PROBLEMS
from streamseg.fileio import read_regular_file

Location = tuple[int | str, ...]


class Lines:
    """Where each key stands in the text.

    Attributes:
        twins: Keys that stand twice under one parent, and what is to be said; YAML readers keep the last.
            Of very many the first.
    """

    def __init__(self, root: yaml.Node | None) -> None:
        self.twins: list[tuple[Location, str]] = []
        self._lines: dict[Location, int] = {}
        twice: set[Location] = set()
        for place, line in _walk(root, ()):
            if place in self._lines:
                if place[:-1] not in twice and len(self.twins) < MAX_PROBLEMS:
                    self.twins.append((place, f"stands in line {self._lines[place]} already"))
                twice.add(place)
            self._lines[place] = line

    def __len__(self) -> int:
        """How many keys and items there are."""
        return len(self._lines)

    def of(self, where: Location) -> int:
        """Line of a key, or of the nearest key above it that is in the text; from 1."""
        while where and where not in self._lines:
            where = where[:-1]
        return self._lines.get(where, 1)

    def has(self, where: Location) -> bool:
        """Whether the key stands in the text."""
        return where in self._lines


def read(text: str) -> tuple[Any, Lines]:
    """The values of one YAML document, and where they stand. Keys are text, as they are written.

    Raises:
        YamlError: It is not valid YAML, or larger, deeper or longer than `yaml_loader` allows.
    """
    loader = Loader(text)
    root = loader.compose()
    lines = Lines(root)  # before merge keys are worked in
    return loader.construct(root), lines


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        YamlError: It cannot be read, is no regular file, too large, or not UTF-8.
    """
    try:
        return read_regular_file(path, MAX_BYTES).decode()
    except OSError as error:
        raise YamlError(f"cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise YamlError("is not UTF-8 text") from error


def _walk(node: yaml.Node | None, where: Location) -> Iterator[tuple[Location, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            place = (*where, str(key.value))
            yield place, key.start_mark.line + 1
            yield from _walk(value, place)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield (*where, index), value.start_mark.line + 1
            yield from _walk(value, (*where, index))
