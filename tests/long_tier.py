"""Tests that take long: the marker `long`, run by `make test-long` alone, and remembered.

One that passed is not run again unless `--long-again` says so; one that failed is. The result is kept, with
the commit it was found at, in `.cache/test-long.json`. A test that does something many times takes `rounds`:
what is done stays done if it is interrupted.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.steady import ROOT, tree

STATE = ROOT / ".cache" / "test-long.json"


class Results:
    """What is known of each long test, by its node id; kept on disk with every change."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or STATE
        self.entries: dict[str, dict[str, Any]] = {}
        if self._path.exists():
            self.entries = json.loads(self._path.read_text(encoding="utf-8"))

    def passed(self, test: str) -> bool:
        """Whether it passed when it was last run to its end."""
        return bool(self.entries.get(test, {}).get("passed", False))

    def finish(self, test: str, *, passed: bool, seconds: float, commit: str) -> None:
        """It came to its end; the next time it begins anew."""
        rounds = self.entries.get(test, {}).get("rounds", [])
        entry = {"passed": passed, "commit": commit, "date": time.strftime("%Y-%m-%d")}
        self._put(test, {**entry, "seconds": round(seconds, 1), "rounds": rounds, "under_way": False})

    def begin(self, test: str, commit: str) -> list[str]:
        """What each round gave that was done before an interruption, of the same commit."""
        entry = self.entries.get(test, {})
        if not entry.get("under_way") or entry.get("commit") != commit:
            self._put(test, {"commit": commit, "rounds": [], "under_way": True})
        done: list[str] = self.entries[test]["rounds"]
        return done

    def add_round(self, test: str, result: str) -> None:
        """One more round is done."""
        entry = self.entries[test]
        self._put(test, {**entry, "rounds": [*entry["rounds"], result]})

    def lines(self) -> list[str]:
        """The last result of each test, for people."""
        return [f"{test}: {_told(entry)}" for test, entry in sorted(self.entries.items())]

    def _put(self, test: str, entry: dict[str, Any]) -> None:
        self.entries[test] = entry
        self._path.parent.mkdir(parents=True, exist_ok=True)
        part = self._path.with_suffix(".part")
        part.write_text(json.dumps(self.entries, indent=1) + "\n", encoding="utf-8")
        part.rename(self._path)


class Rounds:
    """The rounds of one test.

    Args:
        results: Where they are kept.
        test: The test's node id.
        commit: What is tested.
    """

    def __init__(self, results: Results, test: str, commit: str) -> None:
        self._results, self._test, self._commit = results, test, commit

    def left(self, count: int) -> Iterator[int]:
        """The numbers of those of `count` rounds that are still to be done."""
        yield from range(len(self._results.begin(self._test, self._commit)), count)

    def done(self, result: str) -> None:
        """A round is through; what it gave, for people."""
        self._results.add_round(self._test, result)

    @property
    def results(self) -> list[str]:
        """What all rounds gave, those before an interruption too."""
        return list(self._results.entries[self._test]["rounds"])


def _told(entry: dict[str, Any]) -> str:
    count = len(entry["rounds"])
    rounds = f"{count} round{'s' * (count != 1)}"
    if entry.get("under_way"):
        return f"interrupted after {rounds}, at {entry['commit']}"
    outcome = "passed" if entry["passed"] else "FAILED"
    where = f"at {entry['commit']}, {entry['date']}, in {entry['seconds']:g} s"
    return f"{outcome} {where}" + (f", {rounds}" if count else "")


def asked_for(config: pytest.Config) -> bool:
    """Whether the long tests are to be run, and they alone."""
    return str(config.getoption("markexpr", "")) == "long"


def select(config: pytest.Config, items: list[pytest.Item], results: Results) -> None:
    """Take out the long tests, or those that passed before."""

    def is_wanted(item: pytest.Item) -> bool:
        if item.get_closest_marker("long") is None:
            return True
        return asked_for(config) and (config.getoption("long_again") or not results.passed(item.nodeid))

    left_out = [item for item in items if not is_wanted(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if is_wanted(item)]


def remember(item: pytest.Item, report: pytest.TestReport, results: Results) -> None:
    """Keep the result of a long test that came to its end, or failed before."""
    if item.get_closest_marker("long") is None or report.skipped:
        return
    if report.when == "call" or report.failed:
        results.finish(item.nodeid, passed=report.passed, seconds=report.duration, commit=tree())


__all__ = ["Results", "Rounds", "asked_for", "remember", "select", "tree"]
