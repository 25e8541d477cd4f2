"""The reference: a configuration with every key at its default, and what each is about. Generated."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from streamseg.config.describe import about
from streamseg.config.metadata import by_name, sections_of
from streamseg.config.schema import Config

WIDTH = 110
SCHEMA_FILE = "streamseg.schema.json"
_EXAMPLE = "camera"  # the one stream of the reference
_HEAD = f"""\
# yaml-language-server: $schema={SCHEMA_FILE}
# Every key of streamseg's configuration, with its default: `streamseg config reference` prints this file.
# Any text may hold ${{NAME}} or ${{NAME:-default}}, a variable of the environment.
# reload: what a change takes for `systemctl reload` (SIGHUP) to put it into effect.
#   live    nothing, it holds from the next frame on
#   stream  that stream starts again, the others do not notice
#   engine  a new engine is built beside the old one, and put in its place between two frames
#   daemon  the daemon must be started again; a reload says so
"""


def reference() -> str:
    """The text of `configs/reference.yaml`."""
    return _HEAD + "\n".join(_section(Config, "")) + "\n"


def _section(model: type[BaseModel], indent: str, *, own: bool = False) -> Iterator[str]:
    """The lines of a section; with `own` without the keys that it shares with another one."""
    for name, field in model.model_fields.items():
        if not own or name in model.__annotations__:
            if not indent:
                yield ""
            yield from _comment(about(name, field), indent)
            yield from _key(name, field, indent)


def _key(name: str, field: FieldInfo, indent: str) -> Iterator[str]:
    kind = next(iter(sections_of(field)), None)
    if kind is None:
        yield f"{indent}{name}: {_plain(_example(field))}"
    elif by_name(field):
        yield f"{indent}{name}:"
        for member in field.default if isinstance(field.default, dict) else [_EXAMPLE]:
            yield f"{indent}  {member}:"
            yield from _section(kind, f"{indent}    ", own=True)
    elif field.default is None:
        yield f"{indent}{name}: null"
        yield f"{indent}# {name}:"
        yield from (f"{indent}# {line}" for line in _section(kind, "  "))
    else:
        yield f"{indent}{name}:"
        yield from _section(kind, f"{indent}  ")


def _example(field: FieldInfo) -> Any:
    """The default, or an example of what must be given."""
    if not field.is_required():
        return field.default
    return next(iter(field.examples or []))


def _plain(value: Any) -> str:
    """A value as it stands behind its key."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, Path):
        value = str(value)
    return yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix("\n").removesuffix("\n...")


def _comment(text: str, indent: str) -> list[str]:
    mark = f"{indent}# "
    return textwrap.wrap(text, WIDTH, initial_indent=mark, subsequent_indent=mark, break_on_hyphens=False)
