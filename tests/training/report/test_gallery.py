"""Which pictures are shown, in which order, and what is marked in them."""

from __future__ import annotations

import numpy as np

from streamseg.training.report.gallery import WRONG, Example, Gallery, panels
from tests.training.moments import CLASSES, labels, moment


def filled(wrong: list[int], count: int = 2) -> Gallery:
    """Pictures with so many wrong pixels each, named after them."""
    gallery = Gallery([f"{n}.png" for n in wrong], len(CLASSES), count)
    for index, pixels in enumerate(wrong):
        gallery.add(moment(index, labels(pixels)))
    return gallery


def names(examples: list[Example]) -> list[str]:
    return [example.name for example in examples]


def test_the_worst_and_the_best_come_first() -> None:
    gallery = filled([8, 40, 0, 16, 24])
    assert names(gallery.worst) == ["40.png", "24.png"]
    assert names(gallery.best) == ["0.png", "8.png"]
    assert gallery.best[0].miou == 1
    assert gallery.worst[0].miou == 0.25, "half of the ground, none of the disc that is not there"


def test_of_a_few_pictures_none_is_shown_twice() -> None:
    gallery = filled([8, 40, 0])
    assert names(gallery.worst) == ["40.png", "8.png"]
    assert names(gallery.best) == ["0.png"]


def test_the_matrix_is_that_of_all_pictures() -> None:
    gallery = filled([8, 40, 0])
    assert gallery.confusion.counts.tolist() == [[3 * 80 - 48, 48, 0], [0, 0, 0], [0, 0, 0]]


def test_a_picture_without_labels_is_neither_good_nor_bad() -> None:
    gallery = Gallery(["x.png"], len(CLASSES))
    gallery.add(moment(0, labels(3), truth=np.full((8, 10), 255, np.uint8)))
    assert gallery.worst == gallery.best == []


def test_wrong_pixels_are_marked_and_unlabelled_ones_are_not() -> None:
    truth = labels(0)
    truth[0, 0] = 255
    seen = moment(0, labels(3), truth=truth)
    drawn = panels(Example("x", seen.shot.image, truth, seen.labels["none"], 0.5), CLASSES)
    assert list(drawn) == ["picture", "prediction", "truth", "wrong pixels"]
    red = (drawn["wrong pixels"] == WRONG).all(axis=2)
    assert red.nonzero()[1].tolist() == [1, 2]
    assert drawn["wrong pixels"][5, 5].tolist() == [50, 50, 50]
    assert drawn["prediction"][0, 0].tolist() == list(CLASSES[1].color)
