"""Label map and confidence from logits, for packages that bring no graph for it (OpenCV and NumPy)."""

from __future__ import annotations

import cv2
import numpy as np

from streamseg.inference.engine import Masks
from streamseg.types import F32, U8


def read_out(logits: F32, size_wh: tuple[int, int]) -> Masks:
    """Enlarges logits bilinearly and takes the strongest class of each pixel.

    Args:
        logits: `[N, C, h, w]` float32.
        size_wh: Size of the label map, pixels.

    Returns:
        Labels `[N, H, W]`; confidence likewise: the largest softmax probability at the logits' own size,
        enlarged, 255 = certain.
    """
    labels = np.stack([_argmax(planes, size_wh) for planes in logits])
    confidence = np.stack([_confidence(planes, size_wh) for planes in logits])
    return Masks(labels, confidence)


def softmax(logits: F32) -> F32:
    """Probabilities `[N, C, h, w]` float32 of logits of that shape."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: F32 = shifted / shifted.sum(axis=1, keepdims=True)
    return probabilities


def _argmax(planes: F32, size_wh: tuple[int, int]) -> U8:
    # a running maximum over planes: NumPy's argmax over 11 full-size planes takes several times as long
    best = _enlarge(planes[0], size_wh)
    labels = np.zeros(best.shape, np.uint8)
    for label, plane in enumerate(planes[1:], start=1):
        candidate = _enlarge(plane, size_wh)
        labels[candidate > best] = label
        best = np.maximum(best, candidate)
    return labels


def _confidence(planes: F32, size_wh: tuple[int, int]) -> U8:
    # max softmax = 1 / sum(exp(x - max))
    certain = 1.0 / np.exp(planes - planes.max(axis=0)).sum(axis=0)
    confidence: U8 = np.rint(_enlarge(certain, size_wh) * np.float32(255)).astype(np.uint8)
    return confidence


def _enlarge(plane: F32, size_wh: tuple[int, int]) -> F32:
    enlarged: F32 = cv2.resize(plane, size_wh, interpolation=cv2.INTER_LINEAR)
    return enlarged
