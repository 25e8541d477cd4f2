"""The progress bar of a stage: bar, step and time left first, then losses as far as they fit."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column

_BAR_WIDTH = 16  # columns


class StageProgress:
    """A bar on the terminal, used as a context; nothing where it is not shown.

    Args:
        name: Of the stage.
        steps: How many there are.
        done: How many are done.
        shown: Whether to show it at all.
        console: Where; None: standard output.
    """

    def __init__(
        self, name: str, steps: int, done: int, *, shown: bool, console: Console | None = None
    ) -> None:
        note = Column(ratio=1, no_wrap=True, overflow="ellipsis")  # takes what is left of the line, no more
        self._bar = Progress(
            TextColumn("{task.description:9}", table_column=Column(no_wrap=True)),
            BarColumn(_BAR_WIDTH, table_column=Column(min_width=_BAR_WIDTH, no_wrap=True)),
            MofNCompleteColumn(table_column=Column(no_wrap=True)),
            TimeRemainingColumn(table_column=Column(no_wrap=True)),
            TextColumn("left", table_column=Column(no_wrap=True)),
            TextColumn("{task.fields[note]}", table_column=note),
            console=console,
            refresh_per_second=1,
            expand=True,
            disable=not shown,
        )
        self._task = self._bar.add_task(name, total=steps, completed=done, note="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def update(self, step: int, losses: Mapping[str, float], score: float | None) -> None:
        """Show a step, its losses, and what the last measurement on val scored; None: there was none."""
        last = "" if score is None else f"val {score:.3f}  "
        note = last + " ".join(f"{name} {value:.3f}" for name, value in losses.items())
        self._bar.update(self._task, completed=step, note=note)
