"""An explanation as one picture: panels with titles, scales and a legend, drawn by matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from streamseg.client.draw import BACKGROUND, overlay
from streamseg.training.explain.explain import Explanation
from streamseg.types import BOOL, F32, U8

DPI = 100
PANEL_PX = 480  # width of a panel; its height follows the picture's
GAP_PX, HEAD_PX, TITLE_PX, FOOT_PX, LINE_PX = 24, 56, 30, 52, 22
LETTER_PX = 7.5  # a letter's width, generously
MOST_NAMES = 12  # of the legend
HEAT, DOUBT, REAL = "inferno", "magma", "viridis"
_TEXT, _FAINT, _FACE = "#e6e6e6", "#a8a8a8", f"#{BACKGROUND:02x}{BACKGROUND:02x}{BACKGROUND:02x}"


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture of the sheet.

    Attributes:
        title: What it shows.
        picture: RGB `[H, W, 3]` uint8.
        note: A remark, at the right of the title.
        scale: The colour map of the bar below; empty: no bar.
        ends: What 0 and 1 mean.
        outline: `[H, W]`: a line is drawn around what is true.
        names: A legend below: colour (r, g, b) and text.
    """

    title: str
    picture: U8
    note: str = ""
    scale: str = ""
    ends: tuple[str, str] = ("", "")
    outline: BOOL | None = None
    names: tuple[tuple[tuple[int, int, int], str], ...] = ()


def write_sheet(path: Path, title: str, found: Explanation) -> None:
    """Write the sheet of an explanation as a PNG.

    Args:
        path: The file; replaced where there is one.
        title: The sheet's heading.
        found: What to show.

    Raises:
        OSError: The file cannot be written.
    """
    figure = _Sheet(title, overview(found), evidence_panels(found)).figure
    with path.open("wb") as file:
        FigureCanvasAgg(figure).print_png(file)


def overview(found: Explanation) -> list[Panel]:
    """Picture, mask and doubt, and how real the mask looks where there is a discriminator."""
    mask = Panel("Mask", overlay(found.image, found.labels, found.classes), names=_names(found))
    doubt = _heat_panel(
        "Doubt", "entropy of the softmax / ln C", found.entropy, DOUBT, ("certain", "all alike")
    )
    panels = [Panel("Picture", found.image), mask, doubt]
    if found.realness is not None:
        ends = "guessed", "drawn by a person"
        panels.append(_heat_panel("Realness", "by the discriminator", found.realness, REAL, ends))
    return panels


def evidence_panels(found: Explanation) -> list[Panel]:
    """One panel a class: its evidence over the grey picture, its own pixels outlined."""
    gray = cv2.cvtColor(cv2.cvtColor(found.image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    panels = []
    for label, cells in found.evidence.items():
        own = found.labels == label
        blended = cv2.addWeighted(heat(cells, HEAT), 0.65, gray, 0.35, 0)
        title, note = f"Evidence for {found.classes[label].name}", f"{100 * own.mean():.1f} % of the picture"
        panels.append(Panel(title, blended, note, HEAT, ("none", "strongest"), own))
    return panels


def heat(cells: F32, scale: str) -> U8:
    """A map `[H, W]` of 0…1 in the colours of one of matplotlib's colour maps, `[H, W, 3]`."""
    colors: U8 = colormaps[scale](cells, bytes=True)[..., :3]
    return colors


def shorten(text: str, width_px: float) -> str:
    """As much of a text as fits, with an ellipsis where something is left out."""
    most = max(1, int(width_px / LETTER_PX))
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _heat_panel(title: str, note: str, cells: F32, scale: str, ends: tuple[str, str]) -> Panel:
    return Panel(title, heat(cells, scale), note, scale, ends)


def _names(found: Explanation) -> tuple[tuple[tuple[int, int, int], str], ...]:
    shares = list(found.shares().items())
    names = [(found.classes[i].color, f"{found.classes[i].name} {100 * share:.1f} %") for i, share in shares]
    if len(names) > MOST_NAMES:
        names[MOST_NAMES - 1 :] = [((BACKGROUND,) * 3, f"and {len(names) - MOST_NAMES + 1} more")]
    return tuple(names)


class _Sheet:
    """The figure, laid out in pixels from its upper left corner."""

    def __init__(self, title: str, above: Sequence[Panel], below: Sequence[Panel]) -> None:
        columns = len(above) + (len(below) == 1)  # a single one would lie alone in a row
        panels = [*above, *below]
        rows = [panels[at : at + columns] for at in range(0, len(panels), columns)]
        height, width = above[0].picture.shape[:2]
        self.panel_px = round(PANEL_PX * height / width)
        feet = [max(_foot_px(panel) for panel in row) for row in rows]
        self.width = GAP_PX + columns * (PANEL_PX + GAP_PX)
        self.height = HEAD_PX + sum(TITLE_PX + self.panel_px + foot for foot in feet)
        self.figure = Figure(figsize=(self.width / DPI, self.height / DPI), dpi=DPI, facecolor=_FACE)
        self._write(
            GAP_PX, HEAD_PX / 2, shorten(title, (self.width - 2 * GAP_PX) / 1.6), size=14, weight="bold"
        )
        y = HEAD_PX
        for row, foot in zip(rows, feet, strict=True):
            for column, panel in enumerate(row):
                self._draw(panel, GAP_PX + column * (PANEL_PX + GAP_PX), y)
            y += TITLE_PX + self.panel_px + foot

    def _draw(self, panel: Panel, x: int, y: int) -> None:
        """A panel with its upper left corner at (x, y)."""
        middle = y + TITLE_PX / 2 - 2
        room = PANEL_PX - LETTER_PX * len(panel.note)
        self._write(x, middle, shorten(panel.title, room / 1.3), size=11.5, weight="bold")
        self._write(x + PANEL_PX, middle, panel.note, ha="right", color=_FAINT)
        axes = self._axes(x, y + TITLE_PX, PANEL_PX, self.panel_px)
        axes.imshow(panel.picture, aspect="auto", interpolation="bilinear")
        if panel.outline is not None and panel.outline.any() and not panel.outline.all():
            axes.contour(panel.outline, levels=[0.5], colors="white", linewidths=0.8)
        below = y + TITLE_PX + self.panel_px
        if panel.scale:
            self._bar(panel, x, below + 12)
        self._legend(panel, x, below + 8)

    def _bar(self, panel: Panel, x: int, y: int) -> None:
        """The colours of 0…1 over the panel's width, with what the ends mean."""
        axes = self._axes(x, y, PANEL_PX, 8)
        axes.imshow(heat(np.linspace(0, 1, 256, dtype=np.float32)[None], panel.scale), aspect="auto")
        low, high = panel.ends
        ticks = (0.0, f"0  {low}", "left"), (0.5, "0.5", "center"), (1.0, f"{high}  1", "right")
        for at, text, side in ticks:
            self._write(x + at * PANEL_PX, y + 20, text, ha=side, color=_FAINT, size=9)

    def _legend(self, panel: Panel, x: int, y: int) -> None:
        columns = _columns(panel)
        for place, (color, text) in enumerate(panel.names):
            left, top = x + place % columns * PANEL_PX / columns, y + place // columns * LINE_PX
            axes = self._axes(left, top + 4, 14, 14)
            axes.add_patch(Rectangle((0, 0), 1, 1, color=tuple(c / 255 for c in color)))
            self._write(left + 22, top + 11, shorten(text, PANEL_PX / columns - 26))

    def _axes(self, x: float, y: float, width: float, height: float) -> Any:
        place = x / self.width, 1 - (y + height) / self.height, width / self.width, height / self.height
        axes = self.figure.add_axes(place)
        axes.set_axis_off()
        return axes

    def _write(self, x: float, y: float, text: str, **style: Any) -> None:
        style = {"color": _TEXT, "size": 10, "va": "center", "parse_math": False, **style}
        self.figure.text(x / self.width, 1 - y / self.height, text, **style)


def _columns(panel: Panel) -> int:
    longest = max((len(text) for _, text in panel.names), default=1)
    return max(1, min(4, int(PANEL_PX / (LETTER_PX * longest + 40))))


def _foot_px(panel: Panel) -> int:
    lines = -(-len(panel.names) // _columns(panel))
    return max(FOOT_PX, lines * LINE_PX + GAP_PX)
