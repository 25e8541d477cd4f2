"""The report is one page that needs nothing else."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from streamseg.training.config.recipe import Recipe
from streamseg.training.report.flicker_strip import Stretch
from streamseg.training.report.gallery import Gallery
from streamseg.training.report.report import write_report
from tests.parts.browser import DESKTOP, MISSING, PHONE, chromium
from tests.training.export.test_model_card import MEASURES
from tests.training.moments import CLASSES, labels, moment

REMARK = {"remark": {"step": 8, "text": "the discriminator <always> wins"}}


def log_of(folder: Path, *more: object) -> Path:
    entries = [{"step": i, "lr": 0.1, "loss": 1 / i, "ce": 1 / i} for i in range(1, 9)]
    folder.mkdir()
    log = [*entries, {"validation": {"step": 8.0, "score": 0.5, "miou": 0.5}}, *more]
    (folder / "log.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in log))
    return folder


def a_page(recipe: Recipe, tmp_path: Path, *, steadied: bool) -> str:
    gallery, stretch = Gallery(["0.png", "<1>.png", "2.png"], 3, count=1), Stretch()
    for index, pixels in enumerate((16, 40, 0)):
        seen = moment(index, labels(pixels), labels(0) if steadied else None)
        gallery.add(seen)
        stretch.add(seen)
    critics = {"step": 9, "critic": 0.7, "critic_accuracy": 0.9}
    stages = {
        "segment": log_of(tmp_path / "segment", ["odd"], {"odd": {"step": 1}}),
        "adversarial": log_of(tmp_path / "adversarial", critics, REMARK),
    }
    facts = {"networks": "A & B", "licence": "CC0-1.0"}
    page = tmp_path / "out/report.html"
    write_report(page, recipe, facts, stages, {"none": MEASURES}, CLASSES, gallery, stretch)
    return page.read_text()


@pytest.fixture
def page(recipe: Recipe, tmp_path: Path) -> str:
    return a_page(recipe, tmp_path, steadied=True)


def test_the_head_says_what_was_run(page: str) -> None:
    assert "<title>tiny 0.1</title>" in page
    assert "<dt>networks</dt><dd>A &amp; B</dd>" in page
    assert "<dt>licence</dt><dd>CC0-1.0</dd>" in page
    details = page.partition("<details>")[2].partition("</details>")[0]
    assert "statement: drawn by a test" in details


def test_every_stage_has_its_curves(page: str) -> None:
    charts = re.findall(r'<img alt="(\w+: \w+)" src="data:image/png', page)
    assert charts == [
        "segment: losses",
        "segment: miou",
        "adversarial: losses",
        "adversarial: discriminator",
        "adversarial: miou",
    ]


def test_remarks_stand_under_their_stage(page: str) -> None:
    assert "<li>step 8: the discriminator &lt;always&gt; wins</li>" in page.partition("Stage adversarial")[2]
    assert page.count("<li>") == 1


def test_the_worst_picture_stands_under_its_heading_and_the_best_under_its_own(page: str) -> None:
    assert re.findall(r"<h2>The (\w+) pictures|<figcaption>([^ ]+): mIoU ([\d.]+) %", page) == [
        ("worst", "", ""),
        ("", "&lt;1&gt;.png", "25.0"),
        ("best", "", ""),
        ("", "2.png", "100.0"),
    ]


def test_the_strip_has_both_masks_and_needs_a_stabiliser(page: str, recipe: Recipe, tmp_path: Path) -> None:
    assert "Frames 0 to 2 of the clip" in page
    assert "<figcaption>flicker without the stabiliser: 64 pixels</figcaption>" in page
    assert "<figcaption>flicker with it: 0 pixels</figcaption>" in page
    (tmp_path / "other").mkdir()
    assert "flicker with" not in a_page(recipe, tmp_path / "other", steadied=False)


def test_nothing_is_asked_of_others(page: str) -> None:
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert sources
    assert all(source.startswith("data:image/") for source in sources)
    assert not re.search(r"<script|<link|@import|url\(", page)


OUTSIDE = """() => [...document.body.querySelectorAll('*')]
    .filter(e => !e.closest('.wide') || e.matches('.wide'))
    .filter(e => e.getBoundingClientRect().right > innerWidth + 1)
    .map(e => e.outerHTML.slice(0, 80))"""


@pytest.mark.real
@pytest.mark.skipif(bool(MISSING), reason=MISSING or "-")
@pytest.mark.parametrize("size_wh", [PHONE, DESKTOP])
def test_nothing_is_cut_off(recipe: Recipe, tmp_path: Path, size_wh: tuple[int, int]) -> None:
    long = "a-name-without-a-space_" * 5
    classes = [replace(one, name=f"{one.name}-{long}"[:60]) for one in CLASSES]
    iou = {one.name: 0.5 for one in classes}
    gallery, stretch = Gallery([f"{i}-{long}.png" for i in range(3)], 3, count=1), Stretch()
    for index, pixels in enumerate((16, 40, 0)):
        seen = moment(index, labels(pixels), labels(0))
        gallery.add(seen)
        stretch.add(seen)
    named, facts = recipe.model_copy(update={"name": long[:64]}), {"data": long, "networks": long}
    stages = {"segment": log_of(tmp_path / "segment", {"remark": {"step": 8, "text": long}})}
    path = tmp_path / "report.html"
    figures = {mode: replace(MEASURES, iou=iou) for mode in ("none", "ema", "convgru", "truth")}
    write_report(path, named, facts, stages, figures, classes, gallery, stretch)
    with chromium() as browser:
        page = browser.new_page(viewport={"width": size_wh[0], "height": size_wh[1]})
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= size_wh[0]
        assert page.evaluate(OUTSIDE) == []
