"""What pydantic found wrong, as sentences for whoever wrote the configuration."""

from __future__ import annotations

import difflib
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from streamseg.config.deprecated import ENGINE_KEYS, is_former_key
from streamseg.config.metadata import Secret, by_name, secret_of, sections_of
from streamseg.config.normalize import ENGINE, written_as
from streamseg.config.places import SUFFIX
from streamseg.config.schema import Config
from streamseg.config.yaml_source import Location
from streamseg.errors import MAX_PROBLEMS
from streamseg.redact import redact_credentials, redact_url

NAME_ITSELF = ("[key]",)
"""What pydantic puts behind a key that is wrong itself."""
_SENTENCES = {
    "missing": "is required but missing",
    "dict_type": "must hold keys of its own",
    "model_type": "must hold keys of its own",
    "list_type": "must be a list",
    "string_type": "must be text",
    "path_type": "must be a path",
}


def complaints(error: ValidationError, document: Any) -> list[tuple[Location, str]]:
    """Each, up to `MAX_PROBLEMS`, with its place in `document`, which is as the user wrote it."""
    entries = error.errors(include_url=False)[:MAX_PROBLEMS]  # each costs a look at all that is known
    placed = [(written_as(place_of(entry), document), entry) for entry in entries]
    return [(where, _what(entry, where, document)) for where, entry in placed]


def place_of(entry: Any) -> Location:
    """Where one error of a `ValidationError` is; of one in a name that is at what bears the name."""
    place: Location = entry["loc"]
    return place[:-1] if entry["type"] == "value_error" and place[-1:] == NAME_ITSELF else place


def _what(entry: Any, where: Location, document: Any) -> str:
    kind = entry["type"]
    if kind == "extra_forbidden":
        return f"is not a known key{_hint(where)}"
    if kind == "value_error":
        return redact_credentials(str(entry["ctx"]["error"]))
    text = _SENTENCES.get(kind) or entry["msg"].replace("Input should", "must")
    text = text[:1].lower() + text[1:]
    field = fields_at(where[:-1]).get(str(where[-1]))
    silent = kind == "missing" or (field is not None and secret_of(field) is Secret.ALL)
    return text if silent else f"{text} (got {_short(_written(document, where))})"


def _written(document: Any, where: Location) -> Any:
    """The value nearest to `where` as it stands in the file: what a variable holds is nobody's business."""
    for part in where:
        try:
            document = document[part]
        except (LookupError, TypeError):
            break
    return document


def _short(value: object) -> str:
    if isinstance(value, dict | list):  # what is in there may be a secret
        return "keys" if isinstance(value, dict) else "a list"
    text = repr(redact_url(value)) if isinstance(value, str) else "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _hint(where: Location) -> str:
    if (where[:1], where[2:]) == (("streams",), ("source", "max_fps")):
        return " — it stands beside source now, not below it"
    if where == ("engine",):
        return f" beside engines.{ENGINE} — keep one of the two"
    if is_former_key(where):
        return f" beside {ENGINE_KEYS[str(where[-1])]} — keep one of the two"
    known = _known(where[:-1])
    close = difflib.get_close_matches(str(where[-1]), known, n=1)
    return f" — did you mean {close[0]!r}?" if close else f" — known: {', '.join(known)}"


def _known(where: Location) -> list[str]:
    """What may be written in the section at `where`."""
    names: list[str] = [] if where else ["engine"]
    for name, field in fields_at(where).items():
        names += [name, f"{name}{SUFFIX}"] if secret_of(field) else [name]
    return names


def fields_at(where: Location) -> dict[str, FieldInfo]:
    """The keys of the section at `where`; where there is none, of the nearest above it."""
    model: type[BaseModel] = Config
    is_name = False
    for part in where:
        if is_name:
            is_name = False
            continue
        field = model.model_fields.get("engines" if part == "engine" else str(part))
        if field is not None and (inner := sections_of(field)):
            model, is_name = inner[0], by_name(field) and part != "engine"
    return model.model_fields
