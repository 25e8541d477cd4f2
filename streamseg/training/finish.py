"""The end of a run: measure the exported package and write its figures, its card and the report."""

from __future__ import annotations

from collections.abc import Callable

from streamseg.inference.engine import InferenceEngine
from streamseg.inference.manifest import dump_manifest, load_manifest
from streamseg.inference.package import open_package
from streamseg.inference.select import load_engine
from streamseg.training import metrics
from streamseg.training.card import card
from streamseg.training.data import find_pairs, labelling_of
from streamseg.training.dataset import Dataset
from streamseg.training.evaluate import evaluate
from streamseg.training.folders import Folders
from streamseg.training.measures import Measures, as_json
from streamseg.training.recipe import Recipe
from streamseg.training.report import Example, write_report


def finish(recipe: Recipe, folders: Folders, say: Callable[[str], None]) -> dict[str, Measures]:
    """Measure the exported package with the engine the daemon would take; write figures, card and report."""
    engine = load_engine(open_package(str(folders.package)))
    data = Dataset(find_pairs(recipe.data.val), recipe.data.val_is_clip, labelling_of(recipe))
    say(f"measuring on {len(data.pairs)} pictures with {engine.info.backend} {engine.info.precision}")
    measures = evaluate(engine, data)
    manifest = load_manifest(folders.package / "model.yaml")
    figures = {mode: {k: v for k, v in m.items() if k != "frame_ms"} for mode, m in as_json(measures).items()}
    manifest = manifest.model_copy(update={"metrics": _rounded(figures)})
    dump_manifest(manifest, folders.package / "model.yaml")
    backend = f"{engine.info.backend} {engine.info.version} in {engine.info.precision}"
    text = card(recipe, manifest, measures, backend)
    (folders.package / "README.md").write_text(text, encoding="utf-8")
    trained = {name: folders.stage(name) for name in ("segment", "stabilise")}
    stages = {name: folder for name, folder in trained.items() if (folder / "log.jsonl").exists()}
    write_report(
        folders.report,
        f"{recipe.name} {recipe.version}",
        stages,
        measures,
        manifest.class_infos(),
        _examples(engine, data),
    )
    engine.close()
    return measures


def _rounded(value: object) -> object:
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    return round(value, 4) if isinstance(value, float) else value


def _examples(engine: InferenceEngine, data: Dataset, count: int = 6) -> list[Example]:
    """The worst and the best pictures, by their own mIoU, single frames."""
    manifest = engine.package.manifest
    examples = []
    for pair in data.pairs:
        image, truth = data.read(pair, len(manifest.classes))
        if image.shape[1::-1] != manifest.size_wh:
            continue
        prediction = engine.start(image[None]).readout().labels[0]
        confusion = metrics.Confusion(len(manifest.classes))
        confusion.add(truth, prediction)
        examples.append(Example(pair.image.name, image, truth, prediction, confusion.mean_iou))
    examples.sort(key=lambda e: e.miou)
    return [*examples[:count], *examples[count:][-count:]]
