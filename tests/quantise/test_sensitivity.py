from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from streamseg.inference.packages.package import Package
from streamseg.quantise.quantiser import Quantiser
from streamseg.quantise.sensitivity import relative_error, worst_first
from streamseg.types import U8
from tests.fakes.int8 import make_uneven


def test_the_layer_that_loses_most_is_first(package: Package, pictures: list[U8], tmp_path: Path) -> None:
    quantiser = Quantiser(make_uneven(package).path / "segmenter.onnx", pictures, tmp_path)
    told: list[None] = []
    order = worst_first(quantiser, pictures[:2], lambda: told.append(None))
    assert order == list(reversed(quantiser.layers))
    assert len(told) == len(quantiser.layers)


@pytest.mark.parametrize(
    ("coarse", "expected"), [([0.0, 2.0], 0.0), ([0.0, 1.0], 0.5), ([0.0, np.nan], np.inf)]
)
def test_error_is_told_relative_to_what_there_is(coarse: list[float], expected: float) -> None:
    exact = np.array([0.0, 2.0], np.float32)
    assert relative_error(exact, np.array(coarse, np.float32)) == pytest.approx(expected)
