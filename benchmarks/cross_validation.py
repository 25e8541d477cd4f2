"""How well a recipe's segmenter does in places it has not seen: it is trained again without each of them.

    python -m benchmarks.cross_validation [RECIPE] --without '0001TP*' --without '0006R0*' …

Stopped and started again it goes on. A place is the training pictures whose file names fit a pattern, or one
of several: --without '0016E5_06*' '0016E5_07*'. Each is measured by the network that never saw it, in single
frames; the last column takes all places together. Unlike val it is no one drive, so it tells a recipe's
choices from those that suit val.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.failures import told_in_lines
from streamseg.errors import TrainingError
from streamseg.training.config.recipe import Recipe, load_recipe
from streamseg.training.data.dataset import Dataset, val_dataset
from streamseg.training.data.labels import find_pairs, named_like
from streamseg.training.evaluation.metrics import Confusion
from streamseg.training.evaluation.text_tables import number
from streamseg.training.loop.distributed import new_fabric
from streamseg.training.loop.run_dir import RunDirectory
from streamseg.training.stages.segment import validate_segmenter
from streamseg.training.train import train_stages


def pictures_of(recipe: Recipe, place: Sequence[str]) -> Dataset:
    """The recipe's training pictures of a place, in the labels of the data set they are from.

    Raises:
        TrainingError: There are none, or they are of several data sets.
    """
    found = {}
    for one in recipe.data.train:
        if pairs := [pair for pair in find_pairs(one) if named_like(pair.image, place)]:
            found[one.name] = replace(val_dataset(recipe, one), pairs=pairs)
    if not found:
        raise TrainingError(f"no training picture fits {' '.join(place)}")
    if len(found) > 1:
        raise TrainingError(f"{' '.join(place)} fits pictures of several data sets: {', '.join(found)}")
    return next(iter(found.values()))


def without(recipe: Recipe, place: Sequence[str]) -> Recipe:
    """The recipe's segmenter, trained on all other places, and measured on val when it is done.

    Raises:
        TrainingError: It begins with networks, or has a teacher, that know the place already.
    """
    if recipe.starts or recipe.segment.teacher:
        raise TrainingError("start, segment.teacher: networks that have seen the place; leave them out")
    train = [one.model_copy(update={"exclude": [*one.exclude, *place]}) for one in recipe.data.train]
    changes = {
        "name": f"{recipe.name}-without-{''.join(c for c in ''.join(place) if c.isalnum())}",
        "stages": ["segment"],
        "data": recipe.data.model_copy(update={"train": train}),
        "segment": recipe.segment.model_copy(update={"validate_every": recipe.segment.epochs}),
    }
    return recipe.model_copy(update=changes)


def measured(recipe: Recipe, place: Sequence[str], runs: Path) -> Confusion:
    """Train without a place, or go on with that, and measure there."""
    console, less = Console(), without(recipe, place)
    networks = train_stages(less, RunDirectory(runs, less.name), new_fabric(), console.print)
    classes = [one.name for one in recipe.classes]
    return validate_segmenter(networks.need_segmenter(), pictures_of(recipe, place), classes, recipe.size)


def together(places: Sequence[Confusion]) -> Confusion:
    """All places as one set."""
    total = Confusion(len(places[0].counts))
    for place in places:
        total.counts += place.counts
    return total


def table(recipe: Recipe, places: Mapping[str, Confusion]) -> Table:
    """One column a place, one row a class."""
    columns = {**places, "together": together(list(places.values()))}
    shown = Table("", *columns)
    shown.add_row("mIoU %", *(number(100 * c.mean_iou, 1) for c in columns.values()))
    for index, one in enumerate(recipe.classes):
        shown.add_row(f"IoU % {one.name}", *(number(100 * c.iou[index], 1) for c in columns.values()))
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("recipe", nargs="?", type=Path, default=Path("configs/training/camvid.yaml"))
    parser.add_argument("--without", nargs="+", action="append", required=True, metavar="PATTERN")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    given = parser.parse_args()
    with told_in_lines():
        recipe = load_recipe(given.recipe)
        for place in given.without:  # what cannot be done is told before the first hour
            without(recipe, place)
            pictures_of(recipe, place)
        found = {" ".join(place): measured(recipe, place, given.runs) for place in given.without}
    Console().print(table(recipe, found))


if __name__ == "__main__":
    main()
