"""Milliseconds a frame of a package on a backend: `python -m benchmarks.latency --backend tensorrt_rtx`.

One JSON object a batch size: the segmenter with its readout (a picture in, labels and confidence out), and
with the stabiliser behind it (guide and flow in too, the memory kept), medians of `--rounds`. The picture is
noise, which costs an engine what any other does; no video, no flow, no daemon.

    python -m benchmarks.latency ade20k --clip vtest.avi person.mp4 --sheets build/sheets

With clips, an object for each clip and temporal mode the package has: median milliseconds from picture to
labels, and flicker, for which no labels are needed: of the pixels whose optical flow is believed, the share
whose label is not the one that was carried along it. Edges of things count too, so it is higher than the
flicker of a labelled clip. `--sheets` writes a contact sheet of each.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np

from benchmarks.failures import told_in_lines
from benchmarks.machine import describe
from streamseg.client.draw import contact_sheet
from streamseg.errors import StreamsegError
from streamseg.inference.backend import BackendName, Precision
from streamseg.inference.backends.registry import load_engine
from streamseg.inference.engine import InferenceEngine, memory_shape
from streamseg.inference.packages.package import open_package
from streamseg.temporal.stage import make_stage
from streamseg.training.data.dataset import Shot
from streamseg.training.evaluation.evaluate import default_modes
from streamseg.training.evaluation.metrics import Motion, measure_motion, warp_labels
from streamseg.training.evaluation.predictor import TemporalPredictor
from streamseg.types import U8, ClassInfo

WARM_UP = 20
MOMENTS = 8  # of a clip of `--frames` pictures, on its contact sheet


def measure(engine: InferenceEngine, batch: int, rounds: int) -> dict[str, float]:
    """Milliseconds a frame: single pictures, and with the stabiliser where the package has one."""
    random = np.random.default_rng(0)
    width, height = engine.package.manifest.size_wh
    images = random.integers(0, 256, (batch, height, width, 3)).astype(np.uint8)
    found = {"readout_ms": median_ms(lambda: engine.start(images).readout(), rounds) / batch}
    if engine.package.manifest.memory is None:
        return found
    plane = memory_shape(engine.package, batch)[2:]
    guide, flow = (random.random((batch, count, *plane), dtype=np.float32) for count in (1, 2))
    memory = engine.fresh_memory(batch)

    def step() -> None:
        nonlocal memory
        _, memory = engine.start(images).stabilise(guide, flow, memory)

    return {**found, "stabilise_ms": median_ms(step, rounds) / batch}


def median_ms(once: Callable[[], object], rounds: int) -> float:
    """Median of `rounds` calls, after some that do not count."""
    times = []
    for index in range(WARM_UP + rounds):
        began_s = time.perf_counter()
        once()
        if index >= WARM_UP:
            times.append((time.perf_counter() - began_s) * 1e3)
    return float(np.median(times))


def shots(clip: Path, size_wh: tuple[int, int], count: int) -> Iterator[Shot]:
    """The first pictures of a clip at a network's size, RGB, without labels.

    Raises:
        StreamsegError: It cannot be read, or has no picture.
    """
    none = np.full(size_wh[::-1], 255, np.uint8)
    index = -1
    try:
        with av.open(str(clip)) as container:
            for index, frame in enumerate(container.decode(video=0)):
                if index == count:
                    return
                rgb = frame.to_ndarray(format="rgb24", width=size_wh[0], height=size_wh[1])
                yield Shot(index, frame.time or 0.0, rgb, rgb, none)
    except (OSError, av.FFmpegError, IndexError) as error:
        raise StreamsegError(f"{clip}: cannot be read: {error}") from error
    if index < 0:
        raise StreamsegError(f"{clip}: has no picture")


class Flicker:
    """The share of pixels whose label is not the one carried along the flow, over a clip."""

    def __init__(self) -> None:
        self._before: U8 | None = None
        self._changed = self._counted = 0

    def add(self, motion: Motion | None, labels: U8) -> None:
        """Takes in the next picture's labels `[H, W]`, and the motion to it; None: it has no past."""
        if motion is not None and self._before is not None:
            warped = warp_labels(self._before, motion.flow)
            calm = motion.consistent & (warped != 255)
            self._changed += int(np.count_nonzero(calm & (warped != labels)))
            self._counted += int(np.count_nonzero(calm))
        self._before = labels

    @property
    def share(self) -> float:
        """0…1; nan before there were two pictures."""
        return self._changed / self._counted if self._counted else float("nan")


@dataclass
class Played:
    """A temporal mode on a clip: how it is played, and what came of it."""

    player: TemporalPredictor
    flicker: Flicker = field(default_factory=Flicker)
    times_ms: list[float] = field(default_factory=list)
    moments: list[tuple[U8, U8]] = field(default_factory=list)

    def add(self, shot: Shot, motion: Motion | None, *, keep: bool) -> None:
        """Shows it a picture, which with `keep` goes to the contact sheet."""
        masks, took_ms = self.player(shot)
        self.times_ms.append(took_ms)
        self.flicker.add(motion, masks.labels[0])
        if keep:
            self.moments.append((shot.scene, masks.labels[0]))


def on_clip(
    engine: InferenceEngine, clip: Path, count: int, sheets: Path | None
) -> Iterator[dict[str, object]]:
    """What is told of each temporal mode on a clip."""
    modes = {
        mode.value: Played(TemporalPredictor(engine, make_stage(mode, engine), remembers=True))
        for mode in default_modes(engine, clip=True)
    }
    before: Shot | None = None
    for shot in shots(clip, engine.package.manifest.size_wh, count):
        motion = None if before is None else measure_motion(before.scene, shot.scene)
        for played in modes.values():
            played.add(shot, motion, keep=shot.index % max(1, count // MOMENTS) == 0)
        before = shot
    for mode, played in modes.items():
        figures = {"ms": float(np.median(played.times_ms)), "flicker": played.flicker.share}
        told = {"clip": clip.name, "temporal": mode, "frames": len(played.times_ms)}
        yield {**told, **{name: round(value, 5) for name, value in figures.items()}}
        if sheets is not None:
            path = sheets / f"{engine.package.manifest.name}-{clip.stem}-{mode}.png"
            _write_sheet(path, played.moments, engine.package.manifest.class_infos())


def _write_sheet(path: Path, moments: list[tuple[U8, U8]], classes: Sequence[ClassInfo]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), contact_sheet(moments, classes)[..., ::-1]):
        raise StreamsegError(f"{path}: cannot be written")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("package", nargs="?", default="street-lite0")
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--batches", type=int, nargs="+", default=[1])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--cuda-graphs", action="store_true")
    parser.add_argument("--clip", type=Path, nargs="+", default=[], help="measured on these instead of noise")
    parser.add_argument("--frames", type=int, default=300, help="of each clip")
    parser.add_argument("--sheets", type=Path, help="folder for a contact sheet of each clip")
    asked = parser.parse_args()
    print(json.dumps(describe()))
    backend, precision = cast("BackendName", asked.backend), cast("Precision", asked.precision)
    options = {"max_batch": max(asked.batches), "cuda_graphs": asked.cuda_graphs}
    with (
        told_in_lines(),
        closing(load_engine(open_package(asked.package), backend, precision, **options)) as engine,
    ):
        told = {key: getattr(engine.info, key) for key in ("backend", "version", "precision", "device")}
        for clip in asked.clip:
            for found in on_clip(engine, clip, asked.frames, asked.sheets):
                print(json.dumps({**told, **found}))
        if asked.clip:
            return
        for batch in asked.batches:
            times = {name: round(ms, 3) for name, ms in measure(engine, batch, asked.rounds).items()}
            print(json.dumps({**told, "cuda_graphs": asked.cuda_graphs, "batch": batch, **times}))


if __name__ == "__main__":
    main()
