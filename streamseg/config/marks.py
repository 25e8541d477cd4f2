"""What is said of a key beside its type: what a change of it takes, and what its number counts."""

from __future__ import annotations

from enum import StrEnum

from annotated_types import Unit
from pydantic.fields import FieldInfo


class Reload(StrEnum):
    """What it takes for a changed value to hold; the least first."""

    NONE = "none"  # nothing: its effect is in other keys
    LIVE = "live"  # it holds from the next frame on
    STREAM = "stream"  # that stream is started again, and no other
    ENGINE = "engine"  # a new engine is built beside the old one and put in its place
    DAEMON = "daemon"  # the process must be started again


def reload_of(field: FieldInfo) -> Reload | None:
    """What a change of this key takes; None for a section, whose keys say it each."""
    return next((mark for mark in field.metadata if isinstance(mark, Reload)), None)


def unit_of(field: FieldInfo) -> str:
    """What its number counts; empty where it is none."""
    return next((mark.unit for mark in field.metadata if isinstance(mark, Unit)), "")
