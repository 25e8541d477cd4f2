"""A configuration as it holds, for people: all values, none of the secrets."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from streamseg.config.metadata import Reload, Secret, reload_of, secret_of
from streamseg.config.schema import Config
from streamseg.redact import redact_url

WIDTH = 110
STARS = "********"


def shown(config: Config) -> str:
    """As YAML that is a configuration itself, but for its secrets."""
    return yaml.safe_dump(_section(config), sort_keys=False, allow_unicode=True, width=WIDTH)


def _section(section: BaseModel) -> dict[str, Any]:
    """All keys but those that have done their work in others."""
    fields = type(section).model_fields.items()
    return {
        name: _value(field, getattr(section, name))
        for name, field in fields
        if reload_of(field) is not Reload.NONE
    }


def _value(field: FieldInfo, value: Any) -> Any:
    if isinstance(value, BaseModel):
        return _section(value)
    if isinstance(value, dict):
        return {name: _value(field, member) for name, member in value.items()}
    if isinstance(value, list):
        return [_value(field, item) for item in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str | Path):
        return STARS if secret_of(field) is Secret.ALL else redact_url(str(value), STARS)
    return value
