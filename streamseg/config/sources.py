"""The files of a configuration as one document: the main one, and the streams of its folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streamseg.config.env import expand
from streamseg.config.places import Places, Problem
from streamseg.config.schema import Config
from streamseg.config.yaml_loader import YamlError
from streamseg.config.yaml_source import Lines, read
from streamseg.config.yaml_source import read_text as read_file
from streamseg.errors import ConfigError
from streamseg.redact import redact_credentials, remember_written

_FOLDER = "streams_dir"
_BY_DEFAULT = Config.model_fields[_FOLDER].default
MAX_FILES = 1000  # of a folder
MAX_VALUES = 50_000  # of all files together


@dataclass(frozen=True, slots=True)
class Written:
    """What a user wrote.

    Attributes:
        document: Plain values.
        places: Where they stand.
        problems: What is wrong with the files themselves.
    """

    document: dict[str, Any]
    places: Places
    problems: list[Problem] = field(default_factory=list)


def read_text(text: str, origin: str) -> Written:
    """One text that is the whole configuration. Raises ConfigError: it holds none."""
    try:
        document, lines = _parsed(text)
    except YamlError as error:
        raise _alone(error, origin) from error
    if not isinstance(document, dict):
        raise ConfigError([f"{origin}: must hold sections (engine, publish, streams, …)"])
    places = Places(origin, lines)
    return Written(document, places, [places.problem(*twin) for twin in lines.twins])


def read_files(path: Path, env: Mapping[str, str]) -> Written:
    """A file, and the streams of its folder. Raises ConfigError: the file itself holds no configuration."""
    try:
        written = read_text(read_file(path), str(path))
    except YamlError as error:
        raise _alone(error, str(path)) from error
    folder = _folder(written.document, env)
    if folder is None:
        return written
    try:
        more = sorted(file for file in (path.parent / folder).iterdir() if _is_ours(file.name))
    except (OSError, ValueError) as error:  # ValueError: a name that holds a NUL
        if not isinstance(error, FileNotFoundError) or folder != str(_BY_DEFAULT):
            # or a reload would take out every stream in there
            written.problems.append(
                written.places.problem((_FOLDER,), _no_folder(path.parent / folder, error))
            )
        return written
    _take_in_all(more, written)
    return written


def _is_ours(name: str) -> bool:
    """Whether a file of the folder may hold streams; what begins with a dot is an editor's, or hidden."""
    return name.endswith(".yaml") and not name.startswith(".")


def _take_in_all(files: list[Path], written: Written) -> None:
    places = written.places
    if len(files) > MAX_FILES:
        what = f"more than {MAX_FILES} files in {files[0].parent}"
        written.problems.append(places.problem((_FOLDER,), what))
        return
    for file in files:
        _take_in(file, written)
        if places.size > MAX_VALUES:
            what = f"more than {MAX_VALUES} values in all files up to {file.name}; the rest is not read"
            written.problems.append(places.problem((_FOLDER,), what))
            return


def _no_folder(folder: Path, error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"there is no folder {folder}"
    return f"{folder}: cannot be read: {getattr(error, 'strerror', None) or error}"


def _folder(document: dict[str, Any], env: Mapping[str, str]) -> str | None:
    """Where more streams are; None for nowhere, or where the schema will complain."""
    folder, unset = expand(document.get(_FOLDER, _BY_DEFAULT), env)
    return str(folder) if isinstance(folder, str | Path) and not unset else None


def _take_in(path: Path, written: Written) -> None:
    """Add the streams of another file; what is wrong with it is a problem of the whole."""
    origin, places, problems = str(path), written.places, written.problems
    try:
        found, lines = _parsed(read_file(path))
    except YamlError as error:
        number = places.include(origin, Lines(None))
        problems.append(Problem(number, error.line, "", error.what, origin))
        return
    number = places.include(origin, lines)
    problems += [places.problem(where, what, number) for where, what in lines.twins]
    if isinstance(found, dict):
        _add_streams(found, number, written)
    elif found is not None:
        problems.append(Problem(number, 0, "", "must hold streams by name", origin))


def _add_streams(found: dict[str, Any], number: int, written: Written) -> None:
    """Add streams of file `number`; whose name is taken is not."""
    if written.document.get("streams") is None:  # an empty section is none
        written.document["streams"] = {}
    streams = written.document["streams"]
    if not isinstance(streams, dict):
        return  # the schema will complain
    for name, stream in found.items():
        if name in streams:
            where = written.places.of(("streams", name))
            problem = written.places.problem((name,), f"is a stream in {where} already", number)
            written.problems.append(problem)
        else:
            streams[name] = stream
            written.places.adopt(name, number)


def _parsed(text: str) -> tuple[Any, Lines]:
    try:
        return read(text)
    except YamlError as error:
        remember_written(text)
        raise YamlError(redact_credentials(error.what), error.line) from error


def _alone(error: YamlError, origin: str) -> ConfigError:
    return ConfigError([str(Problem(0, error.line, "", error.what, origin))])
