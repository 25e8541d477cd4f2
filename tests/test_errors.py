"""The exception tree: exit codes, and texts fit for a person."""

from __future__ import annotations

import pytest

from streamseg import errors
from streamseg.errors import (
    EXIT_CONFIG,
    EXIT_UNEXPECTED,
    MAX_PROBLEMS,
    AddressError,
    ConfigError,
    EngineError,
    MissingExtraError,
    PackageError,
    PublishError,
    SourceError,
    SourceFault,
    StreamsegError,
    TrainingError,
    WireError,
)


def test_every_error_is_a_streamseg_error() -> None:
    ours = [word for word in vars(errors).values() if isinstance(word, type) and issubclass(word, Exception)]
    assert len(ours) == 10
    assert all(issubclass(word, StreamsegError) for word in ours)


@pytest.mark.parametrize("error", [ConfigError, PackageError, AddressError, MissingExtraError])
def test_what_only_the_user_can_mend_exits_with_ex_config(error: type[StreamsegError]) -> None:
    assert error.exit_code == EXIT_CONFIG == 78


@pytest.mark.parametrize("error", [SourceError, EngineError, WireError, PublishError, TrainingError])
def test_everything_else_exits_with_one(error: type[StreamsegError]) -> None:
    assert error.exit_code == EXIT_UNEXPECTED == 1


def test_a_config_error_says_every_problem_on_its_own_line() -> None:
    error = ConfigError(["a.yaml:1: one", "a.yaml:7: two"])
    assert error.problems == ["a.yaml:1: one", "a.yaml:7: two"]
    assert str(error) == "a.yaml:1: one\na.yaml:7: two"


def test_of_very_many_problems_it_says_the_first() -> None:
    error = ConfigError([f"a.yaml:{i}: x" for i in range(MAX_PROBLEMS + 7)])
    assert error.problems[-2:] == [f"a.yaml:{MAX_PROBLEMS - 1}: x", "… and 7 more problems"]
    assert len(ConfigError(["x"] * MAX_PROBLEMS).problems) == MAX_PROBLEMS


def test_a_source_error_keeps_its_reason() -> None:
    error = SourceError(SourceFault.AUTH, "rtsp://***@cam/1: wrong user or password")
    assert error.reason is SourceFault.AUTH
    assert str(error) == "rtsp://***@cam/1: wrong user or password"


def test_a_missing_extra_says_how_to_install_it() -> None:
    error = MissingExtraError("training", "train")
    assert error.extra == "train"
    assert str(error) == "training needs the 'train' extra: pip install 'streamseg[train]'"
