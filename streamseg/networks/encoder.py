"""The encoders a recipe can name, and the input all of them expect."""

from __future__ import annotations

from streamseg.networks.efficientnet_lite import EfficientNetLite
from streamseg.networks.vgg import VGG

# Input normalisation the published Lite weights were trained with: (x / 255 - 0.498) / 0.5.
MEAN = 0.498
SCALE = 0.5

# Each has `channels` and turns normalised pictures into four maps, finest first.
Encoder = EfficientNetLite | VGG

# What a recipe calls them, and what people do.
ENCODERS = {
    "lite0": "EfficientNet-Lite0",
    "lite1": "EfficientNet-Lite1",
    "lite2": "EfficientNet-Lite2",
    "vgg": "VGG",
}


def new_encoder(name: str, *, pretrained: bool) -> Encoder:
    """Build an encoder of `ENCODERS`.

    Args:
        name: Its key.
        pretrained: Start from ImageNet weights; without effect on vgg, which has none.

    Raises:
        MissingWeightsError: The weights are asked for and not installed.
    """
    if name == "vgg":
        return VGG()
    return EfficientNetLite(name, pretrained=pretrained)
