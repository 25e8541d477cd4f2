"""`${NAME}` and `${NAME:-default}` in any text of a configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from streamseg.config.yaml_source import Location
from streamseg.errors import MAX_PROBLEMS

VARIABLE = r"\$\{(\w+)(?::-([^}]*))?\}"
_VARIABLE = re.compile(VARIABLE)


def expand(
    value: Any, env: Mapping[str, str], where: Location = ()
) -> tuple[Any, list[tuple[Location, str]]]:
    """Replace variables in all texts; also the names of those that are not set, with their places.

    Of very many that are not set the first `MAX_PROBLEMS` are told.
    """
    if isinstance(value, dict):
        parts = {key: expand(item, env, (*where, key)) for key, item in value.items()}
        unset = [place for part in parts.values() for place in part[1]]
        return {key: part[0] for key, part in parts.items()}, unset[:MAX_PROBLEMS]
    if isinstance(value, list):
        items = [expand(item, env, (*where, index)) for index, item in enumerate(value)]
        return [item[0] for item in items], [p for item in items for p in item[1]][:MAX_PROBLEMS]
    if isinstance(value, str):
        end = value.rfind("}") + 1  # without it, many "${A:-" would each be looked through to the end
        found = _VARIABLE.finditer(value, 0, end)
        missing = dict.fromkeys(m[1] for m in found if m[1] not in env and m[2] is None)
        text = _VARIABLE.sub(lambda m: env.get(m[1], m[2] or ""), value[:end]) + value[end:]
        return text, [(where, name) for name in missing]
    return value, []
