"""Keys in words, for the reference and for editors: text, choice, unit, range, and what a change takes."""

from __future__ import annotations

import dataclasses
from enum import EnumType
from typing import Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo

from streamseg.config.metadata import Reload, reload_of, secret_of, unit_of
from streamseg.config.places import SUFFIX

_LIMITS = {Ge: "from", Gt: "above", Le: "up to", Lt: "below"}


def about(name: str, field: FieldInfo) -> str:
    """`longest wait for a source to open (s, above 0 up to 120; reload: stream)`."""
    number = ", ".join(filter(None, [unit_of(field), _range(field)]))
    facts = "; ".join(filter(None, [", ".join(choices(field)), number, _file(name, field), _reload(field)]))
    return f"{field.description} ({facts})" if facts else str(field.description)


def choices(field: FieldInfo) -> list[str]:
    """The words that may stand at a key; empty where it is not one of a few."""
    kind = field.annotation
    if isinstance(kind, EnumType):
        return [str(member.value) for member in kind]
    return [str(word) for word in get_args(kind)] if get_origin(kind) is Literal else []


def _range(field: FieldInfo) -> str:
    limits = {type(limit): limit for limit in field.metadata if type(limit) in _LIMITS}
    return " ".join(
        f"{word} {dataclasses.astuple(limits[kind])[0]:g}" for kind, word in _LIMITS.items() if kind in limits
    )


def _file(name: str, field: FieldInfo) -> str:
    return f"{name}{SUFFIX}: a file that holds it" if secret_of(field) else ""


def _reload(field: FieldInfo) -> str:
    reload = reload_of(field)
    return "" if reload in (None, Reload.NONE) else f"reload: {reload}"
