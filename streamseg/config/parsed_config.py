"""A configuration while it is examined: what a user wrote, what of it is sound, and all that is wrong."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from streamseg.config.cross_checks import contradictions
from streamseg.config.deprecated import renamed
from streamseg.config.env import expand
from streamseg.config.file_permissions import exposed_passwords
from streamseg.config.normalize import as_effective, former_keys, written_as
from streamseg.config.places import SUFFIX, Places, Problem
from streamseg.config.repair import salvage
from streamseg.config.schema import Config
from streamseg.config.secrets import put_secrets
from streamseg.config.sources import Written, read_files
from streamseg.config.validation_errors import NAME_ITSELF, complaints
from streamseg.config.yaml_source import Location
from streamseg.errors import EXIT_UNEXPECTED, ConfigError
from streamseg.redact import redact_credentials, remember_url

_LOG = logging.getLogger(__name__)
CREDENTIALS = "CREDENTIALS_DIRECTORY"
"""The variable by which systemd says where a service's credentials are (systemd.exec(5))."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How a configuration is read.

    Attributes:
        env: What `${NAME}` stands for; None: it stands for itself.
        offline: Nothing but the configuration's own files is looked at: variables may be unset, and the files
            of secrets are not read.
        as_service: systemd will set `$CREDENTIALS_DIRECTORY` for the daemon, so that it may be unset here.
        unset_hint: What to do about a variable that is not set.
    """

    env: Mapping[str, str] | None
    offline: bool = False
    as_service: bool = False
    unset_hint: str = ""


class Draft:
    """A configuration under examination; every check adds what it finds, and `accept` ends it.

    Attributes:
        config: What is sound, with defaults and placeholders in the place of what is not.
        problems: What is wrong.
        warnings: What is dangerous, and no reason to refuse it.
    """

    def __init__(self, config: Config, document: Mapping[str, Any], places: Places) -> None:
        self.config = config
        self.problems: set[Problem] = set()
        self.warnings: set[Problem] = set()
        self._document, self._places = document, places
        self._settled: set[Location] = set()

    def settle(self, places: Iterable[Location]) -> None:
        """Say that what is at these places, as written, is wrong or unknown: no more is said of it."""
        for place in places:
            secret = (*place[:-1], str(place[-1]).removesuffix(SUFFIX))
            self._settled |= {place, secret, as_effective(place, self._document)}

    def add(self, where: Location, what: str, *, may_pass: bool = False) -> None:
        """Something wrong at a place in `config`.

        Args:
            where: The place.
            what: A sentence about it, without the place.
            may_pass: Whether it may be gone at the next try, though nobody changes the configuration.
        """
        self._add(self.problems, where, redact_credentials(what), may_pass=may_pass)

    def warn(self, where: Location, what: str) -> None:
        """Something at a place that is dangerous, and no reason to refuse the configuration."""
        self._add(self.warnings, where, redact_credentials(what))

    def accept(self) -> Config:
        """The configuration, if nothing is wrong with it.

        Raises:
            ConfigError: With every problem, in the order of files and lines; its exit code is 1 where all of
                them may pass.
        """
        if not self.problems:
            return self.config
        error = ConfigError([str(problem) for problem in sorted(self.problems)])
        if all(problem.may_pass for problem in self.problems):
            error.exit_code = EXIT_UNEXPECTED
        raise error

    def _add(self, to: set[Problem], where: Location, what: str, *, may_pass: bool = False) -> None:
        written = self._written(self._places.home(written_as(where, self._document)))
        if not (self._is_settled(where) or self._is_settled(written)):
            to.add(self._places.problem(written, what, may_pass=may_pass))

    def _written(self, where: Location) -> Location:
        """The key that the user wrote for the value at `where`: a text may be short for a section."""
        value: Any = self._document
        for depth, part in enumerate(where):
            if isinstance(value, str):
                return where[:depth]
            value = value.get(part) if isinstance(value, dict) else None
        return self._places.nearest(where)

    def _is_settled(self, where: Location) -> bool:
        return any(where[:length] in self._settled for length in range(1, len(where) + 1))


def read_draft(path: Path, options: ReadOptions) -> Draft:
    """Read a configuration file and the files of its folder of streams, and examine them.

    Raises:
        ConfigError: The file itself cannot be read, or holds no configuration.
    """
    return examine(read_files(path, options.env or {}), options)


def examine(written: Written, options: ReadOptions) -> Draft:
    """Everything that is wrong with a configuration by its own files, and with the files of its secrets."""
    document, unset = (
        expand(written.document, options.env) if options.env is not None else (deepcopy(written.document), [])
    )
    _remember_credentials(document)
    unset_places = {place for place, _ in unset}
    secrets = put_secrets(document, Config, skip=lambda place: options.offline or place in unset_places)
    wrong_types, places, valid = _wrong_types(document, written)
    draft = Draft(valid or salvage(document), written.document, written.places)
    draft.problems.update(written.problems)
    if not options.offline:
        _tell_unset(draft, unset, options)
    for where, what in secrets.problems:
        draft.add(where, what)
    for where, what in secrets.warnings:
        draft.warn(where, what)
    draft.settle([*unset_places, *(place for place, _ in secrets.problems), *secrets.unread])
    for where, what in wrong_types:
        draft.add(where, what)
    draft.settle(places)
    for where, what in contradictions(draft.config, offline=options.offline):
        draft.add(where, what)
    for where, what in exposed_passwords(written):
        draft.warn(where, what)
    _tell_former_keys(draft, written.document)
    return draft


def _remember_credentials(value: object) -> None:
    """Of every text: it may be quoted in what is said of a document that holds many mistakes.

    Variables are in their places: the name of one that is not set is no secret.
    """
    if isinstance(value, str):
        remember_url(value)
    elif isinstance(value, dict | list):
        for item in (*value, *value.values()) if isinstance(value, dict) else value:
            _remember_credentials(item)


def log_warnings(warnings: Iterable[object]) -> None:
    """Write what is dangerous about a configuration to the log."""
    for warning in warnings:
        _LOG.warning("configuration: %s", warning)


def _wrong_types(
    document: Any, written: Written
) -> tuple[list[tuple[Location, str]], list[Location], Config | None]:
    """What is wrong with keys each by itself, and the places of wrong values; else the configuration.

    Where only a name is wrong, what bears it may have mistakes of its own.
    """
    try:
        return [], [], Config.model_validate(document)
    except ValidationError as error:
        found = complaints(error, written.document)
        told = [(where, what) for where, what in found if not written.places.inherited(where)]
        places = [entry["loc"] for entry in error.errors(include_url=False)]
        return told, [place for place in places if place[-1:] != NAME_ITSELF], None


def _tell_former_keys(draft: Draft, document: Mapping[str, Any]) -> None:
    """One warning, at the first key that has another name now."""
    found = list(former_keys(document))
    for where, present in found[:1]:
        more = f" (and in {len(found) - 1} more)" if len(found) > 1 else ""
        draft.warn(as_effective(where, document), f"{renamed(str(where[-1]), present)}{more}")


def _tell_unset(draft: Draft, unset: Iterable[tuple[Location, str]], options: ReadOptions) -> None:
    for where, name in unset:
        text = f"${{{name}}} is not set in the environment"
        if name != CREDENTIALS:
            draft.add(where, f"{text}; {options.unset_hint}" if options.unset_hint else text)
        elif options.as_service:
            draft.warn(where, f"not looked at: systemd sets ${{{name}}} for the service alone")
        else:
            draft.add(where, f"{text}; systemd sets it for a service that has LoadCredential=")
