"""Which of the kept plans will be asked for again, and why the others will not."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from streamseg.inference.cache.entry import EntryHeader
from streamseg.inference.cache.key import Machine
from streamseg.inference.cache.store import Entry


class State(StrEnum):
    """What an entry is good for."""

    CURRENT = "current"  # for this machine, and for a package that is there
    IDLE = "idle"  # its backend is not usable just now: no driver, or another environment
    STALE = "stale"  # nobody can ask for it again


@dataclass(frozen=True, slots=True)
class Finding:
    """An entry, what it is good for, and why."""

    entry: Entry
    state: State
    why: str


def survey(
    entries: Iterable[Entry], here: Mapping[str, Machine], graphs_in: Callable[[Path], Container[str]]
) -> list[Finding]:
    """Judge entries.

    Args:
        entries: Of a store.
        here: What each usable backend builds for now, by its name (`build.machines`).
        graphs_in: The sha256 of the graphs of the package in a folder; none where there is no package.
    """
    return [Finding(entry, *_judged(entry, here, graphs_in)) for entry in entries]


def _judged(
    entry: Entry, here: Mapping[str, Machine], graphs_in: Callable[[Path], Container[str]]
) -> tuple[State, str]:
    if entry.label is None:
        return State.STALE, entry.problem
    if gone := _unwanted(entry.label, graphs_in):
        return State.STALE, gone
    made_for = entry.label.key.machine
    if made_for.backend not in here:
        return State.IDLE, f"{made_for.backend} is not usable here now"
    differences = made_for.differences(here[made_for.backend])
    return (State.STALE, "; ".join(differences)) if differences else (State.CURRENT, "")


def _unwanted(label: EntryHeader, graphs_in: Callable[[Path], Container[str]]) -> str:
    graph, folder = label.key.graph, label.origin.folder
    if not graph or graph in graphs_in(folder):
        return ""
    return f"{folder} holds another {label.origin.role}, or no package, by now"
