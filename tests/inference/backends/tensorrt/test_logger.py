from __future__ import annotations

import logging

import pytest

from streamseg.errors import EngineError
from streamseg.inference.backends.tensorrt.logger import LogCollector
from tests.fakes import tensorrt
from tests.fakes.tensorrt import ILogger


def test_an_error_carries_what_was_told_once() -> None:
    words = LogCollector(tensorrt)
    for level, text in (
        (ILogger.ERROR, "the\n cause"),
        (ILogger.WARNING, "noise"),
        (ILogger.ERROR, "the cause"),
    ):
        words.sink.log(level, text)
    words.sink.log(ILogger.INTERNAL_ERROR, "and more")
    assert str(words.failure("loading failed")) == "loading failed: the cause; and more"
    assert str(words.failure("again")) == "again: TensorRT gave no reason"


def test_what_is_known_beside_the_log_comes_first() -> None:
    words = LogCollector(tensorrt)
    words.sink.log(ILogger.ERROR, "in the log")
    assert (
        str(words.failure("parsing failed", "node 3\nis odd")) == "parsing failed: node 3 is odd; in the log"
    )


def test_what_a_builder_without_a_gpu_always_says_is_no_reason() -> None:
    words = LogCollector(tensorrt)
    words.sink.log(ILogger.ERROR, "catchCudaError: CUDA driver version is insufficient")
    words.sink.log(ILogger.ERROR, "MIN<=OPT<=MAX")
    assert str(words.failure("refused")) == "refused: MIN<=OPT<=MAX"
    words.sink.log(ILogger.ERROR, "catchCudaError: CUDA driver version is insufficient")
    assert "insufficient" in str(words.failure("refused"))


def test_it_is_no_part_of_a_reason_either() -> None:
    told = "Invalid Node - turn\n[checkMacros.cpp::catchCudaError::250] Error Code 1\nin checkType"
    assert (
        str(LogCollector(tensorrt).failure("parsing failed", told))
        == "parsing failed: Invalid Node - turn in checkType"
    )


def test_a_long_reason_is_cut_and_the_first_lines_go() -> None:
    words = LogCollector(tensorrt)
    for index in range(20):
        words.sink.log(ILogger.ERROR, f"{index} " + "x" * 100)
    text = str(words.failure("failed"))
    assert text.startswith("failed: 12 x")
    assert len(text) < 700


@pytest.mark.parametrize("how", [None, TypeError("factory function returned nullptr")])
def test_what_makes_nothing_is_an_error_with_its_reason(how: TypeError | None) -> None:
    words = LogCollector(tensorrt)

    def make(_argument: int) -> None:
        words.sink.log(ILogger.ERROR, "no driver")
        if how is not None:
            raise how

    with pytest.raises(EngineError, match=r"^no runtime: no driver$"):
        words.made("no runtime", make, 1)
    assert words.made("no sum", sum, [1, 2]) == 3


def test_everything_but_chatter_is_in_the_debug_log(caplog: pytest.LogCaptureFixture) -> None:
    words = LogCollector(tensorrt)
    with caplog.at_level(logging.DEBUG):
        words.sink.log(ILogger.VERBOSE, "chatter")
        words.sink.log(ILogger.WARNING, "news")
    assert [record.getMessage() for record in caplog.records] == ["TensorRT: news"]
    assert caplog.records[0].levelno == logging.DEBUG
