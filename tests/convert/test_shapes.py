"""Operators that move numbers; each is held against OpenVINO and LiteRT among the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from streamseg.convert import shapes
from streamseg.convert.tflite.graph import Form
from streamseg.convert.tflite.operators import _RULES
from tests.convert.oracle import RANDOM, ours, written
from tests.convert.test_quantized import CASES, KINDS, by_ort, picture, saved
from tests.convert.tflite.test_operators import padded, padded_with
from tests.fakes.quantized import STEP, ZERO
from tests.fakes.tflite import Network


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", list(Form))
@pytest.mark.parametrize(("build", "fill"), [(padded, 0.0), (padded_with, 1.5)])
def test_what_is_put_around_is_a_real_number(
    kind: str, form: Form, build: object, fill: float, tmp_path: Path
) -> None:
    """Not the integer 0, which stands for another number."""
    case = "PAD" if build is padded else "PADV2"
    path, shape, _ = saved(kind, CASES[case], tmp_path)
    image = picture(shape)
    found = by_ort(path, image, form)
    inside = (image.astype(np.float32) - (128 if kind == "int8" else 0) - ZERO[kind]) * STEP
    np.testing.assert_allclose(found[:, 1:7, :8], inside, atol=1e-5)
    np.testing.assert_allclose(found[:, 0], fill, atol=1e-5)
    np.testing.assert_allclose(found[:, :, 8], fill, atol=1e-5)


def repeated(net: Network) -> tuple[int, int]:
    source, small, result = net.tensor(1, 6, 8, 4), net.tensor(6, 32), net.tensor(12, 96)
    net.operator("RESHAPE", [source, net.const(np.array([6, 32], np.int32))], [small], "ReshapeOptions")
    net.operator("TILE", [small, net.const(np.array([2, 3], np.int32))], [result], "TileOptions")
    return source, result


def test_what_is_no_picture_is_repeated_too(tmp_path: Path) -> None:
    path, shape = written(repeated, tmp_path)
    given = RANDOM.normal(0, 1, shape).astype(np.float32)
    np.testing.assert_array_equal(ours(path, given), np.tile(given.reshape(6, 32), (2, 3)))


def test_every_one_of_them_is_known() -> None:
    own = {rule.__name__ for rule in _RULES.values() if rule.__module__ == shapes.__name__}
    assert own == {"concatenated", "deepened", "padded", "reshaped", "tiled", "turned"}
