"""What `streamseg train`, `evaluate` and `explain` do; imported only when asked for."""

from __future__ import annotations

import difflib
import json
import signal
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2
from rich.console import Console

from streamseg.errors import MissingExtraError, TrainingError
from streamseg.inference.backend import BackendName, Precision
from streamseg.inference.backends.registry import load_engine
from streamseg.inference.engine import InferenceEngine
from streamseg.inference.packages.package import Package, open_package
from streamseg.temporal.optical_flow import MotionMode
from streamseg.training.config.recipe import Recipe, load_recipe
from streamseg.training.config.stage_config import StageName
from streamseg.training.data.class_map import parse_pairs
from streamseg.training.data.dataset import Dataset, find_dataset
from streamseg.training.data.label_space import NAMES_FILE
from streamseg.training.data.labels import read_picture
from streamseg.training.evaluation import suites, text_tables
from streamseg.training.evaluation.compare import Measured, check_classes, name_apart
from streamseg.training.evaluation.evaluator import as_json
from streamseg.training.loop.interruption import TrainingStoppedError
from streamseg.types import ClassInfo

Load = Callable[[Package], AbstractContextManager[InferenceEngine]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to measure besides the package in its temporal modes.

    Attributes:
        compare: Names or folders of packages to put beside it.
        stress: Under every stress, and after cuts.
        ablation: With motion compensation and without.
        baselines: What deep networks replaced; needs a recipe.
        confusion: What each true class was taken for, in single frames.
        motion: Whether the past is carried along with the picture, in all but the ablation.
        class_map: `package=data`, names of classes that belong together (`match_classes`).
    """

    compare: tuple[str, ...] = ()
    stress: bool = False
    ablation: bool = False
    baselines: bool = False
    confusion: bool = False
    motion: MotionMode = MotionMode.FLOW
    class_map: tuple[str, ...] = ()


def train(
    recipe: Path, runs: Path = Path("runs"), *, fresh: bool = False, fresh_from: StageName | None = None
) -> None:
    """Train a recipe to a measured model package, going on from its last checkpoint.

    Args:
        recipe: YAML file.
        runs: Folder of all runs.
        fresh: Throw away what stages of an earlier run of the same name learnt, and say what.
        fresh_from: Only this stage and those after it.

    Raises:
        ConfigError: The recipe is invalid.
        MissingExtraError: The `train` extra is not installed.
        TrainingStoppedError: Stopped by a signal; what to do to go on.
        TrainingError: See `streamseg.training.train.train`.
    """
    wanted = load_recipe(recipe)
    console = Console()
    try:
        from streamseg.training.loop.fresh import stages_to_discard  # noqa: PLC0415 brings torch
        from streamseg.training.train import train as run  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise MissingExtraError("training", "train") from error
    discarded = stages_to_discard(wanted, fresh_from) if fresh else ()
    try:
        run(wanted, runs, partial(console.print, markup=False), fresh=discarded)
    except KeyboardInterrupt:
        message = f"{wanted.name}: stopped; the same command goes on from the last checkpoint"
        raise TrainingStoppedError(message, signal.SIGINT) from None


def evaluate_package(
    package: str,
    data: Path,
    *,
    backend: BackendName = "auto",
    precision: Precision = "auto",
    clip: bool | None = None,
    json_path: Path | None = None,
    wanted: Wanted | None = None,
) -> None:
    """Measure a package on labelled pictures and print tables.

    Args:
        package: Name or folder.
        data: Recipe, or folder (see `find_dataset`).
        backend: As in a configuration.
        precision: As in a configuration.
        clip: Whether the pictures are consecutive frames; None: see `find_dataset`.
        json_path: Where to write the figures as JSON too: the modes, and a section for each thing wanted.
        wanted: What to measure besides.

    Raises:
        PackageError, EngineError: A package cannot be loaded.
        TrainingError: No usable data, not for what is wanted, or of other classes.
        MissingExtraError: Baselines are wanted and the extra is not installed.
    """
    wanted = wanted or Wanted()
    packages = _open(package, wanted)
    dataset, recipe = find_dataset(data, clip=clip), load_recipe(data) if data.is_file() else None
    names = [c.name for c in packages[next(iter(packages))].manifest.classes]
    dataset = dataset.matched(names, parse_pairs(wanted.class_map))
    _check(wanted, data, dataset, recipe)

    def load(one: Package) -> AbstractContextManager[InferenceEngine]:
        return closing(load_engine(one, backend=backend, precision=precision))

    figures = _measure(Console().print, packages, load, dataset, recipe, wanted)
    for told in (unnamed(dataset, data), dataset.unknown_ids()):
        if told:
            Console(stderr=True).print(f"note: {told}", markup=False, highlight=False)
    if json_path is not None:
        json_path.write_text(json.dumps(figures, indent=1), encoding="utf-8")


def explain_picture(
    package: str, picture: Path, class_name: str | None = None, out: Path | None = None
) -> None:
    """Show why a package says what it says of a picture: a sheet of panels, and a table.

    Args:
        package: Name or folder.
        picture: A file OpenCV reads, of any size.
        class_name: The one class to gather evidence for; None: the most frequent.
        out: The sheet, a PNG; None: named after the picture, in the current folder.

    Raises:
        MissingExtraError: The `train` extra is not installed.
        PackageError, EngineError: The package cannot be loaded or run.
        TrainingError: The picture cannot be read, the class is not one of the package's or not in the
            prediction, or the sheet cannot be written.
    """
    try:
        from streamseg.training.explain.explain import explain  # noqa: PLC0415 brings onnx
        from streamseg.training.explain.explain_figure import write_sheet  # noqa: PLC0415 brings matplotlib
    except ModuleNotFoundError as error:
        raise MissingExtraError("explain", "train") from error
    asked = open_package(package)
    classes = asked.manifest.class_infos()
    wanted = None if class_name is None else class_id(class_name, classes)
    image = cv2.resize(read_picture(picture), asked.manifest.size_wh, interpolation=cv2.INTER_AREA)
    found = explain(asked, image, wanted)
    target = out or Path(f"{picture.stem}-explained.png")
    try:
        write_sheet(target, f"{asked.manifest.name} {asked.manifest.version}  ·  {picture.name}", found)
    except OSError as error:
        raise TrainingError(f"{target}: cannot be written: {error.strerror}") from error
    say = Console().print
    say(text_tables.by_class(found))
    say(f"evidence gathered at {found.source}", markup=False)
    if found.realness is None:
        say("the package brings no discriminator, so the sheet has no panel of realness")
    say(f"sheet: {target}", markup=False)


def class_id(name: str, classes: Sequence[ClassInfo]) -> int:
    """The id of a class by its name. Raises TrainingError with the nearest name and all that there are."""
    ids = {info.name: info.id for info in classes}
    if name in ids:
        return ids[name]
    close = difflib.get_close_matches(name, ids, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise TrainingError(f"--class: the package has no class {name!r}{hint} (known: {', '.join(ids)})")


def unnamed(dataset: Dataset, data: Path) -> str:
    """That nobody said what the pictures' classes are, in words; empty where somebody did."""
    if dataset.names is not None:
        return ""
    return (
        f"{data} does not say what its classes are, so its ids were taken for the package's own; a "
        f"{NAMES_FILE} there, a name on each line, has them compared by name"
    )


def _open(package: str, wanted: Wanted) -> dict[str, Package]:
    given = [package, *wanted.compare]
    packages = [open_package(name) for name in given]
    check_classes(packages)
    return dict(zip(name_apart(packages, given), packages, strict=True))


def _check(wanted: Wanted, data: Path, dataset: Dataset, recipe: Recipe | None) -> None:
    """Refuse what cannot be done before anything is measured."""
    if wanted.ablation and not dataset.clip:
        raise TrainingError(f"{data}: --ablation needs consecutive frames; if these are, say --clip")
    if wanted.baselines:
        if recipe is None:
            raise TrainingError(f"{data}: --baselines needs a recipe, whose train split they learn from")
        if dataset.map is not None and dataset.map.merges:
            raise TrainingError("--baselines learn the recipe's own classes, and --map makes others of them")
        suites.require_baselines()


def _measure(
    say: suites.Say,
    packages: dict[str, Package],
    load: Load,
    dataset: Dataset,
    recipe: Recipe | None,
    wanted: Wanted,
) -> dict[str, object]:
    """Everything wanted, in turn; one engine is loaded at a time."""
    (name, package), *others = packages.items()
    with load(package) as engine:
        first = suites.measure_package(say, engine, dataset, wanted.motion, name)
        figures: dict[str, object] = dict(as_json(first.measures))
        if not others:
            say(text_tables.by_measure(first.measures))
        if wanted.confusion:
            say(text_tables.by_true_class(first.measures["none"]))
        if recipe is not None and recipe.data.val_sets:
            figures["sets"] = suites.other_sets(say, engine, recipe, parse_pairs(wanted.class_map))
        if wanted.stress:
            figures["stress"] = suites.under_stress(say, engine, dataset, wanted.motion, first.measures)
            figures["after_cut"] = suites.after_cut(say, engine, dataset, recipe)
        if wanted.ablation:
            figures["ablation"] = suites.ablation(say, engine, dataset)
    if others:
        measured = {name: first, **_measure_others(say, others, load, dataset, wanted)}
        figures["compare"] = suites.comparison(say, measured)
    if wanted.baselines and recipe is not None:
        figures["baselines"] = suites.baselines(say, recipe, replace(dataset, map=None), first.measures)
    return figures


def _measure_others(
    say: suites.Say, packages: list[tuple[str, Package]], load: Load, dataset: Dataset, wanted: Wanted
) -> dict[str, Measured]:
    measured = {}
    for name, package in packages:
        with load(package) as engine:
            measured[name] = suites.measure_package(say, engine, dataset, wanted.motion, name)
    return measured
