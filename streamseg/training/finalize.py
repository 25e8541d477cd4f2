"""The end of a run: measure the exported package and write its figures, its card and the report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from streamseg.inference.backends.registry import load_engine
from streamseg.inference.engine import EngineInfo
from streamseg.inference.packages.lineage import Parent
from streamseg.inference.packages.manifest import Manifest, dump_manifest, load_manifest
from streamseg.inference.packages.package import open_package
from streamseg.training.config.recipe import Recipe
from streamseg.training.data.dataset import Dataset, shots, val_datasets
from streamseg.training.data.labels import pictures
from streamseg.training.evaluation.evaluate import evaluate
from streamseg.training.evaluation.evaluator import Measures, as_json
from streamseg.training.export.export import CARD_NAME
from streamseg.training.export.model_card import (
    card,
    cautions,
    networks_text,
    parity_text,
    sets_text,
    way_text,
    weak_classes,
)
from streamseg.training.export.parity import measure_parity
from streamseg.training.loop.run_dir import RunDirectory
from streamseg.training.networks.checkpoint_networks import Networks
from streamseg.training.networks.interpolation import taken
from streamseg.training.report.flicker_strip import Stretch
from streamseg.training.report.gallery import Gallery
from streamseg.training.report.report import write_report
from streamseg.types import U8, ClassInfo, TemporalMode

PARITY_FRAMES = 16


def finish(
    recipe: Recipe, folders: RunDirectory, networks: Networks, say: Callable[[str], None]
) -> dict[str, Measures]:
    """Measure the exported package with the engine the daemon would take; write figures, card and report.

    Raises:
        TrainingError: It is not what was trained; see `measure_parity`.
    """
    names = [one.name for one in recipe.classes]
    main, *others = ((name, data.matched(names)) for name, data in val_datasets(recipe).items())
    data = main[1]
    package = open_package(str(folders.package))
    parity = measure_parity(
        package, networks.need_segmenter(), networks.stabiliser, _first_pictures(data, len(recipe.classes))
    )
    say(f"the package says what was trained on {parity_text(parity)} of the pixels")
    engine = load_engine(package)
    say(f"measuring on {len(data.pairs)} pictures with {engine.info.backend} {engine.info.precision}")
    gallery, stretch = Gallery([p.image.name for p in data.pairs], len(data.classes(names))), Stretch()
    measures = evaluate(engine, data, watchers=(gallery.add, stretch.add))
    elsewhere = {name: evaluate(engine, other, [TemporalMode.NONE])["none"] for name, other in others}
    manifest = load_manifest(folders.package / "model.yaml")
    figures = as_json({**measures, **{f"none, {name}": found for name, found in elsewhere.items()}})
    left_out = {"frame_ms", "taken_for"}  # a machine's, and too long
    figures = {mode: {k: v for k, v in m.items() if k not in left_out} for mode, m in figures.items()}
    manifest = manifest.model_copy(update={"metrics": _rounded(figures)})
    dump_manifest(manifest, folders.package / "model.yaml")
    way = way_text(taken(recipe, folders))
    text = card(recipe, manifest, measures, _backend(engine.info), parity, elsewhere, way)
    (folders.package / CARD_NAME).write_text(text, encoding="utf-8")
    if weak := weak_classes(measures):
        say(f"warning: hardly ever found on val: {weak}")
    notes = " ".join(cautions(manifest, measures))
    write_report(
        folders.report,
        recipe,
        {
            **_facts(recipe, manifest, engine.info, data),
            **{f"also measured on {name}": sets_text(found) for name, found in elsewhere.items()},
            **({"weights": way} if way else {}),
            **({"to note": notes} if notes else {}),
        },
        _stages(recipe, folders),
        measures,
        _measured_classes(data, manifest.class_infos()),
        gallery,
        stretch,
    )
    engine.close()
    return measures


def _measured_classes(data: Dataset, classes: Sequence[ClassInfo]) -> list[ClassInfo]:
    """What is measured, each in the colour of its class, or of the first that its label stands for."""
    colors = {one.name: one.color for one in classes}
    names = data.classes([one.name for one in classes])
    stands_for = dict(zip(data.names or (), data.stands_for or (), strict=False))
    return [
        ClassInfo(index, name, colors.get(name) or colors[stands_for[name][0]])
        for index, name in enumerate(names)
    ]


def _first_pictures(data: Dataset, classes: int) -> Iterator[U8]:
    return (shot.image for shot in islice(shots(data, classes), PARITY_FRAMES))


def _stages(recipe: Recipe, folders: RunDirectory) -> dict[str, Path]:
    trained: dict[str, Path] = {name: folders.stage(name) for name in recipe.stages}
    return {name: folder for name, folder in trained.items() if (folder / "log.jsonl").exists()}


def _facts(recipe: Recipe, manifest: Manifest, info: EngineInfo, data: Dataset) -> dict[str, str]:
    """What the head of the report says of the run."""
    learnt, measured = sum(len(pictures(one)) for one in recipe.data.train), len(data.pairs)
    size = f"{(manifest.parameters or 0) / 1e6:.2f} M parameters, {recipe.size[0]}×{recipe.size[1]} pixels"
    return {
        "networks": f"{networks_text(recipe, stabilised=manifest.memory is not None)}; {size}",
        "pictures": f"{learnt} to learn from, {measured} to measure on{', a clip' if data.clip else ''}",
        "measured with": _backend(info),
        "data": manifest.data,
        "licence": manifest.license,
        **({"begins with": "; ".join(map(_parent, manifest.lineage))} if manifest.lineage else {}),
    }


def _parent(parent: Parent) -> str:
    return f"{parent.name} {parent.version} ({parent.relation}, {parent.license}, {parent.sha256[:12]}…)"


def _backend(info: EngineInfo) -> str:
    return f"{info.backend} {info.version} in {info.precision}"


def _rounded(value: object) -> object:
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    return round(value, 4) if isinstance(value, float) else value
