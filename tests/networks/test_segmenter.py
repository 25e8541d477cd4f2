"""The per-frame network: every encoder under every decoder keeps the contract, and old checkpoints load."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
import torch
from torch import Tensor

from streamseg.networks.decoder import DECODERS
from streamseg.networks.encoder import ENCODERS
from streamseg.networks.segmenter import Segmenter
from streamseg.training.export.export import SegmenterGraph
from tests.networks.contract import TOLERANCE, check_every_weight_learns, check_export

PAIRS = list(product(ENCODERS, DECODERS))
# A decoder sees maps and their channels, not who made them: one encoder is enough to export each with.
EXPORTED = [*product(["vgg"], DECODERS), *product([e for e in ENCODERS if e != "vgg"], ["fpn"])]


def segmenter(encoder: str, architecture: str) -> Segmenter:
    torch.manual_seed(0)
    return Segmenter(3, encoder=encoder, architecture=architecture, width=16, pretrained=False)


@pytest.fixture(scope="module", params=PAIRS, ids="-".join)
def model(request: pytest.FixtureRequest) -> Segmenter:
    return segmenter(*request.param)


def pictures(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


def test_a_clip_of_any_size_gives_what_its_frames_give(model: Segmenter) -> None:
    clip = pictures(1, 2, 3, 33, 50)
    with torch.inference_mode():
        together = model.eval()(clip)
        alone = [model(clip[:, t]) for t in range(2)]
    assert together.shape == (1, 2, 3, 9, 13)
    assert together.dtype is torch.float32
    torch.testing.assert_close(together, torch.stack(alone, 1), rtol=TOLERANCE, atol=TOLERANCE)


def test_every_weight_learns(model: Segmenter) -> None:
    check_every_weight_learns(model, model.train()(pictures(2, 3, 48, 64)).square().sum())


@pytest.mark.parametrize(("encoder", "architecture"), EXPORTED)
def test_exported_equals_eager(encoder: str, architecture: str, tmp_path: Path) -> None:
    graph = SegmenterGraph(segmenter(encoder, architecture)).eval()
    check_export(graph, {"image": pictures(2, 45, 64, 3)}, tmp_path / "segmenter.onnx")


def test_pretrained_encoders_start_alike() -> None:
    starts = [Segmenter(3, width=16, pretrained=True).encoder.state_dict() for _ in range(2)]
    assert all(torch.equal(starts[0][name], starts[1][name]) for name in starts[0])


def test_checkpoints_name_the_weights_as_they_always_did() -> None:
    weights = Segmenter(3, pretrained=False).state_dict()
    assert len(weights) == 376
    shapes = {
        "encoder.stem.0.weight": (32, 3, 3, 3),
        "encoder.blocks.0._depthwise_conv.weight": (32, 1, 3, 3),
        "encoder.blocks.15._project_conv.weight": (320, 1152, 1, 1),
        "decoder.laterals.3.0.weight": (96, 320, 1, 1),
        "decoder.context.bias": (96,),
        "decoder.smooth.0.2.weight": (96, 96, 1, 1),
        "decoder.refine.0.weight": (96, 1, 3, 3),
        "classifier.weight": (3, 96, 1, 1),
    }
    assert {name: tuple(weights[name].shape) for name in shapes} == shapes
