from __future__ import annotations

import numpy as np
import pytest

from streamseg.inference.readout import read_out, softmax
from streamseg.types import F32


def random_logits(shape: tuple[int, int, int, int], seed: int = 0) -> F32:
    return np.random.default_rng(seed).normal(0, 3, shape).astype(np.float32)


def test_at_the_same_size_it_is_argmax_and_softmax() -> None:
    logits = random_logits((2, 5, 12, 16))
    masks = read_out(logits, (16, 12))
    np.testing.assert_array_equal(masks.labels, logits.argmax(axis=1))
    assert masks.confidence is not None
    np.testing.assert_allclose(masks.confidence / 255, softmax(logits).max(axis=1), atol=1 / 255)


def test_shapes_and_types() -> None:
    masks = read_out(random_logits((2, 5, 12, 16)), (64, 48))
    assert masks.confidence is not None
    assert masks.labels.shape == masks.confidence.shape == (2, 48, 64)
    assert masks.labels.dtype == masks.confidence.dtype == np.uint8


def test_borders_run_between_the_cells() -> None:
    """Two classes meet in the middle of a bilinear ramp: half of the pixels each."""
    logits = np.zeros((1, 2, 1, 2), np.float32)
    logits[0, 0, 0, 0] = logits[0, 1, 0, 1] = 1
    assert read_out(logits, (8, 1)).labels.tolist() == [[[0] * 4 + [1] * 4]]


def test_a_single_class() -> None:
    masks = read_out(random_logits((1, 1, 2, 2)), (4, 4))
    assert masks.confidence is not None
    assert not masks.labels.any()
    assert (masks.confidence == 255).all()


@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_softmax_sums_to_one_and_does_not_overflow(scale: float) -> None:
    probabilities = softmax(random_logits((2, 5, 3, 4)) * np.float32(scale))
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
