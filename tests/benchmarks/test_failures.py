"""A mistaken recipe is a line, whichever benchmark is started with it."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from benchmarks.failures import told_in_lines


@pytest.mark.parametrize(
    ("module", "options"),
    [("training_speed", []), ("networks", []), ("adversarial", []), ("cross_validation", ["--without", "a"])],
)
def test_a_mistaken_recipe_is_told(
    module: str, options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = tmp_path / "r.yaml"
    recipe.write_text("name: tiny\nspeed: 3\n")
    monkeypatch.setattr(sys, "argv", [module, str(recipe), *options])
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(f"benchmarks.{module}").main()
    assert f"{recipe}:2: speed: is not a known key" in str(ended.value.code)


def test_other_errors_pass() -> None:
    with pytest.raises(ZeroDivisionError), told_in_lines():
        _ = 1 // 0
