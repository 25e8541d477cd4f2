"""`streamseg train`, `streamseg evaluate`, `streamseg label` and `streamseg explain`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, get_args

import typer

from streamseg.cli.completions import backend_option, precision_option


def train(
    recipe: Annotated[Path, typer.Argument(help="recipe (YAML), see docs/training.md")],
    stage: Annotated[
        str | None, typer.Argument(help="with --fresh: the first stage to train again, e.g. stabilise")
    ] = None,
    *,
    runs: Annotated[Path, typer.Option(help="folder of all runs")] = Path("runs"),
    fresh: Annotated[
        bool,
        typer.Option("--fresh", help="discard the checkpoints of all stages, or of STAGE and those after it"),
    ] = False,
) -> None:
    """Train RECIPE, evaluate it and export a model package; resumes from the last checkpoint."""
    from streamseg.training import commands  # noqa: PLC0415
    from streamseg.training.config.stage_config import StageName  # noqa: PLC0415

    stages: tuple[StageName, ...] = get_args(StageName)
    if fresh and stage is not None and str(recipe) in stages:  # train --fresh STAGE RECIPE
        recipe, stage = Path(stage), str(recipe)
    if stage is not None and not fresh:
        raise typer.BadParameter(f"{stage}: only with --fresh", param_hint="STAGE")
    first = next((name for name in stages if name == stage), None)
    if stage is not None and first is None:
        raise typer.BadParameter(f"{stage} must be one of {', '.join(stages)}", param_hint="--fresh")
    commands.train(recipe, runs, fresh=fresh, fresh_from=first)


def evaluate(
    package: Annotated[str, typer.Argument(help="model package: name or folder")],
    data: Annotated[Path, typer.Argument(help="recipe, or a folder with images/ and labels/")],
    *,
    backend: Annotated[
        str, typer.Option(help="inference backend, as engine.backend: openvino, onnxruntime, tensorrt, …")
    ] = "auto",
    precision: Annotated[
        str, typer.Option(help="precision of the segmenter: auto, f32, bf16, f16 or int8")
    ] = "auto",
    clip: Annotated[
        bool | None, typer.Option("--clip/--stills", help="the pictures are consecutive frames")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="also write the results to this file")] = None,
    class_map: Annotated[
        list[str] | None,
        typer.Option("--map", help="PACKAGE=DATA: classes with different names that correspond (repeatable)"),
    ] = None,
    compare: Annotated[
        list[str] | None, typer.Option(help="compare with another package (repeatable)")
    ] = None,
    stress: Annotated[
        bool,
        typer.Option(
            "--stress", help="also with noise, darkness, H.264 at 100 kbit/s, lost frames and scene cuts"
        ),
    ] = False,
    ablation: Annotated[
        bool, typer.Option("--ablation", help="also each temporal mode with and without motion")
    ] = False,
    confusion: Annotated[
        bool, typer.Option("--confusion", help="also print the confusion of each class")
    ] = False,
    baselines: Annotated[
        bool, typer.Option("--baselines", help="also k-means, a linear SVM and a random forest")
    ] = False,
    motion: Annotated[
        bool, typer.Option("--motion/--no-motion", help="warp the memory along the optical flow")
    ] = True,
) -> None:
    """Evaluate PACKAGE on the labelled pictures of DATA."""
    from streamseg.temporal.optical_flow import MotionMode  # noqa: PLC0415
    from streamseg.training import commands  # noqa: PLC0415

    chosen, computed_in = backend_option(backend), precision_option(precision)
    _check_target(json, "--json")
    wanted = commands.Wanted(
        tuple(compare or ()),
        class_map=tuple(class_map or ()),
        stress=stress,
        ablation=ablation,
        baselines=baselines,
        confusion=confusion,
        motion=MotionMode.FLOW if motion else MotionMode.NONE,
    )
    commands.evaluate_package(
        package, data, backend=chosen, precision=computed_in, clip=clip, json_path=json, wanted=wanted
    )


def label(
    paths: Annotated[list[Path], typer.Argument(help="pictures, videos, and folders of them")],
    *,
    packages: Annotated[
        list[str],
        typer.Option("--with", help="model package that predicts labels: name or folder (repeatable)"),
    ],
    out: Annotated[Path, typer.Option(help="output folder: images/, labels/, classes.txt")],
    recipe: Annotated[Path | None, typer.Option(help="recipe that defines the classes")] = None,
    classes: Annotated[Path | None, typer.Option(help="or a text file with one class name per line")] = None,
    rules: Annotated[
        Path | None,
        typer.Option(help="rules (YAML): class maps and voting; default: all packages must agree"),
    ] = None,
    class_map: Annotated[
        list[str] | None,
        typer.Option(
            "--map", help="PACKAGE:CLASS=TARGET, ignore as TARGET, '*' as CLASS for all others (repeatable)"
        ),
    ] = None,
    every: Annotated[int, typer.Option(min=1, help="label every n-th frame of a video")] = 12,
    backend: Annotated[
        str, typer.Option(help="inference backend, as engine.backend: openvino, onnxruntime, tensorrt, …")
    ] = "auto",
    precision: Annotated[
        str, typer.Option(help="precision of the segmenter: auto, f32, bf16, f16 or int8")
    ] = "auto",
    fresh: Annotated[
        bool, typer.Option("--fresh", help="first delete the results of an earlier run in the folder")
    ] = False,
) -> None:
    """Pseudo-label the pictures of PATHS where packages agree, as a training set; resumes an earlier run."""
    from streamseg.training.labelling import command  # noqa: PLC0415
    from streamseg.training.labelling.job import LabelOptions  # noqa: PLC0415

    chosen, computed_in = backend_option(backend), precision_option(precision)
    if (recipe is None) == (classes is None):
        raise typer.BadParameter("give either --recipe or --classes", param_hint="--classes")
    given = (tuple(paths), tuple(packages), out, recipe, classes, rules, tuple(class_map or ()))
    command.label(LabelOptions(*given, every, chosen, computed_in, fresh))


def explain(
    package: Annotated[str, typer.Argument(help="model package: name or folder")],
    picture: Annotated[Path, typer.Argument(help="picture of any size")],
    *,
    class_name: Annotated[
        str | None,
        typer.Option("--class", help="class activation of this class only, instead of the 6 largest"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="output PNG (default: named after PICTURE, in the working folder)")
    ] = None,
) -> None:
    """Explain the mask of PACKAGE for PICTURE: uncertainty and class activation maps, as a PNG."""
    from streamseg.training import commands  # noqa: PLC0415

    _check_target(out, "--out")
    commands.explain_picture(package, picture, class_name, out)


def _check_target(path: Path | None, option: str) -> None:
    """Raises BadParameter, naming the option, where no file can be written at the path."""
    if path is not None and (path.is_dir() or not path.parent.is_dir()):
        raise typer.BadParameter(f"{path}: must be a file in an existing folder", param_hint=option)
