"""How fast the trainer learns: `python -m benchmarks.learning configs/training/camvid.yaml`.

Steps of the recipe's segmenter as in a run, from reading and changing the pictures to the averaged weights;
what it learns is thrown away.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from statistics import median

import torch

from benchmarks.machine import describe
from streamseg.models.segmenter import Segmenter
from streamseg.training.fit import Run
from streamseg.training.processes import described
from streamseg.training.recipe import Recipe, load_recipe
from streamseg.training.segment import SegmentStage

WARM_UP = 2


def learn(run: Run[Segmenter], steps: int) -> list[float]:
    """Train for so many steps; seconds from one to the next, without the first ones."""
    (learner,), ends = run.learners, [time.perf_counter()]
    for step, batch in enumerate(run.stage.batches(0)):
        if step == WARM_UP + steps:
            break
        terms = learner.terms(run.fabric.to_device(batch))
        learner.step(torch.stack(list(terms.values())).sum(), run.stage.schedule.factor(step))
        run.average.update(run.stage.model, step)
        ends.append(time.perf_counter())
    return [after - before for before, after in pairwise(ends)][WARM_UP:]


def measure(recipe: Recipe, steps: int) -> dict[str, object]:
    """Pictures a second, by the median step."""
    with tempfile.TemporaryDirectory() as folder:
        run = Run(SegmentStage(recipe), Path(folder))
        spent_s = learn(run, steps)
        return {
            "on": described(run.fabric),
            "size": list(recipe.size),
            "batch": recipe.segment.batch,
            "steps": len(spent_s),
            "step_s": round(median(spent_s), 3),
            "pictures_per_s": round(recipe.segment.batch / median(spent_s), 2),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--steps", type=int, default=20)
    given = parser.parse_args()
    print(json.dumps({"machine": describe(), **measure(load_recipe(given.recipe), given.steps)}, indent=1))


if __name__ == "__main__":
    main()
