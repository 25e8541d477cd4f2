"""What a training run leaves to read: one HTML page with curves, tables and pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path

import yaml

from streamseg.training.config.recipe import Recipe
from streamseg.training.evaluation.evaluator import Measures
from streamseg.training.loop.step_log import read_log
from streamseg.training.report import charts, flicker_strip, html, html_tables
from streamseg.training.report.flicker_strip import Stretch
from streamseg.training.report.gallery import Example, Gallery, panels
from streamseg.types import ClassInfo

_PANEL = 480  # largest width of a picture, pixels


def write_report(
    path: Path,
    recipe: Recipe,
    facts: Mapping[str, str],
    stages: Mapping[str, Path],
    measures: Mapping[str, Measures],
    classes: Sequence[ClassInfo],
    gallery: Gallery,
    stretch: Stretch,
) -> None:
    """Write `path` (HTML, self-contained).

    Args:
        path: The page.
        recipe: What was run.
        facts: About the run, for the page's head: what each is about, and what it says.
        stages: Folders of the runs by stage name, in order; their `log.jsonl` gives the curves.
        measures: Results by temporal mode.
        classes: The model's classes.
        gallery: Has seen all pictures.
        stretch: Has seen them too.
    """
    title = f"{recipe.name} {recipe.version}"
    parts = [
        *header(title, facts, recipe),
        "<h2>Measured</h2>",
        html_tables.by_mode(measures),
        "<h2>Classes</h2>",
        "<p>IoU by temporal mode; precision and recall of single frames.</p>",
        html_tables.by_class(measures, gallery.confusion, classes),
        *clip(stretch, classes),
        "<h2>What is taken for what</h2>",
        "<p>Single frames: the true class in rows, % of its pixels.</p>",
        html_tables.matrix(gallery.confusion, classes),
        *pictures("worst", gallery.worst, classes),
        *pictures("best", gallery.best, classes),
        *(part for name, folder in stages.items() for part in stage(name, folder)),
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(html.document(title, parts), encoding="utf-8")


def header(title: str, facts: Mapping[str, str], recipe: Recipe) -> Iterator[str]:
    """What was run, and by which recipe."""
    said = "".join(f"<dt>{escape(about)}</dt><dd>{escape(text)}</dd>" for about, text in facts.items())
    text = yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    yield f"<h1>{escape(title)}</h1><dl>{said}</dl>"
    yield f"<details><summary>the recipe</summary><pre>{escape(text)}</pre></details>"


def stage(name: str, folder: Path) -> Iterator[str]:
    """The curves of one stage, and the sentences in its log."""
    curves = charts.read_curves(read_log(folder))
    yield f"<h2>Stage {escape(name)}</h2>"
    drawn = charts.draw(curves).items()
    yield html.block("charts", (html.image(charts.as_png(f), f"{name}: {of}") for of, f in drawn))
    if curves.remarks:
        said = (f"<li>step {step}: {escape(text)}</li>" for step, text in curves.remarks)
        yield f"<ul>{''.join(said)}</ul>"


def pictures(which: str, examples: Sequence[Example], classes: Sequence[ClassInfo]) -> Iterator[str]:
    """The worst or the best pictures, single frames."""
    if not examples:
        return
    yield f"<h2>The {which} pictures</h2>"
    yield html.legend(classes)
    for example in examples:
        drawn = {of: html.shrunk(panel, _PANEL) for of, panel in panels(example, classes).items()}
        images = (html.image(html.coded(panel), f"{example.name}: {of}") for of, panel in drawn.items())
        yield html.figure(images, f"{example.name}: mIoU {100 * example.miou:.1f} %; {', '.join(drawn)}")


def clip(stretch: Stretch, classes: Sequence[ClassInfo]) -> Iterator[str]:
    """Where the clip is least steady, frame by frame."""
    if not stretch.frames:
        return
    first, last = (stretch.frames[i].moment.shot.index for i in (0, -1))
    yield "<h2>Where single frames flicker most</h2>"
    yield (
        f"<p>Frames {first} to {last} of the clip. Marked are pixels away from true boundaries "
        "whose label is not that of the frame before, carried along the motion.</p>"
    )
    drawn = flicker_strip.rows(stretch.frames, classes).items()
    figures = (html.figure([html.image(html.coded(row), caption)], caption, "row") for caption, row in drawn)
    yield html.block("wide strip", figures)
