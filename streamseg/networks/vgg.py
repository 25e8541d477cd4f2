"""VGG encoder: plain 3×3 convolutions and max pooling, learnt from nothing.

Simonyan & Zisserman 2015, configuration A (VGG-11) with batch normalisation (Ioffe & Szegedy 2015) at a
quarter of the paper's channels: the yardstick that shows what pretraining and inverted bottlenecks are worth.
"""

from __future__ import annotations

from torch import Tensor, nn

# Channels and number of convolutions of the five stages; each ends at half the size it starts with.
STAGES = ((16, 1), (32, 1), (64, 2), (128, 2), (128, 2))


class VGG(nn.Module):
    """VGG-11 without its classifier; `channels` are those of its maps, finest first."""

    channels = tuple(channels for channels, _ in STAGES[1:])

    def __init__(self) -> None:
        super().__init__()
        inputs = (3, *(channels for channels, _ in STAGES))
        self.stages = nn.ModuleList(_stage(i, *stage) for i, stage in zip(inputs, STAGES, strict=False))

    def forward(self, x: Tensor) -> list[Tensor]:
        """Normalised pictures `[N, 3, H, W]` to maps `[N, c, H/s, W/s]`, s = 4, 8, 16, 32 (rounded up)."""
        levels = []
        for stage in self.stages:
            x = stage(x)
            levels.append(x)
        return levels[1:]  # the first is at stride 2


def _stage(inputs: int, outputs: int, convolutions: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (inputs, *[outputs] * (convolutions - 1)):
        conv = nn.Conv2d(channels, outputs, 3, padding=1, bias=False)
        layers += [conv, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.MaxPool2d(2, ceil_mode=True))
