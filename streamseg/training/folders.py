"""Where a run keeps its things."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Folders:
    """The folder of one run, `<root>/<name>`."""

    root: Path
    name: str

    def stage(self, name: str) -> Path:
        """A stage's checkpoints and log."""
        return self.root / self.name / name

    @property
    def package(self) -> Path:
        """The exported package."""
        return self.root / self.name / self.name

    @property
    def report(self) -> Path:
        """The page to read."""
        return self.root / self.name / "report.html"
