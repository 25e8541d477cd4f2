from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from streamseg.convert.options import ConvertOptions, Layout, Output
from streamseg.convert.output_detection import OutputInterpretation, OutputKind, read_answers
from streamseg.errors import PackageError

FOUR, TWO = ("a", "b", "c", "d"), ("background", "person")
RANDOM = np.random.default_rng(0)


def scores(*shape: int) -> NDArray[Any]:
    return RANDOM.normal(0, 1, shape).astype(np.float32)


def shares(*shape: int, axis: int) -> NDArray[Any]:
    raw = RANDOM.random(shape)
    result: NDArray[Any] = raw / raw.sum(axis=axis, keepdims=True)
    return result


@pytest.mark.parametrize(
    ("answer", "asked", "expected"),
    [
        (scores(1, 4, 5, 6), ConvertOptions(FOUR), OutputInterpretation(OutputKind.LOGITS, 1, (5, 6))),
        (scores(1, 5, 6, 4), ConvertOptions(FOUR), OutputInterpretation(OutputKind.LOGITS, 3, (5, 6))),
        (
            shares(1, 4, 5, 6, axis=1),
            ConvertOptions(FOUR),
            OutputInterpretation(OutputKind.PROBABILITIES, 1, (5, 6)),
        ),
        (
            shares(1, 5, 6, 2, axis=3),
            ConvertOptions(TWO, output=Output.TWO_CLASS),
            OutputInterpretation(OutputKind.PROBABILITIES, 3, (5, 6)),
        ),
        (scores(1, 2, 5, 6), ConvertOptions(TWO), OutputInterpretation(OutputKind.LOGITS, 1, (5, 6))),
        (
            RANDOM.random((1, 1, 5, 6)),
            ConvertOptions(TWO),
            OutputInterpretation(OutputKind.ONE_PROBABILITY, 1, (5, 6)),
        ),
        (
            RANDOM.random((1, 5, 6, 1)),
            ConvertOptions(TWO),
            OutputInterpretation(OutputKind.ONE_PROBABILITY, 3, (5, 6)),
        ),
        (scores(1, 5, 6), ConvertOptions(TWO), OutputInterpretation(OutputKind.ONE_LOGIT, None, (5, 6))),
        (
            RANDOM.random((1, 1, 5, 6)),
            ConvertOptions(TWO, output=Output.LOGIT),
            OutputInterpretation(OutputKind.ONE_LOGIT, 1, (5, 6)),
        ),
        (
            np.zeros((1, 5, 6), np.int64),
            ConvertOptions(FOUR),
            OutputInterpretation(OutputKind.LABELS, None, (5, 6)),
        ),
        (
            np.zeros((1, 1, 5, 6), np.uint8),
            ConvertOptions(FOUR),
            OutputInterpretation(OutputKind.LABELS, 1, (5, 6)),
        ),
        (
            np.zeros((1, 5, 6, 1), np.float32),
            ConvertOptions(FOUR, output=Output.LABELS),
            OutputInterpretation(OutputKind.LABELS, 3, (5, 6)),
        ),
        (scores(1, 1, 5, 6), ConvertOptions(("thing",)), OutputInterpretation(OutputKind.LOGITS, 1, (5, 6))),
    ],
)
def test_what_an_answer_means(
    answer: NDArray[Any], asked: ConvertOptions, expected: OutputInterpretation
) -> None:
    assert read_answers([answer], asked, Layout.NCHW) == expected


@pytest.mark.parametrize(("layout", "axis"), [(Layout.NCHW, 1), (Layout.NHWC, 3)])
def test_where_the_number_of_channels_does_not_tell_the_input_does(layout: Layout, axis: int) -> None:
    assert read_answers([scores(1, 4, 6, 4)], ConvertOptions(FOUR), layout).channels == axis


def test_one_answer_beyond_a_probability_makes_all_of_them_logits() -> None:
    answers = [np.full((1, 1, 5, 6), 0.5), np.full((1, 1, 5, 6), 1.5)]
    assert read_answers(answers, ConvertOptions(TWO), Layout.NCHW).meaning is OutputKind.ONE_LOGIT


@pytest.mark.parametrize(
    ("answer", "asked", "problem"),
    [
        (scores(1, 10), ConvertOptions(FOUR), r"float32 \[1, 10\] is none for each pixel"),
        (scores(5, 6, 4), ConvertOptions(FOUR), r"\[5, 6, 4\] is none for each pixel"),
        (scores(1, 5, 6), ConvertOptions(FOUR), "has no channels; for label maps say --output labels"),
        (scores(1, 3, 5, 6), ConvertOptions(FOUR), "has no axis of 4 channels, one for each class"),
        (scores(1, 3, 5, 6), ConvertOptions(FOUR, output=Output.LABELS), "has more than one channel"),
        (scores(1, 2, 5, 6), ConvertOptions(TWO, output=Output.SIGMOID), "has more than one channel"),
    ],
)
def test_what_it_cannot_mean(answer: NDArray[Any], asked: ConvertOptions, problem: str) -> None:
    with pytest.raises(PackageError, match=problem):
        read_answers([answer], asked, Layout.NCHW)
