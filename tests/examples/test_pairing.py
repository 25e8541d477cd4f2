"""Masks and pictures find each other over a real socket."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.pairing import KEPT, Gatherer
from streamseg.concurrency.deadline import Deadline
from streamseg.publish.publisher import Publisher
from streamseg.types import StateChange, StreamState
from tests.fakes.stream import MODEL, STREAM, segmentation
from tests.waiting import time_limit


@pytest.fixture
def publisher(tmp_path: Path) -> Iterator[Publisher]:
    started = Publisher([f"ipc://{tmp_path}/masks"], pictures=True)
    started.start()
    started.set_info(STREAM, MODEL)
    started.status(StateChange(STREAM, StreamState.RUNNING, time.time()))
    yield started
    started.stop()
    assert started.join(Deadline(time_limit(60)))


@pytest.fixture
def gatherer(publisher: Publisher) -> Iterator[Gatherer]:
    with Gatherer.listen(publisher.addresses[0], STREAM) as listening:
        yield listening


def gather(gatherer: Gatherer, publisher: Publisher, pairs: int) -> None:
    deadline = Deadline(time_limit(60))
    for seq in range(100_000):
        publisher.offer(segmentation(seq % 100), "zstd")
        gatherer.step()
        if len(gatherer.pairs) >= pairs:
            return
        assert not deadline.expired


def test_every_mask_finds_its_picture(gatherer: Gatherer, publisher: Publisher) -> None:
    gather(gatherer, publisher, pairs=4)
    pair = gatherer.pairs[-1]
    assert pair.picture.shape == (48, 64, 3)
    assert pair.picture[0, 0, 0] in range(98, 203)
    assert pair.labels.shape == (48, 64)
    assert gatherer.tally.infer_ms == 10.0
    assert gatherer.tally.drops >= 3


def test_model_and_state_are_known(gatherer: Gatherer, publisher: Publisher) -> None:
    gather(gatherer, publisher, pairs=1)
    deadline = Deadline(time_limit(60))
    while gatherer.model is None or gatherer.state(STREAM) is None:
        gatherer.step()
        assert not deadline.expired
    assert gatherer.model == MODEL
    gather(gatherer, publisher, pairs=len(gatherer.pairs) + 1)
    assert gatherer.tally.seen[-1].classes == ("road",)  # the speck of car is not worth naming
    assert 1 in gatherer.pairs[-1].labels
    state = gatherer.state(STREAM)
    assert state is not None
    assert state.state == StreamState.RUNNING


def test_silence_is_no_mask(gatherer: Gatherer) -> None:
    assert not gatherer.step()
    assert gatherer.state("nobody") is None


def test_halves_that_never_match_are_forgotten(gatherer: Gatherer) -> None:
    gatherer._maskless = {("e", seq): b"" for seq in range(KEPT + 10)}
    gatherer._pair()
    assert next(iter(gatherer._maskless)) == ("e", 10)
    assert len(gatherer._maskless) == KEPT
