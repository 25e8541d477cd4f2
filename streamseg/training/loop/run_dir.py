"""Where a run keeps its things."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """The folder of one run, `<root>/<name>`."""

    root: Path
    name: str

    def stage(self, name: str) -> Path:
        """A stage's checkpoints and log."""
        return self.run / name

    @property
    def run(self) -> Path:
        """All that the run writes."""
        return self.root / self.name

    @property
    def package(self) -> Path:
        """The exported package; in a folder of its own, as a run may be named like a stage."""
        return self.run / "package" / self.name

    @property
    def report(self) -> Path:
        """The page to read."""
        return self.run / "report.html"

    @property
    def lock(self) -> Path:
        """Held by the process that works here."""
        return self.run / "run.lock"
