"""The decoders side by side, and what deep networks replaced: the same short training, the same measures.

    python -m benchmarks.networks [RECIPE] [--runs runs]      a table; stopped and started again it goes on

Every decoder learns from the recipe's pictures at 240×176 on the same encoder, for the same number of steps.
The baselines (extra `baselines`) learn from the same pictures.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from rich.console import Console

from benchmarks.failures import told_in_lines
from streamseg.inference.backends.registry import load_engine
from streamseg.inference.packages.package import open_package
from streamseg.networks.decoder import DECODERS
from streamseg.training.config.recipe import Recipe, load_recipe
from streamseg.training.data.dataset import find_dataset
from streamseg.training.evaluation import text_tables
from streamseg.training.evaluation.baselines import measure_baselines
from streamseg.training.evaluation.compare import count_weights
from streamseg.training.evaluation.evaluate import evaluate
from streamseg.training.evaluation.evaluator import Measures
from streamseg.training.export.export import export
from streamseg.training.loop.distributed import new_fabric
from streamseg.training.loop.run_dir import RunDirectory
from streamseg.training.train import train_stages

SIZE_WH = (240, 176)
EPOCHS = 6
FIGURES = ("mIoU %", "pixels right %", "boundary F1 %", "ms a frame")


def short(recipe: Recipe, architecture: str) -> Recipe:
    """A recipe's pictures, small and for a short time, with another decoder."""
    segment = recipe.segment.model_copy(
        update={"architecture": architecture, "epochs": EPOCHS, "validate_every": EPOCHS, "warmup_steps": 50}
    )
    changes = {"name": f"bench-{architecture}", "size": SIZE_WH, "stages": ["segment"], "segment": segment}
    return recipe.model_copy(update=changes)


def measured(recipe: Recipe, path: Path, runs: Path, architecture: str) -> tuple[str, Measures]:
    """Train, export and measure one decoder; its title with its parameters, and the figures."""
    console, small = Console(), short(recipe, architecture)
    folders = RunDirectory(runs, small.name)
    networks = train_stages(small, folders, new_fabric(), console.print)
    export(small, networks.need_segmenter(), None, folders.package)
    package = open_package(str(folders.package))
    graph = package.graph("segmenter")
    weights = count_weights(graph) if graph else None
    with closing(load_engine(package)) as engine:
        measures = evaluate(engine, find_dataset(path))["none"]
    return f"{DECODERS[architecture].title}, {(weights or 0) / 1e6:.2f} M", measures


def main() -> None:
    parser = argparse.ArgumentParser(description="decoders and baselines side by side")
    parser.add_argument("recipe", nargs="?", type=Path, default=Path("configs/training/camvid.yaml"))
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    given = parser.parse_args()
    with told_in_lines():
        recipe = load_recipe(given.recipe)
        rows: dict[str, Measures] = dict(
            measured(recipe, given.recipe, given.runs, name) for name in DECODERS
        )
        rows |= baselines(recipe, given.recipe)
    Console().print(text_tables.by_result(("network",), {(k,): m for k, m in rows.items()}, FIGURES))


def baselines(recipe: Recipe, path: Path) -> Mapping[str, Measures]:
    """What deep networks replaced, at the same size."""
    small = recipe.model_copy(update={"size": SIZE_WH})
    results = measure_baselines(small, find_dataset(path))
    return {name: m for name, m in results.items() if name != "truth"}


if __name__ == "__main__":
    main()
