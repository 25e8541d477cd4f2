"""Each part of an evaluation shows a table and gives its figures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from rich.table import Table

from streamseg.inference.backends.registry import load_engine
from streamseg.inference.engine import InferenceEngine
from streamseg.temporal.optical_flow import MotionMode
from streamseg.training.config.recipe import Recipe
from streamseg.training.data.dataset import find_dataset
from streamseg.training.evaluation import suites
from tests.fakes.packages import Tiny, make_package
from tests.training.evaluation.test_text_tables import rows


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[InferenceEngine]:
    with closing(load_engine(make_package(tmp_path / "engines", Tiny(classes=3)), precision="f32")) as engine:
        yield engine


@pytest.fixture
def said() -> list[Any]:
    return []


def test_a_package_says_what_it_runs_on(engine: InferenceEngine, pictures: Path, said: list[Any]) -> None:
    one = suites.measure_package(said.append, engine, find_dataset(pictures / "val"), MotionMode.FLOW)
    info = engine.info
    assert said == [f"tiny on {info.backend} {info.version} {info.precision}, 3 pictures, 0.00 M parameters"]
    assert one.parameters
    assert list(one.measures) == ["none"]


def test_stress_stands_beside_the_clean_figures(
    engine: InferenceEngine, pictures: Path, said: list[Any]
) -> None:
    data = find_dataset(pictures / "val")
    calm = suites.measure_package(lambda _: None, engine, data, MotionMode.FLOW).measures
    figures = suites.under_stress(said.append, engine, data, MotionMode.FLOW, calm)
    assert set(figures) == {"noise", "dark", "h264"}, "stills lose no frames"
    (table,) = said
    assert isinstance(table, Table)
    assert [row[:2] for row in rows(table)[1:]] == [
        ["clean", "none"],
        ["noise", "none"],
        ["dark", "none"],
        ["h264", "none"],
    ]
    assert rows(table)[1][2] == f"{100 * calm['none'].miou:.2f}"


def test_cuts_lead_to_the_train_split(
    engine: InferenceEngine, recipe: Recipe, pictures: Path, said: list[Any]
) -> None:
    data = find_dataset(pictures / "val", clip=True)
    figures = suites.after_cut(said.append, engine, data, recipe)
    assert figures is not None
    assert set(figures) == {"convgru", "unaided", "fresh", "noticed"}
    assert said[0].startswith("first picture after a cut: mIoU")


def test_cuts_that_cannot_be_made_are_explained(
    engine: InferenceEngine, recipe: Recipe, pictures: Path, tmp_path: Path, said: list[Any]
) -> None:
    data = find_dataset(pictures / "val", clip=True)
    assert suites.after_cut(said.append, engine, data, None) is None
    plain = make_package(tmp_path / "plain", Tiny(classes=3, stabiliser=False))
    with closing(load_engine(plain, precision="f32")) as forgetful:
        assert suites.after_cut(said.append, forgetful, data, recipe) is None
    assert ["name a recipe" in said[0], "no stabiliser" in said[1]] == [True, True]


def test_an_ablation_has_a_row_for_each_mode_and_motion(
    engine: InferenceEngine, pictures: Path, said: list[Any]
) -> None:
    suites.ablation(said.append, engine, find_dataset(pictures / "val", clip=True))
    assert [row[:2] for row in rows(said[0])[1:]] == [
        ["none", "–"],
        ["ema", "flow"],
        ["ema", "none"],
        ["convgru", "flow"],
        ["convgru", "none"],
        ["truth", "–"],
    ]


def test_baselines_stand_beside_the_package(
    engine: InferenceEngine, recipe: Recipe, pictures: Path, said: list[Any]
) -> None:
    data = find_dataset(pictures / "val")
    package = suites.measure_package(lambda _: None, engine, data, MotionMode.FLOW).measures
    figures = suites.baselines(said.append, recipe, data, package)
    assert list(figures) == ["k-means", "linear SVM", "random forest"]
    assert [row[0] for row in rows(said[0])[1:]] == [*figures, "none"]
