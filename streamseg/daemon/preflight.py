"""Whether the daemon can do what a configuration says: one answer for `config check`, `run` and a reload.

draft = read_draft(path, options)             # what its files say (config)
accepted = preflight(draft, machine)          # and what only other rooms know; raises with all that is wrong
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from streamseg.capture.source import check_file, describe
from streamseg.config.parsed_config import Draft, log_warnings
from streamseg.config.schema import Config, StreamConfig
from streamseg.config.yaml_source import Location
from streamseg.daemon.packages import examine_packages
from streamseg.errors import MissingExtraError, PackageError, PublishError, SourceError, SourceFault
from streamseg.inference.packages.package import search_path
from streamseg.publish.address import BindError, check_form
from streamseg.publish.probe import check_bindable
from streamseg.status.tracing import require_sdk

_RUNTIME = Path("/run")
_MAY_PASS = {errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.ENODEV}  # the network may be up at the next try
_IN_USE = "in use; fine where that is the daemon with this configuration, else it cannot start"


@dataclass(frozen=True, slots=True)
class Machine:
    """What is looked at beside the configuration's files.

    Attributes:
        env: The environment, for `$STREAMSEG_MODEL_PATH`.
        free: The addresses must be free, as for a start. Else somebody may listen there, who is perhaps the
            daemon itself, and systemd may still make the folder of a socket file.
        bound: What this daemon has bound already; addresses on these ports are not tried.
    """

    env: Mapping[str, str]
    free: bool = False
    bound: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Accepted:
    """A configuration that the daemon can run with.

    Attributes:
        config: The configuration.
        warnings: What is dangerous about it, a line each.
    """

    config: Config
    warnings: tuple[str, ...]

    def log(self) -> Config:
        """Write the warnings to the log; returns the configuration."""
        log_warnings(self.warnings)
        return self.config


def preflight(draft: Draft, machine: Machine | None) -> Accepted:
    """Add to a draft what is wrong with it beyond its files, and accept it.

    Args:
        draft: What the files say.
        machine: What else is looked at; None: nothing, as of a configuration for another machine.

    Raises:
        ConfigError: With everything that is wrong, by file and line.
    """
    _check_addresses(draft)
    _check_sources(draft)
    if machine is not None:
        _look_for_files(draft)
        _look_for_packages(draft, machine)
        _look_for_extras(draft)
        _try_addresses(draft, machine)
    config = draft.accept()
    return Accepted(config, tuple(str(warning) for warning in sorted(draft.warnings)))


def _addresses(config: Config) -> Iterator[tuple[Location, str]]:
    for index, address in enumerate(config.publish.bind):
        yield ("publish", "bind", index), address


def _check_addresses(draft: Draft) -> None:
    config = draft.config
    taken: dict[str, str] = {}
    for where, address in _addresses(config):
        try:
            form = check_form(address, insecure=config.publish.insecure)
        except PublishError as error:
            draft.add(where, str(error))
            continue
        if form.endswith((":0", ":*")):  # any port: the system gives each another
            continue
        if form in taken:
            draft.add(where, f"{address} stands there twice")
        taken[form] = address
    if config.status.bind is not None and f"tcp://{config.status.bind}" in taken:
        draft.add(("status", "bind"), f"{config.status.bind} is taken by publish.bind: choose another port")


def _check_sources(draft: Draft) -> None:
    for name, stream in draft.config.streams.items():
        try:
            describe(stream.source)
        except SourceError as error:
            draft.add(("streams", name, "source", "url"), str(error))


def _look_for_files(draft: Draft) -> None:
    for name, stream in draft.config.streams.items():
        try:
            check_file(stream.source)
        except SourceError as error:
            _tell_file(draft, name, stream, error)


def _tell_file(draft: Draft, name: str, stream: StreamConfig, error: SourceError) -> None:
    """A stream that is not required may fail alone; a file that is missing may be on a disk yet to come."""
    where = ("streams", name, "source", "url")
    if stream.required:
        draft.add(where, str(error), may_pass=error.reason is SourceFault.NOT_FOUND)
    else:
        draft.warn(where, f"{error}; the stream fails, and the others run (required: false)")


def _look_for_packages(draft: Draft, machine: Machine) -> None:
    def report(where: Location, error: PackageError) -> None:
        for line in str(error).splitlines():
            draft.add(where, line)

    examine_packages(draft.config, report, search_path(machine.env))


def _look_for_extras(draft: Draft) -> None:
    if draft.config.daemon.trace.endpoint is not None:
        try:
            require_sdk()
        except MissingExtraError as error:
            draft.add(("daemon", "trace", "endpoint"), str(error))


def _try_addresses(draft: Draft, machine: Machine) -> None:
    config = draft.config
    for where, address in _addresses(config):
        if not _is_own(address, machine):
            _try_address(draft, machine, where, address)
    if config.status.bind is not None and not _is_own(config.status.bind, machine):
        _try_status(draft, machine, config.status.bind)


def _is_own(address: str, machine: Machine) -> bool:
    """Whether the daemon itself is in the way of a trial: it has bound the port, perhaps at another host."""
    return _port(address) in map(_port, machine.bound)


def _port(address: str) -> str:
    """The port, or all of an address that has none."""
    return address if address.startswith("ipc://") else address.rpartition(":")[2]


def _try_address(draft: Draft, machine: Machine, where: Location, address: str) -> None:
    try:
        check_bindable([address], insecure=draft.config.publish.insecure)
    except BindError as error:
        if machine.free:
            draft.add(where, str(error), may_pass=error.may_pass)
        elif error.code == errno.EADDRINUSE:
            draft.warn(where, f"{address} is {_IN_USE}")
        elif error.code == errno.ENOENT and Path(address.removeprefix("ipc://")).is_relative_to(_RUNTIME):
            draft.warn(where, f"{address}: the folder is not there yet; systemd makes it for a service")
        else:
            draft.add(where, str(error))
    except PublishError as error:
        draft.add(where, str(error))


def _try_status(draft: Draft, machine: Machine, bind: str) -> None:
    host, _, port = bind.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host.strip("[]"), int(port)), family=family).close()
    except (OSError, ValueError, OverflowError) as error:
        where, code = ("status", "bind"), getattr(error, "errno", None)
        if machine.free:
            draft.add(where, f"{bind} cannot be bound: {error}", may_pass=code in _MAY_PASS)
        elif code == errno.EADDRINUSE:
            draft.warn(where, f"{bind} is {_IN_USE}")
        else:
            draft.warn(where, f"{bind} cannot be bound: {error}")
