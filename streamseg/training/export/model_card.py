"""The model's card: the README beside a package, written from its manifest and from what was measured."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from streamseg.inference.packages.lineage import Parent
from streamseg.inference.packages.manifest import Manifest
from streamseg.networks.decoder import DECODERS
from streamseg.networks.encoder import ENCODERS
from streamseg.training.config.recipe import Recipe
from streamseg.training.evaluation.evaluator import Measures
from streamseg.training.evaluation.text_tables import NOT_MEASURED, number
from streamseg.training.export.parity import Parity
from streamseg.training.networks.interpolation import Choice

_CARD = """# {name} {version}

Semantic segmentation{subject}, {width}×{height} pixels, {count} classes: {classes}.
{parameters:.2f} M parameters: {networks}.
Made by `streamseg train RECIPE`, measured by `streamseg evaluate {name} RECIPE`, RECIPE being the one of this
name.

**Data.** {data}

**Licence of the weights: {license}.** The training pictures are not part of the package.
{lineage}
## Measured

On the recipe's val pictures, {backend}:

{table}

{reading} Class by class, IoU in %:

{by_class}
{elsewhere}
**The same as trained.** Over {frames} pictures in a row the exported graphs, in f32, give the trained
networks' own label to {parity} of the pixels.

## Limits

{limits} The confidence is the network's own, not a probability of being right. Not for decisions about
people's safety.
"""


LEAST_IOU = 0.05  # of a class that is found now and then
CELLS = {"gru": "ConvGRU", "rnn": "tanh RNN"}


def card(
    recipe: Recipe,
    manifest: Manifest,
    measures: Mapping[str, Measures],
    backend: str,
    parity: Parity,
    elsewhere: Mapping[str, Measures] | None = None,
    way: str = "",
) -> str:
    """The card's text (Markdown).

    Args:
        recipe: What the package was made by.
        manifest: The package's.
        measures: Measured on the recipe's val pictures, by temporal mode.
        backend: What ran it.
        parity: How far the exported graphs are what was trained.
        way: How far the weights went from their start, see `way_text`.
        elsewhere: Measured on the recipe's further val sets, single frames, by their names.
    """
    return _CARD.format(
        name=manifest.name,
        version=manifest.version,
        width=manifest.input.width,
        height=manifest.input.height,
        count=len(manifest.classes),
        classes=", ".join(c.name for c in manifest.classes),
        parameters=(manifest.parameters or 0) / 1e6,
        networks=networks_text(recipe, stabilised=manifest.memory is not None),
        data=manifest.data,
        license=manifest.license,
        lineage=lineage_markdown(manifest.lineage or ()) + (f"\n{way}\n" if way else ""),
        reading=" ".join(reading(manifest, measures)),
        backend=backend,
        table=measures_markdown(measures),
        by_class=classes_markdown(measures),
        elsewhere=sets_markdown(elsewhere or {}),
        subject=f" of {recipe.card.subject}" if recipe.card.subject else "",
        limits=recipe.card.limits,
        frames=parity.frames,
        parity=parity_text(parity),
    )


def parity_text(parity: Parity) -> str:
    """Shares in words, e.g. "99.98% (openvino) and 99.99% (onnxruntime)"."""
    return " and ".join(f"{share:.2%} ({backend})" for backend, share in parity.agreed.items())


def networks_text(recipe: Recipe, *, stabilised: bool) -> str:
    """What a package's networks are called, e.g. "EfficientNet-Lite0 encoder, FPN decoder"."""
    parts = [
        f"{ENCODERS[recipe.segment.encoder]} encoder",
        f"{DECODERS[recipe.segment.architecture].title} decoder",
    ]
    return ", ".join([*parts, f"motion-compensated {CELLS[recipe.stabilise.cell]}"] if stabilised else parts)


def sets_markdown(elsewhere: Mapping[str, Measures]) -> str:
    """What was measured on further sets, a line each; nothing where there are none."""
    if not elsewhere:
        return ""
    lines = [f"- {name}: {sets_text(found)}" for name, found in elsewhere.items()]
    return "\n".join(["\nOn further data sets, each in its own labels, single frames:\n", *lines, ""])


def sets_text(found: Measures) -> str:
    """Measures of a set in words: mIoU, and IoU by label."""
    by_label = ", ".join(f"{name} {number(100 * iou, 0)}" for name, iou in found.iou.items())
    return f"mIoU {_percent(found.miou)} (IoU in %: {by_label})"


def way_text(choice: Choice | None) -> str:
    """In a sentence, how far the exported weights went from what they began with; empty: all the way."""
    if choice is None:
        return ""
    told = f"The weights lie {choice.share:g} of the way from their start to the end of training (WiSE-FT)"
    if not choice.scores:
        return f"{told}."
    compared = ", ".join(f"{share}: {100 * score:.1f} %" for share, score in choice.scores.items())
    return f"{told}, which does best on the val sets (mean mIoU at {compared})."


def lineage_markdown(parents: Sequence[Parent]) -> str:
    """What the weights began with, a line each; nothing where they began with nothing."""
    if not parents:
        return ""
    lines = [
        f"- {p.relation}: {' '.join(filter(None, (p.name, p.version)))}, {p.license}, sha256 {p.sha256[:12]}…"
        for p in parents
    ]
    return "\n".join(["\n**The weights begin with:**\n", *lines, ""])


def reading(manifest: Manifest, measures: Mapping[str, Measures]) -> list[str]:
    """How to read the figures, in sentences."""
    truth = "`truth` is what the labels themselves score: steadiness beyond it is smearing."
    return [*([truth] if "truth" in measures else []), *cautions(manifest, measures)]


def cautions(manifest: Manifest, measures: Mapping[str, Measures]) -> list[str]:
    """What was not measured, and what the package cannot do, in sentences."""
    sentences = []
    if "truth" not in measures:
        sentences.append("The val pictures are no clip, so steadiness was not measured.")
        if manifest.memory is not None:
            sentences.append(
                "Nor was the ConvGRU, which the daemon uses unless told otherwise: these are single frames."
            )
    if weak := weak_classes(measures):
        sentences.append(f"Hardly ever found: {weak}.")
    return sentences


def weak_classes(measures: Mapping[str, Measures]) -> str:
    """Classes that single frames hardly ever find, each with its IoU; empty where all are found."""
    found = measures["none"].iou if "none" in measures else {}
    return ", ".join(f"{name} (IoU {iou:.1%})" for name, iou in found.items() if iou < LEAST_IOU)


def measures_markdown(measures: Mapping[str, Measures]) -> str:
    """One row a temporal mode; columns that nobody measured are left out."""
    columns = {title: [text(m) for m in measures.values()] for title, text in _COLUMNS.items()}
    columns = {title: texts for title, texts in columns.items() if set(texts) != {NOT_MEASURED}}
    rows = [
        ["temporal", *columns],
        ["---"] * (1 + len(columns)),
        *([name, *(texts[i] for texts in columns.values())] for i, name in enumerate(measures)),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _percent(share: float, digits: int = 1) -> str:
    return NOT_MEASURED if math.isnan(share) else f"{share:.{digits}%}"


_COLUMNS: dict[str, Callable[[Measures], str]] = {
    "mIoU": lambda m: _percent(m.miou),
    "boundary F1": lambda m: _percent(m.boundary_f1),
    "ECE": lambda m: _percent(m.calibration_error),
    "temporal IoU": lambda m: number(m.temporal_iou, 3),
    "flicker": lambda m: _percent(m.flicker, 2),
    "changed pixels right": lambda m: _percent(m.changed_accuracy),
}


def classes_markdown(measures: Mapping[str, Measures]) -> str:
    """One column a class, one row a temporal mode."""
    modes = {name: m for name, m in measures.items() if name != "truth"}
    names = list(next(iter(modes.values())).iou)
    rows = ["| temporal | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    rows += [
        f"| {mode} | " + " | ".join(number(100 * m.iou[n], 0) for n in names) + " |"
        for mode, m in modes.items()
    ]
    return "\n".join(rows)
