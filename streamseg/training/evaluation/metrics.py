"""Measures of label maps (NumPy and OpenCV only); 255 and pixels without a label are ignored everywhere."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from streamseg.types import BOOL, F32, U8

I64 = NDArray[np.int64]


class Confusion:
    """Counts of (truth, prediction) pairs, `[C, C]`; rows are the truth."""

    def __init__(self, classes: int) -> None:
        self.counts: I64 = np.zeros((classes, classes), np.int64)

    def add(self, truth: U8, prediction: U8, where: BOOL | None = None) -> None:
        """Count the pixels of one pair of label maps `[H, W]`, only `where` if given."""
        classes = len(self.counts)
        valid = (truth < classes) & (prediction < classes)
        if where is not None:
            valid &= where
        pairs = truth[valid].astype(np.int64) * classes + prediction[valid]
        self.counts += np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)

    @property
    def iou(self) -> NDArray[np.float64]:
        """Intersection over union of each class, `[C]`; nan for a class in neither map."""
        hit = np.diag(self.counts).astype(np.float64)
        union = self.counts.sum(0) + self.counts.sum(1) - np.diag(self.counts)
        iou: NDArray[np.float64] = np.divide(hit, union, out=np.full(len(hit), np.nan), where=union > 0)
        return iou

    @property
    def mean_iou(self) -> float:
        """Mean of `iou` over the classes present in either map; nan when nothing was counted."""
        iou = self.iou
        return float(np.nanmean(iou)) if np.isfinite(iou).any() else float("nan")

    @property
    def accuracy(self) -> float:
        """Share of pixels predicted right."""
        return float(np.trace(self.counts) / max(self.counts.sum(), 1))


def boundaries(labels: U8) -> BOOL:
    """Pixels with a neighbour (left, right, above or below) of another class, `[H, W]`."""
    edge: BOOL = np.zeros(labels.shape, np.bool_)
    across, down = labels[:, 1:] != labels[:, :-1], labels[1:] != labels[:-1]
    edge[:, :-1] |= across
    edge[:, 1:] |= across
    edge[:-1] |= down
    edge[1:] |= down
    return edge


@dataclass
class BoundaryF1:
    """F1 of boundary pixels within `radius_px` of each other (Csurka et al. 2013), over a whole set."""

    radius_px: int = 3
    _hits: I64 = field(default_factory=lambda: np.zeros(4, np.int64))

    def add(self, truth: U8, prediction: U8) -> None:
        """Count one pair of label maps `[H, W]`; boundaries touching ignored pixels do not count."""
        known = dilate(truth == 255, self.radius_px) == 0
        true_edge, edge = boundaries(truth) & known, boundaries(prediction) & known
        near_true, near = dilate(true_edge, self.radius_px), dilate(edge, self.radius_px)
        self._hits += (
            np.count_nonzero(edge & near_true), np.count_nonzero(edge),
            np.count_nonzero(true_edge & near), np.count_nonzero(true_edge),
        )  # fmt: skip

    @property
    def value(self) -> float:
        """Harmonic mean of precision and recall; 0 when there are no boundaries."""
        precision, recall = self._hits[0] / max(self._hits[1], 1), self._hits[2] / max(self._hits[3], 1)
        return float(2 * precision * recall / max(precision + recall, 1e-12))


def dilate(mask: BOOL, radius_px: int) -> BOOL:
    """Grow a mask by `radius_px` in every direction (square element)."""
    kernel = np.ones((2 * radius_px + 1,) * 2, np.uint8)
    grown: BOOL = cv2.dilate(mask.astype(np.uint8), kernel).astype(np.bool_)
    return grown


@dataclass(frozen=True, slots=True)
class Motion:
    """Dense backward flow between two pictures, and where it can be believed.

    Attributes:
        flow: `[H, W, 2]`, pixels: where each pixel of the second picture was in the first.
        consistent: Forward and backward flow agree within 1 px, and the source lies inside the picture.
    """

    flow: F32
    consistent: BOOL


def measure_motion(before: U8, after: U8) -> Motion:
    """Flow from `after` back to `before`, RGB pictures `[H, W, 3]` (Kroeger et al. 2016, DIS medium)."""
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    grey = [cv2.cvtColor(p, cv2.COLOR_RGB2GRAY) for p in (before, after)]
    backward: F32 = dis.calc(grey[1], grey[0], None)
    forward: F32 = dis.calc(grey[0], grey[1], None)
    x, y = _sources(backward)
    returned = cv2.remap(forward, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    error = np.linalg.norm(backward + returned, axis=2)
    inside = (x >= 0) & (y >= 0) & (x <= backward.shape[1] - 1) & (y <= backward.shape[0] - 1)
    return Motion(backward, (error <= 1.0) & inside)


def warp_labels(labels: U8, flow: F32) -> U8:
    """Carry a label map `[H, W]` along backward flow, nearest neighbour; 255 where it comes from outside."""
    x, y = _sources(flow)
    warped: U8 = cv2.remap(labels, x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=255)
    return warped


def calm_pixels(motion: Motion, warped: U8, truth: U8) -> BOOL:
    """Where a label has no reason to change: the flow is believed, no true boundary is within 3 px; `[H, W]`.

    Args:
        motion: Between two pictures.
        warped: Labels of the first, carried along it, `[H, W]`; 255 where they came from outside.
        truth: Of the second, `[H, W]`.
    """
    calm: BOOL = motion.consistent & ~dilate(boundaries(truth), 3) & (warped != 255) & (truth != 255)
    return calm


def _sources(flow: F32) -> tuple[F32, F32]:
    y, x = np.mgrid[: flow.shape[0], : flow.shape[1]].astype(np.float32)
    return x + flow[..., 0], y + flow[..., 1]


class TemporalConsistency:
    """Temporal IoU, flicker and changed-pixel accuracy of consecutive predictions of one clip."""

    def __init__(self, classes: int) -> None:
        self.classes = classes
        self._iou: list[float] = []
        self._flicker, self._still = 0, 0
        self._changed_right, self._changed = 0, 0

    def add(self, motion: Motion, before: tuple[U8, U8], now: tuple[U8, U8]) -> None:
        """Take in two consecutive frames.

        Args:
            motion: Between the two pictures.
            before: (truth, prediction) of the earlier frame, `[H, W]` each; truth all 255 where there is
                none.
            now: The same of the later frame.
        """
        warped = warp_labels(before[1], motion.flow)
        pair = Confusion(self.classes)
        pair.add(warped, now[1], motion.consistent)
        if pair.counts.any():
            self._iou.append(pair.mean_iou)
        calm = calm_pixels(motion, warped, now[0])
        self._still += int(np.count_nonzero(calm))
        self._flicker += int(np.count_nonzero(calm & (warped != now[1])))
        warped_truth = warp_labels(before[0], motion.flow)
        changed = (warped_truth != now[0]) & (warped_truth != 255) & (now[0] != 255)
        self._changed += int(np.count_nonzero(changed))
        self._changed_right += int(np.count_nonzero(changed & (now[1] == now[0])))

    @property
    def temporal_iou(self) -> float:
        """MIoU between the warped previous and the current prediction, mean over the clip."""
        return float(np.mean(self._iou)) if self._iou else float("nan")

    @property
    def flicker(self) -> float:
        """Share of steady pixels whose label changed."""
        return self._flicker / max(self._still, 1)

    @property
    def changed_accuracy(self) -> float:
        """Share right of the pixels whose true label changed."""
        return self._changed_right / max(self._changed, 1)


class Calibration:
    """Expected calibration error of a confidence (Naeini et al. 2015)."""

    def __init__(self, bins: int = 15) -> None:
        self._sums = np.zeros((3, bins))

    def add(self, truth: U8, prediction: U8, confidence: U8) -> None:
        """Count one frame: label maps and confidence (255 = certain), `[H, W]` each."""
        known = truth != 255
        p = confidence[known].astype(np.float64) / 255
        bins = self._sums.shape[1]
        place = np.minimum((p * bins).astype(np.int64), bins - 1)
        right = (truth[known] == prediction[known]).astype(np.float64)
        for row, weights in enumerate((np.ones_like(p), p, right)):
            self._sums[row] += np.bincount(place, weights, bins)

    @property
    def error(self) -> float:
        """Mean gap between confidence and accuracy, weighted by pixels; 0 is perfect, nan without any."""
        count, confidence, right = self._sums
        return float(np.abs(confidence - right).sum() / count.sum()) if count.any() else float("nan")
