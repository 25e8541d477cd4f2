"""What a stage was begun with, kept beside its checkpoint, and whether today's recipe may go on from there.

Only what the weights depend on is compared: texts, colours, where folders are and how often is measured are
not. A stage's own schedule may become longer; the stages after it then have to begin anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from streamseg.errors import ConfigError, TrainingError
from streamseg.training.config.recipe import Recipe, parse_recipe
from streamseg.training.config.stage_config import StageName
from streamseg.training.data.labels import pictures
from streamseg.training.export.lineage import (
    CHECKPOINT_NAME,
    RECORD_NAME,
    Origin,
    identities,
    recorded_parents,
)
from streamseg.training.loop.run_dir import RunDirectory

SCHEDULE = {"segment": "epochs", "adversarial": "epochs", "semi": "epochs", "stabilise": "steps"}
_ABOUT = ("license", "lineage", "pictures", "name", "version")  # of a record; no settings of a stage
_DATA = ("void", "remap")  # keys of `data` that change what is learnt
_SET = ("exclude", "every", "weight", "label_names", "label_map", "void", "remap")  # of a set in `data.train`
_MOST_CHARACTERS = 60


def check_stages(recipe: Recipe, folders: RunDirectory, origin: Origin) -> list[str]:
    """Compare a recipe with what its stages were begun with.

    Returns:
        What is other than it was and does no harm, a line each.

    Raises:
        TrainingError: A stage that has begun cannot go on; with each key that stands in the way.
    """
    notes = []
    for stage in recipe.stages:
        if (folders.stage(stage) / CHECKPOINT_NAME).exists():
            notes += check_stage(recipe, folders.stage(stage), stage, origin)
    return notes


def check_stage(recipe: Recipe, folder: Path, stage: StageName, origin: Origin) -> list[str]:
    """The same for one stage, which has begun."""
    path = folder / RECORD_NAME
    if not path.exists():
        return []
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path}: cannot be read ({error}); --fresh {stage} starts it anew") from error
    now = record_of(recipe, stage, origin)
    changed = _changes(_what_matters(before, now, stage, recipe), _what_matters(now, before, stage, recipe))
    was, count = before.get("pictures"), now["pictures"]
    grown = [] if was in (None, count) else [f"data.train: {count} pictures, {was} when it began"]
    if changed or (grown and recipe.stages[0] != stage):
        raise TrainingError(
            f"{folder} was begun with other settings:\n  " + "\n  ".join([*changed, *grown]) + "\n"
            f"put them back, give the recipe another name, or start this stage anew with --fresh {stage}"
        )
    return [f"{stage}: {line}; it goes on with them" for line in grown]


def write_record(recipe: Recipe, folder: Path, stage: StageName, origin: Origin) -> None:
    """Keep what a stage is trained with."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(record_of(recipe, stage, origin), indent=1)
    (folder / RECORD_NAME).write_text(text, encoding="utf-8")


def record_of(recipe: Recipe, stage: StageName, origin: Origin) -> dict[str, Any]:
    """What a stage's result depends on, and what is to be said of it."""
    return {
        "name": recipe.name,
        "version": recipe.version,
        "license": origin.license,
        "lineage": [parent.model_dump(mode="json") for parent in origin.parents],
        "pictures": _count(recipe),
        **_settings(recipe, stage),
    }


def _count(recipe: Recipe) -> int | None:
    """Pictures to learn from; None where they are not there now."""
    if not all(one.images.is_dir() for one in recipe.data.train):
        return None
    return sum(len(pictures(one)) for one in recipe.data.train)


def _settings(recipe: Recipe, stage: StageName) -> dict[str, Any]:
    stages = recipe.stages[: recipe.stages.index(stage) + 1]
    # segment says what pictures and losses are, also for the stages after it
    keep = {"seed", "size", "classes", "start", "data", "segment", *stages}
    return {**recipe.model_dump(mode="json", include=keep), "stages": stages}


def _what_matters(
    record: dict[str, Any], other: dict[str, Any], stage: StageName, recipe: Recipe
) -> dict[str, Any]:
    """The settings of a record that decide whether to go on, by dotted key.

    Args:
        record: Of today, or as it was written, perhaps by an older version.
        other: The one it is to be compared with.
        stage: Whose it is.
        recipe: Today's; what an older version could not know has its defaults, which is what it did.
    """
    settings = _completed({k: v for k, v in record.items() if k not in _ABOUT}, recipe, stage)
    data = settings.pop("data")
    settings["classes"] = [one["name"] for one in settings["classes"]]
    flat = _flat(settings)
    flat |= {f"data.{key}": data[key] for key in _DATA}
    train = data["train"] if isinstance(data["train"], list) else [data["train"]]
    for one in train:
        where = f"data.train.{one['name']}" if len(train) > 1 else "data.train"
        flat |= {f"{where}.{key}": one.get(key) for key in _SET}
    flat |= {f"data.{key}": value for key, value in data.items() if key not in type(recipe.data).model_fields}
    ignored = [f"{one}.validate_every" for one in SCHEDULE] + [f"{stage}.{SCHEDULE[stage]}"]
    if stage == "segment":  # chosen when it is trained
        ignored.append("segment.interpolate")
    if "segment" not in settings["stages"]:
        ignored.append("segment.epochs")
    if "lineage" in record and "lineage" in other:  # hashes say it better than paths, which may move
        parents = recorded_parents(record)
        ignored += ["start", "segment.teacher.stages"]
        flat |= {"start (sha256)": identities(parents, "start")}
        flat |= {"segment.teacher.stages (sha256)": identities(parents, "teacher")}
    return {key: value for key, value in flat.items() if key not in ignored}


def _completed(before: dict[str, Any], recipe: Recipe, stage: StageName) -> dict[str, Any]:
    """Settings as an older version wrote them, with those added since at their defaults: what it did then."""
    defaults = {key: Recipe.model_fields[key].get_default() for key in ("stages", "start")}
    whole = {**recipe.model_dump(mode="json"), **defaults, **before}
    try:
        return _settings(parse_recipe(whole, "before"), stage)
    except (ConfigError, ValueError):  # it has settings that are no more; they count as changed
        return {**_settings(recipe, stage), **before}


def _flat(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        flat |= (
            _flat(value, f"{prefix}{key}.")
            if isinstance(value, dict) and value
            else {f"{prefix}{key}": value}
        )
    return flat


def _changes(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """A line for each key that is not what it was."""
    keys = sorted(key for key in {*before, *now} if before.get(key) != now.get(key))
    return [f"{key}: {_short(now.get(key))}, was {_short(before.get(key))}" for key in keys]


def _short(value: object) -> str:
    text = "nothing" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MOST_CHARACTERS else f"{text[: _MOST_CHARACTERS - 1]}…"
