"""Reading a header's JSON object: each value checked as it is taken, unknown keys left alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from streamseg.errors import WireError
from streamseg.types import NAME

TEXT_CHARS = 1024
NUMBER_MAX = 1e300
WHOLE_MAX = 2**53  # the integers that every language's JSON reads exactly (RFC 8259, section 6)


def dump_object(content: Mapping[str, Any], max_bytes: int) -> bytes:
    """Compact JSON in UTF-8, keys in the order given.

    Raises:
        WireError: It would be longer than `max_bytes`, or holds what JSON cannot (NaN, say).
    """
    try:
        raw = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except ValueError as error:
        raise WireError(f"a header cannot be written as JSON: {error}") from None
    if len(raw) > max_bytes:
        raise WireError(f"a header of {len(raw)} bytes; at most {max_bytes} are allowed")
    return raw


def load_object(raw: bytes, max_bytes: int) -> JsonReader:
    """Read a JSON object of at most `max_bytes`.

    Raises:
        WireError: It is longer, or no JSON object.
    """
    if len(raw) > max_bytes:
        raise WireError(f"a header of {len(raw)} bytes; at most {max_bytes} are allowed")
    try:
        content = json.loads(raw.decode(), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise WireError(f"a header is not JSON: {error}") from None
    return JsonReader(content, "header")


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


class JsonReader:
    """One JSON object; `where` names it in errors. Getters raise WireError for unfit values."""

    def __init__(self, content: object, where: str) -> None:
        if not isinstance(content, dict):
            raise WireError(f"{where}: a JSON object is wanted, not {content!r:.40}")
        self._content: dict[str, Any] = content
        self._where = where

    def __iter__(self) -> Iterator[str]:
        return iter(self._content)

    def part(self, key: str) -> JsonReader:
        """An object inside this one."""
        return JsonReader(self._get(key), f"{self._where}.{key}")

    def parts(self, key: str, at_most: int) -> list[JsonReader]:
        """A list of objects."""
        return [
            JsonReader(item, f"{self._where}.{key}[{i}]") for i, item in enumerate(self._list(key, at_most))
        ]

    def text(self, key: str, default: str | None = None) -> str:
        """A string of at most 1024 characters."""
        value = self._get(key, default)
        if not isinstance(value, str) or len(value) > TEXT_CHARS or not _is_unicode(value):
            raise self._wrong(key, "text", value)
        return value

    def word(self, key: str) -> str:
        """A string of 1 to 64 letters, digits and `_.-`: fit for a file's name."""
        value = self._get(key)
        if not isinstance(value, str) or not NAME.fullmatch(value):
            raise self._wrong(key, "a word of letters, digits and _.-", value)
        return value

    def flag(self, key: str) -> bool:
        """True or false."""
        value = self._get(key)
        if not isinstance(value, bool):
            raise self._wrong(key, "true or false", value)
        return value

    def whole(self, key: str, least: int = 0, most: int = WHOLE_MAX) -> int:
        """An integer between `least` and `most`."""
        return self._whole(key, self._get(key), least, most)

    def whole_or_none(self, key: str) -> int | None:
        """An integer that is not negative, or null (also where the key is absent)."""
        return None if self._content.get(key) is None else self.whole(key)

    def wholes(self, key: str, at_most: int, most: int) -> tuple[int, ...]:
        """A list of integers between 0 and `most`."""
        return tuple(self._whole(key, value, 0, most) for value in self._list(key, at_most))

    def number(self, key: str) -> float:
        """A finite number."""
        return self._number(key, self._get(key))

    def number_or_none(self, key: str) -> float | None:
        """A finite number, or null (also where the key is absent)."""
        return None if self._content.get(key) is None else self.number(key)

    def numbers(self, key: str, at_most: int) -> tuple[float, ...]:
        """A list of finite numbers."""
        return tuple(self._number(key, value) for value in self._list(key, at_most))

    def named_numbers(self, key: str) -> dict[str, float]:
        """An object whose values are finite numbers."""
        inner = self.part(key)
        return {name: inner.number(name) for name in inner}

    def _get(self, key: str, default: object = None) -> Any:
        value = self._content.get(key, default)
        if value is None:
            raise WireError(f"{self._where}: {key!r} is missing")
        return value

    def _list(self, key: str, at_most: int) -> list[Any]:
        value = self._get(key)
        if not isinstance(value, list) or len(value) > at_most:
            raise self._wrong(key, f"a list of at most {at_most}", value)
        return value

    def _whole(self, key: str, value: object, least: int, most: int) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self._wrong(key, f"an integer from {least} to {most}", value)
        return value

    def _number(self, key: str, value: object) -> float:
        # an integer may be too long for a float, and 1e999 is read as infinity
        if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > NUMBER_MAX:
            raise self._wrong(key, "a finite number", value)
        return float(value)

    def _wrong(self, key: str, wanted: str, value: object) -> WireError:
        return WireError(f"{self._where}.{printable(key):.40}: {wanted} is wanted, not {value!r:.40}")


def printable(text: str) -> str:
    """Text of another's that is to be shown: what would steer a terminal becomes `?`."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
