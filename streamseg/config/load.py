"""From a YAML file to a `Config`, or to every mistake in it with its key, line and a hint."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from streamseg.config.schema import Config
from streamseg.errors import ConfigError

Location = tuple[int | str, ...]

_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")
_SECRET = re.compile(r"//[^/@\s]+@")


def load(path: Path, env: Mapping[str, str] | None = None) -> Config:
    """Read a configuration file.

    Args:
        path: YAML.
        env: What `${NAME}` and `${NAME:-default}` stand for; the process's environment unless given.

    Raises:
        ConfigError: With every problem, each as `file:line: key: what is wrong`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror or error}"]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: is not UTF-8 text"]) from error
    return parse(text, str(path), os.environ if env is None else env)


def parse(text: str, origin: str, env: Mapping[str, str]) -> Config:
    """Check a configuration; `origin` names it in errors. See `load`."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError([f"{origin}{_mark(error)}: not valid YAML: {_yaml_problem(error)}"]) from error
    if not isinstance(document, dict):
        raise ConfigError([f"{origin}: must hold sections (engine, publish, streams, …)"])
    lines = _Lines(node)
    expanded, unset = _expand(document, env)
    problems = [f"{origin}:{lines.of(where)}: {_key(where)}: {what}" for where, what in unset]
    try:
        config = Config.model_validate(_with_defaults(expanded))
    except ValidationError as error:
        entries = [entry for entry in error.errors(include_url=False) if not lines.inherited(entry["loc"])]
        problems += [_problem(origin, lines, entry) for entry in entries]
        raise ConfigError(sorted(set(problems), key=_line_number)) from error
    if problems:
        raise ConfigError(problems)
    return config


def _with_defaults(document: dict[str, Any]) -> dict[str, Any]:
    """Put `defaults` under every stream, so that validation sees the effective values."""
    defaults, streams = document.get("defaults"), document.get("streams")
    if not isinstance(defaults, dict) or not isinstance(streams, dict):
        return document
    merged = {name: {**defaults, **own} if isinstance(own, dict) else own for name, own in streams.items()}
    return {**document, "streams": merged}


def _expand(
    value: Any, env: Mapping[str, str], where: Location = ()
) -> tuple[Any, list[tuple[Location, str]]]:
    """Replace variables in all strings; also the ones that are not set, with their places."""
    if isinstance(value, dict):
        parts = {key: _expand(item, env, (*where, key)) for key, item in value.items()}
        return {key: part[0] for key, part in parts.items()}, [p for part in parts.values() for p in part[1]]
    if isinstance(value, list):
        items = [_expand(item, env, (*where, index)) for index, item in enumerate(value)]
        return [item[0] for item in items], [p for item in items for p in item[1]]
    if isinstance(value, str):
        unset = [m[1] for m in _VARIABLE.finditer(value) if m[1] not in env and m[2] is None]
        text = _VARIABLE.sub(lambda m: env.get(m[1], m[2] or ""), value)
        return text, [(where, f"${{{name}}} is not set in the environment") for name in unset]
    return value, []


class _Lines:
    """Where each key stands in the file."""

    def __init__(self, root: yaml.Node | None) -> None:
        self._lines: dict[Location, int] = dict(_walk(root, ()))

    def of(self, where: Location) -> int:
        """Line of a key, or of the nearest key above it that is in the file."""
        while where and where not in self._lines:
            where = where[:-1]
        return self._lines.get(where, 1)

    def inherited(self, where: Location) -> bool:
        """Whether a stream's value at `where` stands under `defaults`, where it is complained of already."""
        return (
            where[:1] == ("streams",) and where not in self._lines and ("defaults", *where[2:]) in self._lines
        )


def _walk(node: yaml.Node | None, where: Location) -> Iterator[tuple[Location, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            place = (*where, key.value)
            yield place, key.start_mark.line + 1
            yield from _walk(value, place)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield (*where, index), value.start_mark.line + 1
            yield from _walk(value, (*where, index))


def _problem(origin: str, lines: _Lines, entry: Any) -> str:
    where: Location = entry["loc"]
    return f"{origin}:{lines.of(where)}: {_key(where)}: {_what(entry)}"


def _what(entry: Any) -> str:
    match entry["type"]:
        case "missing":
            return "is required but missing"
        case "extra_forbidden":
            return f"is not a known key{_hint(entry['loc'])}"
        case "value_error":
            return str(entry["ctx"]["error"])
        case _:
            message = entry["msg"][:1].lower() + entry["msg"][1:]
            return f"{message} (got {_short(entry['input'])})"


def _short(value: object) -> str:
    text = _SECRET.sub("//***@", repr(value))
    return text if len(text) <= 60 else f"{text[:57]}..."


def _hint(where: Location) -> str:
    known = list(_fields(where[:-1]))
    close = difflib.get_close_matches(str(where[-1]), known, n=1)
    return f" — did you mean {close[0]!r}?" if close else f" — known: {', '.join(known)}"


def _fields(where: Location) -> dict[str, FieldInfo]:
    """The keys of the section at `where`."""
    model: type[BaseModel] = Config
    for part in where:
        field = model.model_fields.get(str(part))
        candidates = [field.annotation, *get_args(field.annotation)] if field else []
        model = next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), model)
    return model.model_fields


def _key(where: Location) -> str:
    return ".".join(map(str, where)) or "(whole file)"


def _mark(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return "" if mark is None else f":{mark.line + 1}"


def _yaml_problem(error: yaml.YAMLError) -> str:
    return str(getattr(error, "problem", None) or error).splitlines()[0]


def _line_number(problem: str) -> tuple[int, str]:
    found = re.search(r":(\d+): ", problem)
    return int(found[1]) if found else 0, problem
