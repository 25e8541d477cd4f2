"""Two cheap measures of a stream's masks, for its drift over hours: flicker and confidence.

Both look at every eighth pixel of every eighth row. Flicker is the share of those whose label changed from
the mask before to this; what truly moves counts too, so its level belongs to the scene, and its change tells.
"""

from __future__ import annotations

import numpy as np

from streamseg.types import U8, Segmentation

STEP_PX = 8
CERTAIN = 255


class FlickerMeter:
    """Looks at the masks of one stream, in order."""

    def __init__(self) -> None:
        self._before: U8 | None = None

    def flicker(self, segmentation: Segmentation) -> float | None:
        """The share of pixels that changed their label, 0…1; None where there is no mask to compare with.

        A mask whose past was let go (a cut, a reconnect) shows another scene, which is no flicker.
        """
        labels = segmentation.labels[::STEP_PX, ::STEP_PX].copy()
        before, self._before = self._before, labels
        if before is None or segmentation.reset or before.shape != labels.shape:
            return None
        return float(np.count_nonzero(labels != before)) / labels.size


def confidence(segmentation: Segmentation) -> float | None:
    """The mean confidence, 0…1; None where the model gives none."""
    if segmentation.confidence is None:
        return None
    seen = segmentation.confidence[::STEP_PX, ::STEP_PX]
    return float(seen.mean()) / CERTAIN
