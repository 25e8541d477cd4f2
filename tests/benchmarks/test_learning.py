"""Training speed is of real steps."""

from __future__ import annotations

from benchmarks.learning import measure
from streamseg.training.recipe import Recipe
from tests.training.conftest import one_thread, pictures, recipe  # noqa: F401  fixtures


def test_pictures_a_second(recipe: Recipe) -> None:  # noqa: F811  the fixture
    found = measure(recipe, 2)
    assert (found["size"], found["batch"], found["steps"]) == ([64, 48], 2, 2)
    step_s, rate = found["step_s"], found["pictures_per_s"]
    assert isinstance(step_s, float)
    assert isinstance(rate, float)
    assert step_s > 0
    assert abs(rate * step_s - 2) < 0.1
