"""Order and randomness depend on seed and position alone."""

from __future__ import annotations

import os
import threading

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from streamseg.errors import TrainingError
from streamseg.training.data.loader import Sample, _idle_cores, batches
from streamseg.training.data.sampling import ShuffledOrder


@given(st.integers(1, 20), st.integers(0, 1000), st.integers(0, 5))
def test_every_epoch_has_every_picture_once(items: int, seed: int, epoch: int) -> None:
    order = ShuffledOrder(items, seed)
    assert sorted(order.item(epoch * items + i) for i in range(items)) == list(range(items))


def make(index: int, rng: np.random.Generator) -> Sample:
    return torch.tensor(index), torch.tensor(rng.random())


def test_resumed_batches_are_the_rest_of_the_whole() -> None:
    order = ShuffledOrder(5, 3)
    whole = list(batches(order, make, batch=2, first_step=0, steps=6))
    rest = list(batches(order, make, batch=2, first_step=4, steps=6))
    assert len(whole) == 6
    for expected, found in zip(whole[4:], rest, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))


def test_more_workers_change_nothing() -> None:
    order = ShuffledOrder(5, 3)
    alone = list(batches(order, make, batch=2, first_step=1, steps=4, workers=1))
    helped = list(batches(order, make, batch=2, first_step=1, steps=4, workers=3))
    assert all(torch.equal(a[1], b[1]) for a, b in zip(alone, helped, strict=True))


@pytest.mark.parametrize(
    ("gpu", "cores", "processes", "threads"),
    [(False, 16, 1, 1), (True, 16, 1, 8), (True, 16, 4, 3), (True, 1, 1, 1)],
)
def test_a_gpu_leaves_cores_to_make_pictures(
    monkeypatch: pytest.MonkeyPatch, *, gpu: bool, cores: int, processes: int, threads: int
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(processes))
    assert _idle_cores() == threads


def test_who_stops_early_leaves_no_thread() -> None:
    threads: set[threading.Thread] = set()

    def noted(index: int, rng: np.random.Generator) -> Sample:
        threads.add(threading.current_thread())
        return make(index, rng)

    made = batches(ShuffledOrder(5, 3), noted, batch=2, first_step=0, steps=500)
    next(made)
    assert all(thread.is_alive() for thread in threads)
    made.close()  # type: ignore[attr-defined]  # a generator, though it only promises to be an iterator
    assert threads
    assert not [thread for thread in threads if thread.is_alive()]


def test_a_sample_that_cannot_be_made_is_an_error() -> None:
    def broken(_: int, __: np.random.Generator) -> Sample:
        raise TrainingError("cannot be decoded")

    with pytest.raises(TrainingError, match="cannot be decoded"):
        next(batches(ShuffledOrder(5, 3), broken, batch=2, first_step=0, steps=4))
