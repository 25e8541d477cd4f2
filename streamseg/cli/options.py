"""The options of `streamseg run` as a configuration, whose problems name the options."""

from __future__ import annotations

from typing import Any

from streamseg.config.parsed_config import Draft, ReadOptions, examine
from streamseg.config.places import Places, Problem
from streamseg.config.sources import Written
from streamseg.config.yaml_source import Lines, Location

NAMES = {"url": "--source", "streams": "--name"}
"""The keys whose option has another name."""
_KEYS = {
    *NAMES,
    "source",
    "model",
    "bind",
    "backend",
    "precision",
    "temporal",
    "loop",
    "pace",
    "pictures",
    "insecure",
}


class OptionPlaces(Places):
    """The places of a configuration that is in no file."""

    def __init__(self) -> None:
        super().__init__("command line", Lines(None))

    def problem(
        self, where: Location, what: str, file: int | None = None, *, may_pass: bool = False
    ) -> Problem:
        """Something wrong at a place: with the option behind it."""
        key = next((str(part) for part in reversed(where) if part in _KEYS), "source")
        may_pass = may_pass and key != "url"  # whoever types a file's name does not wait for the file
        return Problem(file or 0, 0, option(key), what, "command line", may_pass)


def option(key: str) -> str:
    """The option that sets a key."""
    return NAMES.get(key, f"--{key}")


def examine_options(document: dict[str, Any]) -> Draft:
    """Everything that is wrong with a configuration made of options; variables are not looked up."""
    return examine(Written(document, OptionPlaces()), ReadOptions(env=None))
