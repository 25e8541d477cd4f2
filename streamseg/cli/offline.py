"""`streamseg train` and `streamseg evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast

import typer

from streamseg.inference.backend import BackendName, Precision


def train(
    recipe: Annotated[Path, typer.Argument(help="recipe (YAML), see docs/training.md")],
    *,
    runs: Annotated[Path, typer.Option(help="folder of all runs")] = Path("runs"),
    fresh: Annotated[bool, typer.Option("--fresh", help="throw away what an earlier run left")] = False,
) -> None:
    """Train RECIPE to a measured model package; goes on from its last checkpoint."""
    from streamseg.training import cli  # noqa: PLC0415

    cli.train(recipe, runs, fresh=fresh)


def evaluate(
    package: Annotated[str, typer.Argument(help="model package: a name or a folder")],
    data: Annotated[Path, typer.Argument(help="recipe, or a folder with images/ and labels/")],
    *,
    backend: Annotated[str, typer.Option(help="auto, openvino or onnxruntime")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, f32 or bf16")] = "auto",
    clip: Annotated[
        bool | None, typer.Option("--clip/--stills", help="the pictures are consecutive frames")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="write the figures here too")] = None,
) -> None:
    """Measure PACKAGE on the labelled pictures of DATA."""
    from streamseg.training import cli  # noqa: PLC0415

    chosen = cast("BackendName", backend), cast("Precision", precision)
    cli.evaluate_package(package, data, backend=chosen[0], precision=chosen[1], clip=clip, json_path=json)
