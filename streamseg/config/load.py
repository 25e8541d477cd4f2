"""From YAML files to a `Config`, or to every mistake in them with its file, line, key and a hint."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from streamseg.config.checks import contradictions
from streamseg.config.complaints import complaints
from streamseg.config.files import Written, read_files, read_text
from streamseg.config.lines import Location
from streamseg.config.schema import Config
from streamseg.config.secrets import put_secrets
from streamseg.config.variables import expand
from streamseg.errors import ConfigError
from streamseg.redact import redact_credentials, remember_url


def load(path: Path, env: Mapping[str, str] | None = None) -> Config:
    """Read a configuration file, and the files of its folder of streams.

    Args:
        path: YAML.
        env: What `${NAME}` and `${NAME:-default}` stand for; the process's environment unless given.

    Raises:
        ConfigError: With every problem, each as `file:line: key: what is wrong`.
    """
    env = os.environ if env is None else env
    return _checked(read_files(path, env), env)


def parse(text: str, origin: str, env: Mapping[str, str]) -> Config:
    """Check a configuration of one text; `origin` names it in errors. See `load`."""
    return _checked(read_text(text, origin), env)


def _checked(written: Written, env: Mapping[str, str]) -> Config:
    _remember_credentials(written.document)
    document, unset = expand(written.document, env)
    _remember_credentials(document)
    blank = [*unset, *put_secrets(document, Config)]
    problems = [*written.problems, *(written.places.problem(where, what) for where, what in blank)]
    config, found = _validated(document, written)
    for where, what in found:
        # values that are not there have been complained of
        if not any(_below(place, where) for place, _ in blank):
            problems.append(written.places.problem(where, redact_credentials(what)))
    if problems or config is None:
        raise ConfigError([str(problem) for problem in sorted(set(problems))])
    return config


def _remember_credentials(value: object) -> None:
    """Of every text: it may be quoted in what is said of a document that holds many mistakes."""
    if isinstance(value, str):
        remember_url(value)
    elif isinstance(value, dict | list):
        for item in (*value, *value.values()) if isinstance(value, dict) else value:
            _remember_credentials(item)


def _validated(document: object, written: Written) -> tuple[Config | None, list[tuple[Location, str]]]:
    """The configuration, if it is one, and what is wrong; what is so under `defaults`, there alone."""
    try:
        config = Config.model_validate(document)
    except ValidationError as error:
        found = complaints(error, written.document)
        return None, [(where, what) for where, what in found if not written.places.inherited(where)]
    return config, [(written.places.home(where), what) for where, what in contradictions(config)]


def _below(place: Location, where: Location) -> bool:
    return where[: len(place)] == place
