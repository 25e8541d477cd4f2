"""`streamseg model convert`: a model package from a network of another project."""

from __future__ import annotations

import os
import re
import shlex
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streamseg.cli.completions import one_of
from streamseg.errors import MissingExtraError
from streamseg.types import NAME

if TYPE_CHECKING:
    from streamseg.convert.convert import Wrapped
    from streamseg.convert.options import ConvertOptions
    from streamseg.inference.engine import InferenceEngine
    from streamseg.inference.packages.package import Package

_RUNS = 5  # the fastest is printed
_SOURCE = "lavfi:testsrc=duration=10"  # a picture to try it with, which every machine has


def convert(
    file: Annotated[Path, typer.Argument(help="the network: .onnx or .tflite")],
    *,
    classes: Annotated[
        str, typer.Option(help="class names in order: a,b,c, or a file (one per line, or YAML with colours)")
    ],
    mean: Annotated[str, typer.Option(help="mean of each channel, in the network's channel order")] = "0",
    std: Annotated[str, typer.Option(help="standard deviation of each channel")] = "1",
    scale: Annotated[
        float, typer.Option(help="divisor of the 8-bit values, before mean and std; 1: none")
    ] = 255.0,
    bgr: Annotated[bool, typer.Option("--bgr", help="the network takes BGR instead of RGB")] = False,
    layout: Annotated[str, typer.Option(help="layout of the input: nchw, nhwc or auto")] = "auto",
    output: Annotated[
        str, typer.Option(help="kind of output: logits, labels, sigmoid, logit, two-class or auto")
    ] = "auto",
    size: Annotated[str, typer.Option(help="input and mask size, as 640x480 (default: the network's)")] = "",
    tensor: Annotated[str, typer.Option(help="name of the output tensor, if there are several")] = "",
    name: Annotated[str, typer.Option(help="name of the package (default: the file's)")] = "",
    version: Annotated[str, typer.Option(help="version of the weights")] = "1",
    license_: Annotated[str, typer.Option("--license", help="licence of the weights")] = "not stated",
    data: Annotated[str, typer.Option(help="training data of the weights")] = "not stated",
    out: Annotated[Path | None, typer.Option(help="folder of the package (default: engines/NAME)")] = None,
) -> None:
    """Convert an ONNX or TFLite segmentation network to a model package, and run it once.

    \b
    A person segmenter, and a network with ImageNet normalisation:
    streamseg model convert selfie.tflite --classes background,person
    streamseg model convert deeplab.onnx --classes names.txt \\
      --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225
    """  # noqa: D301 click keeps the lines below the character \b, which a raw text has not
    try:
        from streamseg.convert.convert import Label, wrap, write_package  # noqa: PLC0415
        from streamseg.convert.options import ConvertOptions, Layout, Output  # noqa: PLC0415
        from streamseg.inference.packages.class_list import read_classes  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise MissingExtraError("converting a network", "convert") from error
    known = read_classes(classes)
    asked = ConvertOptions(
        classes=known.names,
        colors=known.colors,
        mean=_three(mean, "--mean"),
        std=_three(std, "--std"),
        scale=scale,
        bgr=bgr,
        layout=None if one_of(["auto", *Layout], layout, "--layout") == "auto" else Layout(layout),
        output=None if one_of(["auto", *Output], output, "--output") == "auto" else Output(output),
        size_wh=_size(size) if size else None,
        tensor=tensor,
    )
    label = Label(_name(name or _fit(file.stem)), version, license_, data)
    wrapped = wrap(file, asked)
    package = write_package(wrapped, asked, label, out or Path("engines") / label.name)
    _report(file, asked, wrapped, package)


def _report(file: Path, asked: ConvertOptions, wrapped: Wrapped, package: Package) -> None:
    from streamseg.inference.backends.registry import load_engine  # noqa: PLC0415

    network, reading = wrapped.network, wrapped.reading
    batch = "batch size 1" if wrapped.one_at_a_time else "any batch size"
    typer.echo(f"network  {file.name}: {_by(network.size_wh)}, {network.layout}, {batch}")
    typer.echo(f"output   {reading.meaning}, {reading.plane[1]}x{reading.plane[0]}")
    typer.echo(f"classes  {', '.join(f'{index} {name}' for index, name in enumerate(asked.classes))}")
    typer.echo(f"package  {package.path}: {_by(wrapped.size_wh)}")
    if record := package.manifest.int8:
        taken = "precision auto uses it if it is faster" if record.within else "precision auto skips it"
        typer.echo(f"int8     {record.segmenter.file}: the original int8 network; {taken}")
    with closing(load_engine(package)) as engine:
        engine.warm_up()
        typer.echo(
            f"runs     {engine.info.backend} {engine.info.precision}: {_timed_ms(engine):.1f} ms per mask"
        )
    typer.echo(f"try it   streamseg run --model {_named(package.path)} --temporal ema --source {_SOURCE}")


def _named(folder: Path) -> str:
    """A package as `--model` takes it: by name where a name finds it, else by a path, which has a slash."""
    from streamseg.inference.packages.package import find_packages  # noqa: PLC0415

    if any(found.path.resolve() == folder.resolve() for found in find_packages()):
        return shlex.quote(folder.name)
    path = str(folder)
    return shlex.quote(path if os.sep in path else f"{os.curdir}{os.sep}{path}")


def _timed_ms(engine: InferenceEngine) -> float:
    """Minimum of some runs on a black picture, label map included."""
    import numpy as np  # noqa: PLC0415

    width, height = engine.package.manifest.size_wh
    picture = np.zeros((1, height, width, 3), np.uint8)
    times_s = []
    for _ in range(_RUNS):
        began_s = time.perf_counter()
        engine.start(picture).readout()
        times_s.append(time.perf_counter() - began_s)
    return min(times_s) * 1e3


def _by(size_wh: tuple[int, int]) -> str:
    return f"{size_wh[0]}x{size_wh[1]}"


def _three(given: str, option: str) -> tuple[float, float, float]:
    try:
        values = [float(part) for part in given.split(",")]
    except ValueError:
        values = []
    if len(values) not in (1, 3):
        raise typer.BadParameter(
            f"{given!r} is not one number or three, like 0.485,0.456,0.406", param_hint=option
        )
    red, green, blue = values * 3 if len(values) == 1 else values
    return red, green, blue


def _size(given: str) -> tuple[int, int]:
    if not (found := re.fullmatch(r"(\d+)x(\d+)", given)):
        raise typer.BadParameter(f"{given!r} is not like 640x480", param_hint="--size")
    width, height = int(found[1]), int(found[2])
    if not (16 <= width <= 8192 and 16 <= height <= 8192):
        raise typer.BadParameter(f"{given!r}: 16 to 8192 each", param_hint="--size")
    return width, height


def _fit(stem: str) -> str:
    """A file's name as a package's."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", stem)[:64]


def _name(given: str) -> str:
    if not NAME.fullmatch(given):
        raise typer.BadParameter(f"{given!r} is not 1 to 64 of A-Z a-z 0-9 _ . -", param_hint="--name")
    return given
