"""A YAML text as plain values, with the line of every key, and with the keys that stand twice."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

import yaml

Location = tuple[int | str, ...]


class Lines:
    """Where each key stands in the text.

    Attributes:
        twins: Keys that stand twice under one parent, and what is to be said; YAML readers keep the last.
    """

    def __init__(self, root: yaml.Node | None) -> None:
        self.twins: list[tuple[Location, str]] = []
        self._lines: dict[Location, int] = {}
        twice: set[Location] = set()
        for place, line in _walk(root, ()):
            if place in self._lines:
                if place[:-1] not in twice:
                    self.twins.append((place, f"stands in line {self._lines[place]} already"))
                twice.add(place)
            self._lines[place] = line

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
        yaml.YAMLError: It is not valid YAML, is nested beyond sense, or contains itself.
    """
    try:
        lines = Lines(yaml.compose(text, Loader=_Loader))
        return yaml.load(text, Loader=_Loader), lines  # noqa: S506  # a safe loader
    except RecursionError:
        raise yaml.MarkedYAMLError(problem="nested too deeply, or an alias that contains itself") from None


class _Loader(yaml.SafeLoader):
    """Knows no dates, and streams may be called `on` or `1`."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            # What `!!int x` and its like raise depends on the tag, and is never a YAMLError.
            problem = f"not a valid {node.tag.rpartition(':')[2]}"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark) from error

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        self.flatten_mapping(node)
        return {_text(key): self.construct_object(value, deep=deep) for key, value in node.value}


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _text(key: yaml.Node) -> str:
    if isinstance(key, yaml.ScalarNode):
        return str(key.value)
    raise yaml.MarkedYAMLError(problem="a key must be a word", problem_mark=key.start_mark)


def _walk(node: yaml.Node | None, where: Location) -> Iterator[tuple[Location, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            place = (*where, _text(key))
            yield place, key.start_mark.line + 1
            yield from _walk(value, place)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield (*where, index), value.start_mark.line + 1
            yield from _walk(value, (*where, index))
