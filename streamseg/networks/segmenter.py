"""The per-frame network: RGB picture in, class logits at stride 4 out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from streamseg.networks.decoder import DECODERS
from streamseg.networks.encoder import MEAN, SCALE, new_encoder


class Segmenter(nn.Module):
    """Encoder, decoder and a linear classifier.

    The same module takes single pictures and clips: `[N, 3, H, W]` or `[N, T, 3, H, W]`.
    """

    def __init__(
        self,
        classes: int,
        *,
        architecture: str = "fpn",
        encoder: str = "lite0",
        width: int = 96,
        pretrained: bool = True,
        dropout: float = 0.1,
    ) -> None:
        """Build the network.

        Args:
            classes: Number of classes.
            architecture: The decoder, a key of `DECODERS`.
            encoder: A key of `ENCODERS`.
            width: Channels of the decoder.
            pretrained: Start from the encoder's ImageNet weights.
            dropout: Share of decoder channels zeroed in training before the classifier.

        Raises:
            MissingWeightsError: `pretrained`, and the encoder's ImageNet weights are not installed.
        """
        super().__init__()
        self.classes = classes
        self.encoder = new_encoder(encoder, pretrained=pretrained)
        self.decoder = DECODERS[architecture](self.encoder.channels, width=width)
        self.dropout = nn.Dropout2d(dropout)
        self.classifier = nn.Conv2d(width, classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Segment pictures.

        Args:
            image: RGB, 0…255, uint8 or float, `[N, 3, H, W]` or `[N, T, 3, H, W]`.

        Returns:
            Logits `[N, C, h, w]` or `[N, T, C, h, w]`, h = ceil(H / 4).
        """
        if image.dim() == 5:
            logits = self.forward(image.flatten(0, 1))
            return logits.view(*image.shape[:2], *logits.shape[1:])
        x = image.float() * (1 / (255 * SCALE)) - MEAN / SCALE
        # The conversion above would otherwise return to the contiguous layout, in which training is several
        # times slower.
        x = x.to(memory_format=torch.channels_last)
        result: Tensor = self.classifier(self.dropout(self.decoder(self.encoder(x))))
        return result
