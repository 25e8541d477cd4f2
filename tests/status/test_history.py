"""The last two minutes, a sample at a time."""

from __future__ import annotations

import pytest

from streamseg.status.history import SAMPLES, History, Sample
from tests.status.boards import make_board
from tests.status.masks import mask


def test_a_sample_is_of_the_time_since_the_one_before() -> None:
    board, history = make_board(), History()
    history.sample(board.snapshots())
    board.mask(mask(label=1, captured_s=99.9))
    board.mask(mask(label=0, captured_s=99.7))
    history.sample(board.snapshots())
    history.sample(board.snapshots())
    first, second, third = history.of("gate")
    assert first == third == Sample(None, None)
    assert second.age_ms == pytest.approx(200.0)
    assert second.flicker == pytest.approx(0.5)


def test_two_minutes_and_no_more() -> None:
    board, history = make_board(), History()
    for _ in range(SAMPLES + 5):
        history.sample(board.snapshots())
    assert len(history.of("gate")) == SAMPLES


def test_what_is_gone_is_forgotten() -> None:
    board, history = make_board(), History()
    history.sample(board.snapshots())
    board.remove("gate")
    history.sample(board.snapshots())
    assert history.of("gate") == ()
    assert len(history.of("yard")) == 2
