"""Bricks of a page: what is said is escaped, and what is shown is inside."""

from __future__ import annotations

import base64

import cv2
import numpy as np

from streamseg.training.report import html
from streamseg.types import U8, ClassInfo


def noise(height: int, width: int) -> U8:
    noisy: U8 = np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return noisy


def test_what_is_said_is_no_html() -> None:
    assert html.cell("a<b") == "<td>a&lt;b</td>"
    assert html.class_cell(ClassInfo(0, "<sky>", (1, 2, 3))).endswith("</i> &lt;sky&gt;</th>")
    assert "<figcaption>&lt;x&gt;</figcaption>" in html.figure([], "<x>")
    assert "<title>&lt;t&gt;</title>" in html.document("<t>", [])


def test_a_page_fits_a_phone_and_a_dark_window() -> None:
    text = html.document("t", ["<p>first</p>", "<p>second</p>"])
    assert text.index("first") < text.index("second")
    assert "width=device-width" in text
    assert "color-scheme:light dark" in text
    assert "<script" not in text


def test_a_table_has_its_head_first() -> None:
    text = html.table([html.cell("head")], [[html.cell("1"), html.cell("2")]], "matrix")
    assert '<table class="matrix"><tr><td>head</td></tr><tr><td>1</td><td>2</td></tr></table>' in text


def test_flat_masks_become_png_and_pictures_jpeg() -> None:
    flat: U8 = np.zeros((64, 64, 3), np.uint8)
    flat[:, 30:] = (10, 200, 30)
    mask, picture = html.coded(flat), html.coded(noise(64, 64))
    assert mask.startswith(b"\x89PNG")
    assert picture.startswith(b"\xff\xd8")
    decoded = cv2.imdecode(np.frombuffer(mask, np.uint8), cv2.IMREAD_COLOR_RGB)
    assert np.array_equal(decoded, flat)


def test_an_image_is_inside_and_says_what_it_is() -> None:
    text = html.image(html.coded(noise(8, 8)), 'a "b"')
    kind, _, data = text.partition(";base64,")
    assert kind.startswith('<img alt="a &quot;b&quot;" src="data:image/')
    assert base64.b64decode(data.removesuffix('">')) == html.coded(noise(8, 8))


def test_only_wide_pictures_are_shrunk() -> None:
    assert html.shrunk(noise(30, 80), 40).shape == (15, 40, 3)
    assert html.shrunk(noise(30, 80), 100).shape == (30, 80, 3)
