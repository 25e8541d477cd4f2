"""YAML that somebody else wrote, as plain values: one document, bounded in every way in which it can grow.

A few hundred bytes of aliases can stand for billions of values ("billion laughs"), and a few thousand
brackets for a nesting that no recursion survives. So values, characters and depth are counted while the
document is read, aliases as often as they are followed, and reading stops where a bound is passed.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, NamedTuple

import yaml
from yaml.reader import ReaderError

from streamseg.text import printable

MAX_BYTES = 512 * 1024  # of a file
MAX_NODES = 20_000  # values and keys
MAX_CHARACTERS = 2 * MAX_BYTES  # of all of them together
MAX_DEPTH = 32
MAX_KEY = 128  # characters
MAX_TEXT = 8192  # characters of one value
MAX_NUMBER = 64  # characters: Python takes quadratic time for the numbers of some notations

_TAG = "tag:yaml.org,2002:"
_KNOWN = {f"{_TAG}{name}" for name in ("null", "bool", "int", "float", "str", "seq", "map", "merge")}
_NUMBERS = {f"{_TAG}int", f"{_TAG}float"}
_WORDS = {f"{_TAG}timestamp", f"{_TAG}value"}  # what YAML 1.1 makes of `2026-01-01` and `=`; words, to us
# What the parser says, by its beginning, and what is to be done.
_HINTS = {
    "mapping values are not allowed": "a text with ': ' in it needs quotes, keys of a section one indent",
    "found character '\\t'": "indent with spaces, not with tabs",
    "found character": "put the text in quotes",
    "could not find expected ':'": "behind a key stand a colon and a blank",
    "found unknown escape": "write a backslash twice, or use single quotes",
    "expected <block end>": "is the indent that of the line above?",
    "second occurrence": "an anchor, &name, stands twice",
    "but found another document": "write one document, without a second ---",
}


class YamlError(Exception):
    """A text that is not taken.

    Attributes:
        what: Why, and what to do, one line.
        line: Where, from 1; 0 for the text as a whole.
    """

    def __init__(self, what: str, line: int = 0) -> None:
        super().__init__(what)
        self.what, self.line = what, line


class _Size(NamedTuple):
    """How much there is in a part of the document, aliases followed."""

    nodes: int
    characters: int
    height: int


class Loader(yaml.SafeLoader):
    """Keys are text as they are written, so that streams may be called `on` or `1`; dates are text, too.

    Args:
        text: One document.

    Raises:
        YamlError: By this and every method, whatever the text.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._nodes = self._characters = self._depth = self._deepest = 0
        self._sizes: dict[str, _Size] = {}  # by anchor, of what is complete
        try:
            super().__init__(text)
        except yaml.YAMLError as error:
            raise self._explained(error) from error

    def compose(self) -> yaml.Node | None:
        """The document as nodes, each with its place in the text; None where there is none."""
        try:
            node: yaml.Node | None = self.get_single_node()
        except yaml.YAMLError as error:
            raise self._explained(error) from error
        except (ValueError, OverflowError) as error:  # "\U99999999"
            raise YamlError(
                "not valid YAML: an escape that stands for no character", self.line + 1
            ) from error
        return node

    def construct(self, node: yaml.Node | None) -> Any:
        """The values of what was composed. Merge keys are worked into the nodes."""
        try:
            return None if node is None else self.construct_document(node)
        except yaml.YAMLError as error:
            raise self._explained(error) from error

    # what PyYAML calls

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose what comes next, and count it."""
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            self._count(self._size_of(event), event)
            return super().compose_node(parent, index)
        before, outside = (self._nodes, self._characters), self._deepest
        text = event.value if isinstance(event, yaml.ScalarEvent) else ""
        self._count(_Size(1, len(text), 1), event)
        _check_text(text, event)
        self._deepest = self._depth = self._depth + 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        _check_keys(node)
        if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
            nodes, characters = self._nodes - before[0], self._characters - before[1]
            self._sizes[event.anchor] = _Size(nodes, characters, self._deepest - self._depth)
        self._deepest = max(self._deepest, outside)
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """The value of a node."""
        kind = _kind_of(node)
        try:
            return super().construct_object(node, deep)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            # What `!!int x` and its like raise depends on the tag, and is never a YAMLError.
            raise YamlError(f"not a valid {kind}", _line_of(node)) from error

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """A section's values by key, as it is written."""
        if not isinstance(node, yaml.MappingNode):
            raise YamlError("must hold keys of its own", _line_of(node))
        self.flatten_mapping(node)
        return {str(key.value): self.construct_object(value, deep=deep) for key, value in node.value}

    # counting

    def _size_of(self, alias: yaml.AliasEvent) -> _Size:
        if alias.anchor in self.anchors and alias.anchor not in self._sizes:
            raise YamlError(f"the alias *{alias.anchor} contains itself", _line_of(alias))
        return self._sizes.get(alias.anchor or "", _Size(0, 0, 0))  # an unknown one is for PyYAML to tell

    def _count(self, more: _Size, where: yaml.Event) -> None:
        self._nodes += more.nodes
        self._characters += more.characters
        self._deepest = max(self._deepest, self._depth + more.height)
        for count, most, what in (
            (self._nodes, MAX_NODES, "values"),
            (self._characters, MAX_CHARACTERS, "characters"),
            (self._deepest, MAX_DEPTH, "levels"),
        ):
            if count > most:
                raise YamlError(
                    f"more than {most} {what}; an alias counts as what it stands for", _line_of(where)
                )

    def _explained(self, error: yaml.YAMLError) -> YamlError:
        """What is not YAML, with the remedy for what people write most."""
        if isinstance(error, ReaderError):
            line = self._text.count("\n", 0, error.position) + 1
            return YamlError(f"not valid YAML: the character U+{ord(self._text[error.position]):04X}", line)
        mark = getattr(error, "problem_mark", None)
        problem = str(getattr(error, "problem", None) or error).splitlines()[0]
        hint = next((hint for start, hint in _HINTS.items() if problem.startswith(start)), "")
        what = f"not valid YAML: {printable(problem)}{hint and f'; {hint}'}"
        return YamlError(what, mark.line + 1 if mark else 0)


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _WORDS]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.yaml_constructors = {  # as a value `<<` is a word; as a key it has its meaning
    **yaml.SafeLoader.yaml_constructors,
    f"{_TAG}merge": yaml.SafeLoader.construct_yaml_str,
}


def _check_text(text: str, where: yaml.Event) -> None:
    if len(text) > MAX_TEXT:
        raise YamlError(f"a text of more than {MAX_TEXT} characters", _line_of(where))
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise YamlError("an escape that stands for half a character", _line_of(where))


def _check_keys(node: yaml.Node | None) -> None:
    for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
        if not isinstance(key, yaml.ScalarNode):
            raise YamlError("a key must be a word", _line_of(key))
        if len(key.value) > MAX_KEY:
            raise YamlError(f"a key of more than {MAX_KEY} characters", _line_of(key))


def _kind_of(node: yaml.Node) -> str:
    """Which of the kinds of values that a configuration knows; a number must not be long."""
    if node.tag not in _KNOWN:
        raise YamlError(f"the tag {printable(node.tag)} is not known here; leave it out", _line_of(node))
    kind = str(node.tag).removeprefix(_TAG)
    if node.tag in _NUMBERS and isinstance(node, yaml.ScalarNode) and len(node.value) > MAX_NUMBER:
        raise YamlError(f"not a valid {kind}: more than {MAX_NUMBER} characters", _line_of(node))
    return kind


def _line_of(where: yaml.Node | yaml.Event) -> int:
    mark = where.start_mark
    return 0 if mark is None else int(mark.line) + 1
