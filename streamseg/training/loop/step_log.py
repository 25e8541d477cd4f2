"""The log of a stage, `log.jsonl`: an entry a step, and one for each measurement and remark."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from streamseg.fileio import replace_file

_OF_A_MEASUREMENT = ("validation", "remark")


class StepLog:
    """Appends to the log in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def append(self, entry: Mapping[str, Any]) -> None:
        """Write one entry."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

    def truncate(self, step: int, measured: Collection[int]) -> None:
        """Drop what will be done again, so that the log has each step and each measurement once.

        Args:
            step: The last one that counts.
            measured: Steps whose measurements count.
        """
        path = self._folder / "log.jsonl"
        if not path.exists():
            return
        kept = [entry for entry in read_log(self._folder) if _counts(entry, step, measured)]
        replace_file(path, "".join(json.dumps(entry) + "\n" for entry in kept).encode())


def read_log(folder: Path) -> list[dict[str, Any]]:
    """Entries of a stage's log; a last line cut short by a kill is left out."""
    entries = []
    for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines():
        try:
            entries.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return entries


def _counts(entry: Mapping[str, Any], step: int, measured: Collection[int]) -> bool:
    for kind in _OF_A_MEASUREMENT:
        if kind in entry:
            return int(entry[kind]["step"]) in measured
    return int(entry.get("step", 0)) <= step
