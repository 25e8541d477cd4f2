"""What `streamseg train` and `streamseg evaluate` do; imported only when asked for."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

from rich.console import Console
from rich.table import Table

from streamseg.errors import MissingExtraError
from streamseg.inference.backend import BackendName, Precision
from streamseg.inference.package import open_package
from streamseg.inference.select import load_engine
from streamseg.training.evaluate import Measures, as_json, evaluate, find_dataset
from streamseg.training.recipe import load_recipe


def train(recipe: Path, runs: Path = Path("runs"), *, fresh: bool = False) -> None:
    """Train a recipe to a measured model package, going on from its last checkpoint.

    Args:
        recipe: YAML file.
        runs: Folder of all runs.
        fresh: Throw away what an earlier run of the same name left.

    Raises:
        ConfigError: The recipe is invalid.
        MissingExtraError: The `train` extra is not installed.
        TrainingError: See `streamseg.training.train.train`.
    """
    wanted = load_recipe(recipe)
    console = Console()
    try:
        from streamseg.training.train import train as run  # noqa: PLC0415 brings torch
    except ModuleNotFoundError as error:
        raise MissingExtraError("training", "train") from error
    if fresh:
        shutil.rmtree(runs / wanted.name, ignore_errors=True)
    folders = run(wanted, runs, console.print)
    console.print(f"package: {folders.package}\nreport:  {folders.report}")


def evaluate_package(
    package: str,
    data: Path,
    *,
    backend: BackendName = "auto",
    precision: Precision = "auto",
    clip: bool | None = None,
    json_path: Path | None = None,
) -> None:
    """Measure a package on labelled pictures and print a table.

    Args:
        package: Name or folder.
        data: Recipe, or folder (see `find_dataset`).
        backend: As in a configuration.
        precision: As in a configuration.
        clip: Whether the pictures are consecutive frames; None: see `find_dataset`.
        json_path: Where to write the figures as JSON too.

    Raises:
        PackageError, EngineError: The package cannot be loaded.
        TrainingError: No usable data.
    """
    engine = load_engine(open_package(package), backend=backend, precision=precision)
    dataset = find_dataset(data, clip=clip)
    results = evaluate(engine, dataset)
    console = Console()
    info, name = engine.info, engine.package.manifest.name
    console.print(f"{name} on {info.backend} {info.version} {info.precision}, {len(dataset.pairs)} pictures")
    console.print(_table(results))
    if json_path is not None:
        json_path.write_text(json.dumps(as_json(results), indent=1), encoding="utf-8")


def _table(results: dict[str, Measures]) -> Table:
    table = Table("measure", *results)
    rows = {
        "mIoU %": [100 * m.miou for m in results.values()],
        "pixels right %": [100 * m.accuracy for m in results.values()],
        "boundary F1 %": [100 * m.boundary_f1 for m in results.values()],
        "calibration error %": [100 * m.calibration_error for m in results.values()],
        "temporal IoU": [m.temporal_iou for m in results.values()],
        "flicker %": [100 * m.flicker for m in results.values()],
        "changed pixels right %": [100 * m.changed_accuracy for m in results.values()],
        "ms a frame": [m.frame_ms for m in results.values()],
    }
    for name in next(iter(results.values())).iou:
        rows[f"IoU % {name}"] = [100 * m.iou[name] for m in results.values()]
    for label, values in rows.items():
        table.add_row(
            label,
            *(
                "–" if math.isnan(v) else f"{v:.3f}" if label == "temporal IoU" else f"{v:.2f}"
                for v in values
            ),
        )
    return table
