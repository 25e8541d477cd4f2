"""What a run begins with: the packages and stages its recipe names, with their licences and hashes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from streamseg.errors import TrainingError
from streamseg.inference.packages.lineage import MAX_PARENTS, Parent
from streamseg.inference.packages.manifest import MANIFEST_NAME, sha256_file
from streamseg.inference.packages.package import open_package
from streamseg.training.config.recipe import Recipe
from streamseg.training.export.license import settle_license

CHECKPOINT_NAME = "checkpoint.safetensors"
RECORD_NAME = "recipe.json"  # of a stage's settings, beside its checkpoint

Relation = Literal["start", "teacher"]


@dataclass(frozen=True, slots=True)
class Origin:
    """What a run begins with, and the licence that follows from it."""

    parents: Sequence[Parent]
    license: str

    def interpolated(self, share: float) -> Origin:
        """The same, of weights that lie a share of the way from its starts to the end of training."""
        change = {"interpolation": share}
        parents = [p.model_copy(update=change) if p.relation == "start" else p for p in self.parents]
        return Origin(parents, self.license)


def origin_of(recipe: Recipe) -> Origin:
    """What a recipe begins with.

    Raises:
        PackageError: A package is damaged.
        TrainingError: Something is not there, or forbids the recipe's licence.
    """
    parents = parents_of(recipe)
    return Origin(parents, settle_license(recipe.data.license, parents))


def parents_of(recipe: Recipe) -> tuple[Parent, ...]:
    """The starts and teachers of a recipe, then what those began with themselves.

    Raises:
        PackageError: A package is damaged.
        TrainingError: There is neither a package nor a checkpoint, or its record cannot be read.
    """
    teachers = recipe.segment.teacher.stages if recipe.segment.teacher and _learns(recipe) else []
    named: list[tuple[Relation, Path]] = [
        *(("start", path) for path in recipe.starts),
        *(("teacher", path) for path in teachers),
    ]
    found = [_read(relation, path) for relation, path in named]
    direct = [parent for parent, _ in found]
    seen = {parent.sha256 for parent in direct}
    ancestors = {
        older.sha256: older.model_copy(update={"relation": "ancestor"})
        for _, before in found
        for older in before
        if older.sha256 not in seen
    }
    return tuple([*direct, *ancestors.values()][:MAX_PARENTS])


def _learns(recipe: Recipe) -> bool:
    """Whether some stage listens to the teacher."""
    return any(stage != "stabilise" for stage in recipe.stages)


def _read(relation: Relation, path: Path) -> tuple[Parent, Sequence[Parent]]:
    """What stands at a path, and what that began with."""
    if (path / MANIFEST_NAME).exists():
        package = open_package(path)
        manifest = package.manifest
        parent = Parent(
            relation=relation, name=manifest.name, version=manifest.version, license=manifest.license,
            sha256=package.sha256,
        )  # fmt: skip
        return parent, manifest.lineage or ()
    if not (path / CHECKPOINT_NAME).exists():
        raise TrainingError(
            f"{relation}: {path} holds no checkpoint and no package: train that stage first, or name another "
            f"(relative paths begin at the working folder, {Path.cwd()})"
        )
    record = _record(path)
    parent = Parent(
        relation=relation,
        name=f"{record.get('name', path.resolve().parent.name)}/{path.resolve().name}",
        version=str(record.get("version", "")),
        license=record.get("license") or record["data"]["license"],
        sha256=sha256_file(path / CHECKPOINT_NAME),
    )
    return parent, recorded_parents(record)


def _record(stage: Path) -> dict[str, Any]:
    path = stage / RECORD_NAME
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        record["data"]["license"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{path}: does not say what the stage was trained with ({error})") from error
    return record


def recorded_parents(record: dict[str, Any]) -> list[Parent]:
    """The lineage in a stage's record; empty where it is of an older version, which wrote none."""
    try:
        return [Parent.model_validate(entry) for entry in record.get("lineage") or []]
    except (ValidationError, TypeError):
        return []


def identities(parents: Iterable[Parent], relation: Relation) -> list[str]:
    """What tells the parents of one kind from others, in the recipe's order."""
    return [parent.sha256[:12] for parent in parents if parent.relation == relation]
