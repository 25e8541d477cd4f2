"""How fast the trainer learns: `python -m benchmarks.training_speed configs/training/camvid.yaml`.

The first steps of a run of the recipe's segmenter, with all that belongs to one: reading and changing
pictures, averaged weights, log. What it learns is thrown away.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from torch import Tensor

from benchmarks.failures import told_in_lines
from benchmarks.machine import describe
from streamseg.training.config.recipe import Recipe, load_recipe
from streamseg.training.loop.distributed import described
from streamseg.training.loop.trainer import Trainer
from streamseg.training.stages.segment import SegmentStage

WARM_UP = 2


class Timed(SegmentStage):
    """The stage as it is; notes when each step begins."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe)
        self.began_s: list[float] = []

    def losses(self, batch: Any) -> dict[str, Tensor]:
        """See `SegmentStage`."""
        self.began_s.append(time.perf_counter())
        return super().losses(batch)


def measure(recipe: Recipe, steps: int) -> dict[str, object]:
    """Pictures a second, by the median step."""
    with tempfile.TemporaryDirectory() as folder:
        stage = Timed(recipe)
        run = Trainer(stage, Path(folder))
        run.fit(stop_after=WARM_UP + steps + 1)
        spent_s = [after - before for before, after in pairwise(stage.began_s)][WARM_UP:]
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
    with told_in_lines():
        figures = measure(load_recipe(given.recipe), given.steps)
    print(json.dumps({"machine": describe(), **figures}, indent=1))


if __name__ == "__main__":
    main()
