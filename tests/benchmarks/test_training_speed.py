"""Training speed is of real steps."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import pytest

from benchmarks import training_speed
from streamseg.training.config.recipe import Recipe
from tests.training.conftest import one_thread, pictures, recipe  # noqa: F401  fixtures


def test_pictures_a_second(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811  the fixture
    looks_s = itertools.count(100.0, 0.25)
    monkeypatch.setattr(training_speed, "time", SimpleNamespace(perf_counter=lambda: next(looks_s)))
    found = training_speed.measure(recipe, 2)
    assert (found["size"], found["batch"], found["steps"]) == ([64, 48], 2, 2)
    assert (found["step_s"], found["pictures_per_s"]) == (0.25, 8.0)
