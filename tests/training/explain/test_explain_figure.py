"""The sheet: which panels, what they say, where they lie."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from streamseg.client.draw import overlay
from streamseg.training.explain.explain import Explanation
from streamseg.training.explain.explain_figure import (
    GAP_PX,
    HEAD_PX,
    MOST_NAMES,
    PANEL_PX,
    TITLE_PX,
    evidence_panels,
    heat,
    overview,
    shorten,
    write_sheet,
)
from streamseg.types import F32, U8, ClassInfo

SIZE = (48, 64)
PANEL_H_PX = PANEL_PX * 48 // 64


def explanation(classes: int = 3, *, realness: bool = False) -> Explanation:
    """Stripes of all classes, all of them with evidence."""
    labels: U8 = np.tile((np.arange(64) * classes // 64).astype(np.uint8), (48, 1))
    ramp: F32 = np.tile(np.linspace(0, 1, 64, dtype=np.float32), (48, 1))
    infos = tuple(ClassInfo(i, f"class{i}", (250 - 10 * i, 10 * i, 90)) for i in range(classes))
    image: U8 = np.full((*SIZE, 3), 100, np.uint8)
    evidence = dict.fromkeys(range(min(classes, 6)), ramp)
    return Explanation(image, labels, infos, ramp, ramp, evidence, "x", ramp if realness else None)


def read(path: Path) -> U8:
    picture: U8 = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    return picture


def middle(sheet: U8, column: int) -> U8:
    """The inner pixels of a panel of the first row; its edge is interpolated."""
    x, y = GAP_PX + column * (PANEL_PX + GAP_PX), HEAD_PX + TITLE_PX
    return sheet[y + 4 : y + PANEL_H_PX - 4, x + 4 : x + PANEL_PX - 4]


def test_panels_lie_where_they_should(tmp_path: Path) -> None:
    found = explanation()
    write_sheet(tmp_path / "s.png", "tiny 1", found)
    sheet = read(tmp_path / "s.png")
    assert sheet.shape[1] == GAP_PX + 3 * (PANEL_PX + GAP_PX)
    assert (np.abs(middle(sheet, 0).astype(int) - 100) <= 1).all(), "the picture"
    mask = overlay(found.image, found.labels, found.classes)
    for column, source in ((1, mask), (2, heat(found.entropy, "magma"))):
        large = cv2.resize(source, (PANEL_PX, PANEL_H_PX), interpolation=cv2.INTER_LINEAR)[4:-4, 4:-4]
        assert np.abs(middle(sheet, column).astype(int) - large).mean() < 3


@pytest.mark.parametrize(("realness", "titles"), [(False, 3), (True, 4)])
def test_realness_is_shown_where_it_is_known(realness: bool, titles: int, tmp_path: Path) -> None:
    found = explanation(realness=realness)
    assert [panel.title for panel in overview(found)] == ["Picture", "Mask", "Doubt", "Realness"][:titles]
    write_sheet(tmp_path / "s.png", "tiny 1", found)
    assert read(tmp_path / "s.png").shape[1] == GAP_PX + titles * (PANEL_PX + GAP_PX)


def test_a_single_class_lies_beside_the_rest(tmp_path: Path) -> None:
    sheets = []
    for classes in (1, 2):
        write_sheet(tmp_path / "s.png", "tiny 1", explanation(classes))
        sheets.append(read(tmp_path / "s.png"))
    assert sheets[0].shape[1] == GAP_PX + 4 * (PANEL_PX + GAP_PX)
    assert sheets[1].shape[0] > sheets[0].shape[0] + PANEL_H_PX


def test_the_margins_stay_empty_however_long_the_names_are(tmp_path: Path) -> None:
    found = explanation(14)
    long = [ClassInfo(info.id, f"{info.name} " * 12, info.color) for info in found.classes]
    found = Explanation(
        found.image, found.labels, tuple(long), found.confidence, found.entropy, found.evidence, "x", None
    )
    write_sheet(tmp_path / "s.png", "a name that takes more room than there is " * 9, found)
    sheet = read(tmp_path / "s.png")
    gaps = [column * (PANEL_PX + GAP_PX) for column in range(4)]
    assert all((sheet[HEAD_PX:, x + 2 : x + GAP_PX - 2] == sheet[0, 0]).all() for x in gaps)
    assert (sheet[:, -GAP_PX + 2 :] == sheet[0, 0]).all()


def test_evidence_panels_name_their_class_and_outline_it() -> None:
    found = explanation()
    panels = evidence_panels(found)
    assert [panel.title for panel in panels] == [f"Evidence for class{i}" for i in range(3)]
    assert panels[1].note == f"{100 * (found.labels == 1).mean():.1f} % of the picture"
    assert panels[1].outline is not None
    np.testing.assert_array_equal(panels[1].outline, found.labels == 1)
    assert panels[0].picture[0, 0].max() < 60, "no evidence: only the dimmed picture"
    assert panels[0].picture[0, -1].min() > 100


def test_a_legend_ends_with_how_many_it_leaves_out() -> None:
    names = [text for _, text in overview(explanation(20))[1].names]
    assert len(names) == MOST_NAMES
    assert names[-1] == "and 9 more"
    assert len(overview(explanation(12))[1].names) == 12


def test_shorten() -> None:
    assert shorten("road", 75) == "road"
    assert shorten("bicycle lane", 75) == "bicycle l…"
