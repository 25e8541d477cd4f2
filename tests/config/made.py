"""Configurations of any kind, made from the schema itself."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated, Any, get_args

from hypothesis import settings
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from streamseg.config.metadata import by_name, sections_of
from streamseg.config.schema import Config, RoiConfig

NAMES = st.sampled_from(["gate", "yard", "roof"])
CORNERS = st.builds(RoiConfig, **dict.fromkeys("xywh", st.sampled_from([0.25, 0.5])))
TRIED = [None, False, True, 0.25, 0.5, 1, 2, 100, "ema", "none", Path("a"), Path("b"), ["a"], ["b"]]


def values(field: FieldInfo) -> list[Any]:
    """Some that the key may hold."""
    adapter: TypeAdapter[Any] = TypeAdapter(Annotated[(field.annotation, *field.metadata)])  # type: ignore[arg-type]
    found: list[Any] = []
    for tried in (*TRIED, *get_args(field.annotation)):
        with contextlib.suppress(ValidationError):
            found.append(adapter.validate_python(tried))
    assert len(found) > 1, field
    return found


def sections(model: type[BaseModel]) -> st.SearchStrategy[Any]:
    """Any section of a kind; many of its keys as they are by default."""
    if model is RoiConfig:
        return CORNERS
    fields = model.model_fields.items()
    needed = {name: held(field) for name, field in fields if field.is_required()}
    more = {name: held(field) for name, field in fields if not field.is_required()}
    return st.fixed_dictionaries(needed, optional=more).map(model.model_validate)


def held(field: FieldInfo) -> st.SearchStrategy[Any]:
    inner = sections_of(field)
    if not inner:
        return st.sampled_from(values(field))
    if not get_args(field.annotation):
        return sections(inner[0])
    if by_name(field):
        return st.dictionaries(NAMES, sections(inner[0]), min_size=1)
    return st.none() | sections(inner[0])


CONFIGS = sections(Config)
FEW = settings(max_examples=40)  # each makes hundreds of values
