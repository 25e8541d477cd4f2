"""Whether exported graphs say what the trained networks say: over real pictures, on every backend."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from streamseg.errors import TrainingError
from streamseg.inference.backend import BackendName
from streamseg.inference.backends.registry import load_engine
from streamseg.inference.engine import InferenceEngine
from streamseg.inference.packages.package import Package
from streamseg.networks.readout import Readout
from streamseg.networks.segmenter import Segmenter
from streamseg.networks.stabiliser import Stabiliser
from streamseg.temporal.optical_flow import OpticalFlow, luma_of
from streamseg.training.augment.camera_motion import cells
from streamseg.types import F32, U8

BACKENDS: tuple[BackendName, ...] = ("openvino", "onnxruntime")
LEAST = 0.99  # share of the pixels that must agree; below it the package is another model


@dataclass(frozen=True, slots=True)
class Parity:
    """How much of their label maps backends and networks have in common.

    Attributes:
        frames: Pictures compared, one after the other through the same memory.
        agreed: Share of the pixels with the network's own label, by backend; both in float32.
    """

    frames: int
    agreed: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a picture gives the graphs: `[1, H, W, 3]` uint8, and guide and flow in cells of the memory."""

    image: U8
    guide: F32
    flow: F32


def measure_parity(
    package: Package, segmenter: Segmenter, stabiliser: Stabiliser | None, pictures: Iterable[U8]
) -> Parity:
    """Compare a package with the networks it was exported from.

    Args:
        package: Opened.
        segmenter: In evaluation mode, on the CPU.
        stabiliser: The same; None if the package has none.
        pictures: RGB `[H, W, 3]` uint8, one after the other.

    Raises:
        TrainingError: A backend says something else on more than 1 % of the pixels.
    """
    seen = list(_seen(pictures, package.manifest.size_wh))
    eager = list(_eager(segmenter, stabiliser, seen))
    agreed: dict[str, float] = {}
    for backend in BACKENDS:
        with closing(load_engine(package, backend, "f32")) as engine:
            theirs = _exported(engine, seen, stabilised=stabiliser is not None)
            agreed[backend] = float(np.mean([(a == b).mean() for a, b in zip(eager, theirs, strict=True)]))
    _require(agreed)
    return Parity(len(seen), agreed)


def _seen(pictures: Iterable[U8], size_wh: tuple[int, int]) -> Iterator[_Seen]:
    motion, before = OpticalFlow(cells(size_wh)), None
    for picture in pictures:
        luma = luma_of(picture, size_wh)
        flow = motion.still() if before is None else motion.flow(luma, before)
        image = cv2.resize(picture, size_wh, interpolation=cv2.INTER_AREA)
        yield _Seen(image[None], motion.guide(luma), flow)
        before = luma


@torch.inference_mode()
def _eager(segmenter: Segmenter, stabiliser: Stabiliser | None, seen: Sequence[_Seen]) -> Iterator[U8]:
    memory: Tensor | None = None
    for one in seen:
        logits = segmenter(torch.from_numpy(one.image).permute(0, 3, 1, 2))
        if stabiliser is None:
            yield Readout()(logits)[0].numpy()
            continue
        if memory is None:
            memory = torch.zeros(1, stabiliser.memory_channels, *logits.shape[-2:])
        guide, flow = torch.from_numpy(one.guide), torch.from_numpy(one.flow)
        labels, _, memory = stabiliser(logits, guide, flow, memory)
        yield labels.numpy()


def _exported(engine: InferenceEngine, seen: Sequence[_Seen], *, stabilised: bool) -> Iterator[U8]:
    memory = engine.fresh_memory() if stabilised else None
    for one in seen:
        run = engine.start(one.image)
        if memory is not None:
            masks, memory = run.stabilise(one.guide, one.flow, memory)
        else:
            masks = run.readout()
        yield masks.labels


def _require(agreed: Mapping[str, float]) -> None:
    bad = [f"{backend} on {share:.1%}" for backend, share in agreed.items() if share < LEAST]
    if bad:
        raise TrainingError(
            "the exported graphs are not the networks that were trained: of the pixels, "
            f"{', '.join(bad)} agree with them, and at least {LEAST:.0%} must. The package is left for "
            "inspection; do not ship it"
        )
