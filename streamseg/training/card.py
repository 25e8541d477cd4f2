"""The model's card: the README beside a package, written from its manifest and from what was measured."""

from __future__ import annotations

from collections.abc import Mapping

from streamseg.inference.manifest import Manifest
from streamseg.models.decoder import DECODERS
from streamseg.models.encoder import ENCODERS
from streamseg.training.measures import Measures
from streamseg.training.parity import Parity
from streamseg.training.recipe import Recipe

_CARD = """# {name} {version}

Semantic segmentation{subject}, {width}×{height} pixels, {count} classes: {classes}.
{parameters:.2f} M parameters: {networks}.
Made by `streamseg train RECIPE`, measured by `streamseg evaluate {name} RECIPE`, RECIPE being the one of this
name.

**Data.** {data}

**Licence of the weights: {license}.** The training pictures are not part of the package.

## Measured

On the recipe's val pictures, {backend}:

{table}

`truth` is what the labels themselves score: steadiness beyond it is smearing. Class by class, IoU in %:

{by_class}

**The same as trained.** Over {frames} pictures in a row the exported graphs, in f32, give the trained
networks' own label to {parity} of the pixels.

## Limits

{limits} The confidence is the network's own, not a probability of being right. Not for decisions about
people's safety.
"""


CELLS = {"gru": "ConvGRU", "rnn": "tanh RNN"}


def card(
    recipe: Recipe, manifest: Manifest, measures: Mapping[str, Measures], backend: str, parity: Parity
) -> str:
    """The card's text (Markdown).

    Args:
        recipe: What the package was made by.
        manifest: The package's.
        measures: Measured on the recipe's val pictures, by temporal mode.
        backend: What ran it.
        parity: How far the exported graphs are what was trained.
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
        backend=backend,
        table=measures_markdown(measures),
        by_class=classes_markdown(measures),
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


def measures_markdown(measures: Mapping[str, Measures]) -> str:
    """One row a temporal mode."""
    lines = [
        "| temporal | mIoU | boundary F1 | ECE | temporal IoU | flicker | changed pixels right |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, m in measures.items():
        lines.append(
            f"| {name} | {m.miou:.1%} | {m.boundary_f1:.1%} | {m.calibration_error:.1%} "
            f"| {m.temporal_iou:.3f} | {m.flicker:.2%} | {m.changed_accuracy:.1%} |"
        )
    return "\n".join(lines)


def classes_markdown(measures: Mapping[str, Measures]) -> str:
    """One column a class, one row a temporal mode."""
    modes = {name: m for name, m in measures.items() if name != "truth"}
    names = list(next(iter(modes.values())).iou)
    rows = ["| temporal | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    rows += [
        f"| {mode} | " + " | ".join(f"{100 * m.iou[n]:.0f}" for n in names) + " |"
        for mode, m in modes.items()
    ]
    return "\n".join(rows)
