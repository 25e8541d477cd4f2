"""The encoder: strides, channels, and the weights it starts from."""

from __future__ import annotations

import torch

from streamseg.models.encoder import EfficientNetLite0


def test_levels_have_strides_four_to_thirty_two() -> None:
    levels = EfficientNetLite0(pretrained=False).eval()(torch.zeros(1, 3, 64, 96))
    assert [tuple(level.shape[1:]) for level in levels] == [
        (24, 16, 24),
        (40, 8, 12),
        (112, 4, 6),
        (320, 2, 3),
    ]


def test_pretrained_features_tell_pictures_apart() -> None:
    encoder = EfficientNetLite0(pretrained=True).eval()
    ramp = torch.linspace(-1, 1, 64).expand(1, 3, 64, 64)
    with torch.inference_mode():
        across, down = encoder(ramp)[-1], encoder(ramp.transpose(2, 3))[-1]
    assert torch.isfinite(across).all()
    assert (across - down).abs().mean() > 0.01
