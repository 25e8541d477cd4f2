"""What discriminators are worth, over several seeds, with every label and with every eighth.

    python -m benchmarks.adversarial [RECIPE] [--seeds 3] [--runs runs]   goes on where it was stopped

From one segmenter, trained with the recipe's losses at 240×176, every way to go on gets the same pictures,
steps and rates; `ce` is the adversarial stage with its weight at 0. The stabiliser learns on the segmenter of
`ce`. The figures are those of the averaged weights at the end of each schedule, on the recipe's val pictures.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.failures import told_in_lines
from streamseg.training.config.recipe import Recipe, load_recipe, parse_recipe
from streamseg.training.config.stage_config import StageName
from streamseg.training.data.labels import find_pairs
from streamseg.training.loop.distributed import new_fabric
from streamseg.training.loop.run_dir import RunDirectory
from streamseg.training.loop.step_log import read_log
from streamseg.training.train import train_stages

SIZE_WH = (240, 176)
LABELS = {"all": 1, "every 8th": 8}
STEPS, MORE, CLIPS = 252, 84, 60  # of the segmenter, of what goes on from it, of the stabiliser
FIGURES = {"miou": ("mIoU %", 100), "temporal_iou": ("temporal IoU", 1), "flicker": ("flicker %", 100)}


@dataclass(frozen=True, slots=True)
class Way:
    """A stage to go on with, what it goes on from, and what it changes in the recipe."""

    stage: StageName
    start: str = "segment"
    changes: Mapping[str, Any] = field(default_factory=dict)


WAYS = {
    "segment": Way("segment", ""),
    "ce": Way("adversarial", changes={"adversarial": {"critic": {"weight": 0.0}}}),
    "ce + spatial": Way("adversarial"),
    "ce + spatial + semi": Way("semi"),
    "stabilised": Way("stabilise", "ce"),
    "stabilised + temporal": Way("stabilise", "ce", {"stabilise": {"critic": {}}}),
}


def recipe_of(recipe: Recipe, runs: Path, way: str, labels: str, seed: int) -> Recipe:
    """The run of one row and one seed."""
    every, wanted = LABELS[labels], WAYS[way]
    train = recipe.data.train[0].model_copy(update={"every": every})
    epoch = len(find_pairs(train)) // recipe.segment.batch
    pace = {"warmup_steps": 50, "validate_every": STEPS // epoch, "epochs": STEPS // epoch}
    more = {"epochs": MORE // epoch}
    document = recipe.model_dump(mode="json")
    document["data"] |= {"train": train.model_dump(mode="json"), "unlabelled": [str(train.images)]}
    document["segment"] |= pace
    document |= {"adversarial": more, "semi": more, "name": name_of(way, labels, seed), "seed": seed}
    document["stabilise"] |= {"steps": CLIPS}
    document |= {"size": SIZE_WH, "stages": [wanted.stage]}
    if wanted.start:
        document["start"] = str(folder_of(runs, wanted.start, labels, seed))
    for section, change in wanted.changes.items():
        document[section] = {**document[section], **change}
    return parse_recipe(document, f"benchmark {way}")


def name_of(way: str, labels: str, seed: int) -> str:
    """Of a run."""
    return f"bench-{way}-{LABELS[labels]}-{seed}".replace(" + ", "-")


def folder_of(runs: Path, way: str, labels: str, seed: int) -> Path:
    """Of a run's only stage."""
    return RunDirectory(runs, name_of(way, labels, seed)).stage(WAYS[way].stage)


def figures(recipe: Recipe, runs: Path, way: str, labels: str, seed: int) -> dict[str, float]:
    """Train one run, or find it trained; its last measures on val."""
    one = recipe_of(recipe, runs, way, labels, seed)
    train_stages(one, RunDirectory(runs, one.name), new_fabric(), Console().print)
    log = read_log(folder_of(runs, way, labels, seed))
    last: dict[str, float] = [e["validation"] for e in log if "validation" in e][-1]
    return last


def rows(recipe: Recipe, runs: Path, seeds: int) -> Iterator[tuple[str, ...]]:
    """A row for each way and share of labels: mean ± standard deviation over the seeds."""
    for labels in LABELS:
        for way in WAYS:
            found = [figures(recipe, runs, way, labels, seed) for seed in range(1, seeds + 1)]
            yield (
                labels,
                way,
                *(spread([f[k] * scale for f in found if k in f]) for k, (_, scale) in FIGURES.items()),
            )


def spread(values: list[float]) -> str:
    """Mean ± sd; a dash where nothing was measured."""
    if not values:
        return "–"
    deviation = statistics.stdev(values) if len(values) > 1 else float("nan")
    return f"{statistics.mean(values):.2f} ± {deviation:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description="what discriminators are worth")
    parser.add_argument("recipe", nargs="?", type=Path, default=Path("configs/training/camvid.yaml"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    given = parser.parse_args()
    table = Table("labels", "training", *(title for title, _ in FIGURES.values()))
    with told_in_lines():
        for row in rows(load_recipe(given.recipe), given.runs, given.seeds):
            table.add_row(*row)
    Console().print(table)


if __name__ == "__main__":
    main()
