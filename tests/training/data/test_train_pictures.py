"""Pictures of several sets under one index."""

from __future__ import annotations

import numpy as np
import pytest

from streamseg.training.config.recipe import Recipe
from streamseg.training.data.sampling import ShuffledOrder
from streamseg.training.data.train_pictures import TrainPictures
from streamseg.training.networks.checkpoint_networks import new_segmenter
from streamseg.training.stages.stabilise import StabiliseStage


def test_an_index_counts_through_all_sets(mixed: Recipe) -> None:
    found = TrainPictures(mixed)
    assert [found.picture(index).parent.parent.name for index in (0, 7, 8, 11)] == [
        "train",
        "train",
        "coarse",
        "coarse",
    ]
    image, label = found.read(9)
    assert image.shape == (48, 64, 3)
    assert np.array_equal(label, found.label(9))


def test_shares_are_of_what_is_drawn_not_of_what_is_there(mixed: Recipe) -> None:
    shares = TrainPictures(mixed).shares()
    assert shares.shape == (4,)
    assert shares.sum() == pytest.approx(1)
    fine = mixed.data.model_copy(update={"train": mixed.data.train[:1]})
    alone = TrainPictures(mixed.model_copy(update={"data": fine})).shares()
    assert shares[1] == pytest.approx(0.75 * alone[1]), "three pictures of four are of the fine set"


def test_one_set_keeps_the_order_it_always_had(recipe: Recipe) -> None:
    assert TrainPictures(recipe).order(5) == ShuffledOrder(8, 5)


def test_sets_are_drawn_by_their_weights(mixed: Recipe) -> None:
    order = TrainPictures(mixed).order(5)
    assert sum(order.item(position) >= 8 for position in range(400)) == 100


def test_some_of_the_sets_keep_the_label_space_of_all(mixed: Recipe) -> None:
    some, every = TrainPictures(mixed, ["coarse"]), TrainPictures(mixed)
    assert [some.picture(index).parent.parent.name for index in range(len(some))] == ["coarse"] * 4
    assert some.space == every.space
    assert np.array_equal(some.label(1), every.label(9))


def test_a_stabiliser_learns_from_the_sets_it_is_given(mixed: Recipe) -> None:
    only = mixed.stabilise.model_copy(update={"sets": ["coarse"]})
    stage = StabiliseStage(
        mixed.model_copy(update={"stabilise": only}), new_segmenter(mixed, pretrained=False)
    )
    assert len(stage.train) == 4
