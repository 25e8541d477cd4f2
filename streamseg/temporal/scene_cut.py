"""Whether two pictures can be of the same scene: a hard cut, against a pan, a passer-by or a flash.

Each textured block of one picture is looked for nearby in the other by normalised cross-correlation; the
share of blocks not found is the dissimilarity. A pan moves blocks (found nearby), a passer-by hides a few, a
flash or a change of exposure scales them (correlation does not see it); a cut leaves most of them nowhere.

Measured on 31 clips, most of strong motion, and on 1500 cuts between them: a limit of 0.65 finds 99.8 % of
the cuts, and takes 0.1 % of the steps at 24 fps and 1.3 % of those at 12 fps for one (0.3 % in strong noise).
"""

from __future__ import annotations

import cv2
import numpy as np

from streamseg.types import F32, U8

_GATE_WH = (32, 24)
_GATE = 0.1  # 1 - correlation of whole pictures below which no block need be looked for
_SIZE_WH = (72, 54)
_BLOCK = 12  # 24 whole blocks
_REACH = 8  # how far a block may move: a ninth of the picture's width
_TEXTURE = 3.0  # standard deviation, grey levels: below it a block is the same everywhere
_FOUND = 0.7  # correlation from which it is the same block
_FEWEST = 12  # so many blocks must speak before all of them can say "cut"


def dissimilarity(before: U8, now: U8) -> float:
    """Share of the picture that has nothing like it in the other, 0 … 1.

    Args:
        before: Luma of the last frame `[h, w]` uint8.
        now: Luma of this frame, the same size.
    """
    if _alike(before, now):
        return 0.0
    small = [cv2.resize(luma, _SIZE_WH, interpolation=cv2.INTER_AREA) for luma in (before, now)]
    # both ways: into a picture without texture nothing can be looked for
    return max(_lost(small[0], small[1]), _lost(small[1], small[0]))


def _alike(before: U8, now: U8) -> bool:
    """The cheap test that spares nearly every frame the search."""
    a, b = (_centred(luma) for luma in (before, now))
    energy = float(np.sqrt(np.vdot(a, a) * np.vdot(b, b)))
    if energy < a.size:  # less than one grey level of texture: nothing to tell apart
        return True
    return float(np.vdot(a, b)) > (1.0 - _GATE) * energy


def _centred(luma: U8) -> F32:
    tiny: F32 = cv2.resize(luma, _GATE_WH, interpolation=cv2.INTER_AREA).astype(np.float32)
    centred: F32 = tiny - tiny.mean()
    return centred


def _lost(wanted: U8, picture: U8) -> float:
    padded = cv2.copyMakeBorder(picture, _REACH, _REACH, _REACH, _REACH, cv2.BORDER_REPLICATE)
    width, height = _SIZE_WH
    places = [(x, y) for y in range(0, height - _BLOCK + 1, _BLOCK) for x in range(0, width, _BLOCK)]
    found = [
        _found(
            wanted[y : y + _BLOCK, x : x + _BLOCK],
            padded[y : y + _BLOCK + 2 * _REACH, x : x + _BLOCK + 2 * _REACH],
        )
        for x, y in places
        if wanted[y : y + _BLOCK, x : x + _BLOCK].std() > _TEXTURE
    ]
    return found.count(False) / max(len(found), _FEWEST)


def _found(block: U8, around: U8) -> bool:
    return bool(cv2.matchTemplate(around, block, cv2.TM_CCOEFF_NORMED).max() > _FOUND)
