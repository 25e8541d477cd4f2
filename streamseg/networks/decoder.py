"""The decoders a recipe can name as its `architecture`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from streamseg.networks.deeplab import DeepLab
from streamseg.networks.fcn import FCN
from streamseg.networks.fpn import FPN
from streamseg.networks.unet import UNet


class Decoder(Protocol):
    """Four maps `[N, c, h, w]`, finest first, in; one `[N, width, h0, w0]` at the finest one's size out."""

    title: str  # for people

    def __init__(self, channels: Sequence[int], *, width: int) -> None:
        """Build the decoder for an encoder's `channels`."""

    __call__: Any  # a torch module's


DECODERS: dict[str, type[Decoder]] = {"fpn": FPN, "fcn": FCN, "unet": UNet, "deeplab": DeepLab}
