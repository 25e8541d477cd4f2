"""`${NAME}` and `${NAME:-default}` in any text of a configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from streamseg.config.lines import Location

VARIABLE = r"\$\{(\w+)(?::-([^}]*))?\}"
_VARIABLE = re.compile(VARIABLE)


def expand(
    value: Any, env: Mapping[str, str], where: Location = ()
) -> tuple[Any, list[tuple[Location, str]]]:
    """Replace variables in all texts; also the names of those that are not set, with their places."""
    if isinstance(value, dict):
        parts = {key: expand(item, env, (*where, key)) for key, item in value.items()}
        return {key: part[0] for key, part in parts.items()}, [p for part in parts.values() for p in part[1]]
    if isinstance(value, list):
        items = [expand(item, env, (*where, index)) for index, item in enumerate(value)]
        return [item[0] for item in items], [p for item in items for p in item[1]]
    if isinstance(value, str):
        unset = [m[1] for m in _VARIABLE.finditer(value) if m[1] not in env and m[2] is None]
        text = _VARIABLE.sub(lambda m: env.get(m[1], m[2] or ""), value)
        return text, [(where, name) for name in unset]
    return value, []
