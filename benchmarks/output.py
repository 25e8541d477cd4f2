"""What a benchmark found, told: a table for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path


def tell(table: str, found: Mapping[str, object], file: Path | None) -> None:
    """Print the table, and the JSON below it or into a file."""
    print(table)
    text = json.dumps(found, indent=2) + "\n"
    if file:
        file.write_text(text, encoding="utf-8")
    else:
        print(f"\n{text}", end="")
