"""What is said of keys: what a change of one takes, what its number counts, which sections they open."""

from __future__ import annotations

from enum import StrEnum
from typing import get_args, get_origin

from annotated_types import Unit
from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo


class Section(BaseModel):
    """Keys that belong together: no others are taken, and none is changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Reload(StrEnum):
    """What it takes for a changed value to hold; the least first."""

    NONE = "none"  # nothing: its effect is in other keys
    LIVE = "live"  # it holds from the next frame on
    STREAM = "stream"  # that stream is started again, and no other
    ENGINE = "engine"  # a new engine is built beside the old one and put in its place
    DAEMON = "daemon"  # the process must be started again


class Secret(StrEnum):
    """What of a key's text nobody may read. Its value may stand in a file too, named by `<key>_file`."""

    ALL = "all"
    CREDENTIALS = "credentials"  # of a URL


def reload_of(field: FieldInfo) -> Reload | None:
    """What a change of this key takes; None for a section, whose keys say it each."""
    return next((mark for mark in field.metadata if isinstance(mark, Reload)), None)


def unit_of(field: FieldInfo) -> str:
    """What its number counts; empty where it is none."""
    return next((mark.unit for mark in field.metadata if isinstance(mark, Unit)), "")


def secret_of(field: FieldInfo) -> Secret | None:
    """What of its text nobody may read; None for nothing."""
    return next((mark for mark in field.metadata if isinstance(mark, Secret)), None)


def sections_of(field: FieldInfo) -> list[type[BaseModel]]:
    """The sections that may stand at a key: alone, or empty, or several by name."""
    kinds = [field.annotation, *get_args(field.annotation)]
    return [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]


def by_name(field: FieldInfo) -> bool:
    """Whether sections stand at a key under names that the user gives."""
    return get_origin(field.annotation) is dict
