"""A reload: everything is checked before anything is touched, and then only what differs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from streamseg.config.diff import Changes, Members, applied, diff
from streamseg.config.schema import Config
from streamseg.daemon.packages import Packages, open_packages
from streamseg.errors import ConfigError, StreamsegError

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a reload does.

    Attributes:
        config: What holds afterwards.
        changes: What differs.
        packages: The model packages of its engines.
    """

    config: Config
    changes: Changes
    packages: Packages


def read_plan(running: Config, read: Callable[[], Config], models: Mapping[str, str]) -> Plan:
    """`make_plan` of what `read` gives. A fault of our own in it refuses the reload too, and no more.

    Raises:
        StreamsegError: It is refused.
    """
    try:
        return make_plan(running, read(), models)
    except StreamsegError:
        raise
    except Exception as error:  # the top of a reload: a daemon that serves must not end for it
        _LOG.exception("reload: the configuration could not be read")
        raise ConfigError(["unexpected failure; please report it with its traceback"]) from error


def make_plan(running: Config, wanted: Config, models: Mapping[str, str]) -> Plan:
    """What must be done so that `wanted` holds where `running` does.

    Args:
        running: What holds now.
        wanted: What was read.
        models: The hash of the model that each engine runs: a package may be another under the same name.

    Raises:
        PackageError: A package is not there or not whole, or cannot do what a stream wants of it.
    """
    changes, packages = diff(running, wanted), open_packages(wanted)
    engines = changes.engines
    exchanged = {
        name: ("model",)
        for name, model in models.items()
        if name in packages and packages[name].sha256 != model and name not in engines.renewed
    }
    updated = {name: keys for name, keys in engines.updated.items() if name not in exchanged}
    engines = replace(engines, renewed={**engines.renewed, **exchanged}, updated=updated)
    return Plan(applied(running, wanted), replace(changes, engines=engines), packages)


def lines(changes: Changes) -> Iterator[str]:
    """What a reload does, in lines for the log."""
    yield from _members("engine", changes.engines, "is built anew")
    yield from _members("stream", changes.streams, "is started again")
    if changes.live:
        yield f"{', '.join(changes.live)}: from now on"
    if not changes:
        yield "nothing differs"


def _members(word: str, members: Members, renewed: str) -> Iterator[str]:
    yield from (f"{word} {name} is new" for name in members.added)
    yield from (f"{word} {name} is taken out" for name in members.removed)
    yield from (f"{word} {name} {renewed}: {', '.join(keys)}" for name, keys in members.renewed.items())
    yield from (
        f"{word} {name} goes on with another {', '.join(keys)}" for name, keys in members.updated.items()
    )
