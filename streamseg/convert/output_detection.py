"""What a network's answer means, found out from answers to a few pictures and what the user says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from streamseg.convert.options import ConvertOptions, Layout, Output
from streamseg.errors import PackageError

Answer: TypeAlias = NDArray[Any]
_SUM = 2e-3  # how far from 1 a softmax of float16 may add up


class OutputKind(StrEnum):
    """What the numbers of an answer are."""

    LOGITS = "logits of each class"
    PROBABILITIES = "probabilities of each class"
    LABELS = "class ids"
    ONE_PROBABILITY = "the second class's probability"
    ONE_LOGIT = "the second class's logit"


@dataclass(frozen=True, slots=True)
class OutputInterpretation:
    """How an answer is to be read.

    Attributes:
        meaning: What its numbers are.
        channels: Its axis of channels, 1 or 3; None where it has none.
        plane: Height and width.
    """

    meaning: OutputKind
    channels: int | None
    plane: tuple[int, int]


def read_answers(answers: Sequence[Answer], asked: ConvertOptions, layout: Layout) -> OutputInterpretation:
    """Finds out what answers mean.

    Args:
        answers: To some pictures, each of batch 1.
        asked: What the user says.
        layout: Of the network's input: where channels are if their number does not tell.

    Raises:
        PackageError: They are no answer for each pixel, or not for these classes.
    """
    first = answers[0]
    if first.ndim not in (3, 4) or len(first) != 1 or min(first.shape) < 1:
        raise PackageError(
            f"the answer {_told(first)} is none for each pixel: [N, C, h, w] or the like is wanted"
        )
    output = asked.output or _guess(first, asked)
    if output is Output.LABELS:
        return _labels(first)
    if output in (Output.SIGMOID, Output.LOGIT):
        return _one(answers, sure=output is Output.LOGIT)
    axis = _channels(first, len(asked.classes), asked.layout or layout)
    meaning = OutputKind.PROBABILITIES if _add_up(answers, axis) else OutputKind.LOGITS
    return OutputInterpretation(meaning, axis, _plane(first, axis))


def _guess(answer: Answer, asked: ConvertOptions) -> Output:
    if answer.dtype.kind in "iub":
        return Output.LABELS
    alone = answer.ndim == 3 or 1 in (answer.shape[1], answer.shape[3])
    return Output.SIGMOID if alone and len(asked.classes) == 2 else Output.LOGITS


def _labels(answer: Answer) -> OutputInterpretation:
    axis = _lone_axis(answer)
    return OutputInterpretation(OutputKind.LABELS, axis, _plane(answer, axis))


def _one(answers: Sequence[Answer], *, sure: bool) -> OutputInterpretation:
    """`sure`: it is a logit, whatever the values."""
    axis = _lone_axis(answers[0])
    within = all(float(answer.min()) >= 0 and float(answer.max()) <= 1 for answer in answers)
    meaning = OutputKind.ONE_PROBABILITY if within and not sure else OutputKind.ONE_LOGIT
    return OutputInterpretation(meaning, axis, _plane(answers[0], axis))


def _lone_axis(answer: Answer) -> int | None:
    """The axis of an answer's only channel; None where it has no axis for it."""
    if answer.ndim == 3:
        return None
    for axis in (1, 3):
        if answer.shape[axis] == 1:
            return axis
    raise PackageError(f"the answer {_told(answer)} has more than one channel; it is no label map or sigmoid")


def _channels(answer: Answer, classes: int, layout: Layout) -> int:
    if answer.ndim != 4:
        raise PackageError(f"the answer {_told(answer)} has no channels; for label maps say --output labels")
    fitting = [axis for axis in (1, 3) if answer.shape[axis] == classes]
    if not fitting:
        raise PackageError(
            f"the answer {_told(answer)} has no axis of {classes} channels, one for each class"
        )
    preferred = 1 if layout is Layout.NCHW else 3
    return preferred if preferred in fitting else fitting[0]


def _add_up(answers: Sequence[Answer], axis: int) -> bool:
    """Whether every pixel's numbers are a softmax's."""
    return all(
        float(answer.min()) >= 0
        and bool(np.all(np.abs(answer.astype(np.float64).sum(axis=axis) - 1) <= _SUM))
        for answer in answers
    )


def _plane(answer: Answer, axis: int | None) -> tuple[int, int]:
    height, width = (answer.shape[i] for i in range(1, answer.ndim) if i != axis)
    return height, width


def _told(answer: Answer) -> str:
    return f"{answer.dtype} [{', '.join(map(str, answer.shape))}]"
