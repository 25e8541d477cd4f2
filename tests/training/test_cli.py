"""What the two commands print and write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from streamseg.errors import ConfigError
from streamseg.training import cli
from tests.training.conftest import recipe_document


def test_train_then_evaluate(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(yaml.safe_dump(recipe_document(pictures)))
    cli.train(recipe, tmp_path / "runs", fresh=True)
    assert "package:" in capsys.readouterr().out
    figures = tmp_path / "figures.json"
    cli.evaluate_package(str(tmp_path / "runs/tiny/tiny"), recipe, precision="f32", json_path=figures)
    printed = capsys.readouterr().out
    assert "mIoU %" in printed
    assert "IoU % disc" in printed
    assert set(json.loads(figures.read_text())) == {"none", "ema", "convgru", "truth"}


def test_a_wrong_recipe_is_refused_before_torch_is_needed(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        cli.train(tmp_path / "missing.yaml")
