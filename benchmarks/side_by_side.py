"""Frames as several packages see them: `python -m benchmarks.side_by_side CLIP@FRAME… --models A B`.

A row a clip, a column a package: the picture with the steadied classes over it, after all frames before it.
Classes of all packages stand in one legend, by name.
"""

from __future__ import annotations

import argparse
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from benchmarks.failures import told_in_lines
from benchmarks.latency import shots
from streamseg.client.draw import BACKGROUND, legend, overlay
from streamseg.errors import StreamsegError
from streamseg.inference.backends.registry import load_engine
from streamseg.inference.packages.package import open_package
from streamseg.temporal.stage import make_stage
from streamseg.training.evaluation.evaluate import default_modes
from streamseg.training.evaluation.predictor import TemporalPredictor
from streamseg.types import U8, ClassInfo

WIDTH = 480  # of each picture on the sheet, pixels


def parse_place(text: str) -> tuple[Path, int]:
    """A clip, and the frame of it that is shown, counted from 0; without one the 60th.

    Raises:
        StreamsegError: What follows the @ is no number.
    """
    name, _, frame = text.rpartition("@")
    if not name:
        return Path(text), 60
    if not frame.isdecimal():
        raise StreamsegError(f"{text}: after the @ comes the number of a frame, 0 or more")
    return Path(name), int(frame)


def column(package: str, places: list[tuple[Path, int]]) -> tuple[list[U8], list[ClassInfo]]:
    """One package's pictures, RGB `[H, W, 3]`, and its classes.

    Raises:
        StreamsegError: The package or a clip cannot be read, or a clip ends before its frame.
    """
    with closing(load_engine(open_package(package), "auto", "auto")) as engine:
        mode = list(default_modes(engine, clip=True))[-1]
        classes = list(engine.package.manifest.class_infos())
        found: list[U8] = []
        for clip, wanted in places:
            player, rgb, labels = (
                TemporalPredictor(engine, make_stage(mode, engine), remembers=True),
                None,
                None,
            )
            for shot in shots(clip, engine.package.manifest.size_wh, wanted + 1):
                masks, _ = player(shot)
                if shot.index == wanted:
                    rgb, labels = shot.scene, masks.labels[0]
            if rgb is None or labels is None:
                raise StreamsegError(f"{clip}: ends before frame {wanted}")
            found.append(overlay(rgb, labels, classes, 0.6))
    return found, classes


def row(pictures: tuple[U8, ...]) -> U8:
    """Pictures side by side, each as wide as a column and as high as the first."""
    height = round(pictures[0].shape[0] * WIDTH / pictures[0].shape[1])
    return np.hstack([cv2.resize(one, (WIDTH, height), interpolation=cv2.INTER_AREA) for one in pictures])


def sheet(columns: dict[str, list[U8]], classes: list[ClassInfo]) -> U8:
    """Pictures in rows and columns with the packages' names above and a legend below, RGB."""
    head: U8 = np.full((30, WIDTH * len(columns), 3), BACKGROUND, np.uint8)
    for place, name in enumerate(columns):
        cv2.putText(
            head,
            name,
            (place * WIDTH + 8, 21),
            cv2.FONT_HERSHEY_SIMPLEX,
            0.6,
            (235, 235, 235),
            1,
            cv2.LINE_AA,
        )
    rows = [row(pictures) for pictures in zip(*columns.values(), strict=True)]
    return np.vstack([head, *rows, legend(classes, head.shape[1])])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("clips", nargs="+", help="CLIP, or CLIP@FRAME")
    parser.add_argument("--models", nargs="+", required=True, help="model packages, one a column")
    parser.add_argument("--out", type=Path, default=Path("side-by-side.jpg"))
    asked = parser.parse_args()
    with told_in_lines():
        places, columns = [parse_place(clip) for clip in asked.clips], {}
        named: dict[str, ClassInfo] = {}
        for package in asked.models:
            columns[package], classes = column(package, places)
            named |= {info.name: info for info in classes if info.name not in named}
        legend_of = [replace(info, id=index) for index, info in enumerate(named.values())]
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        if not cv2.imwrite(str(asked.out), sheet(columns, legend_of)[..., ::-1]):
            raise StreamsegError(f"{asked.out}: cannot be written")
    print(asked.out)


if __name__ == "__main__":
    main()
