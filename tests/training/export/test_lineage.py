"""What a run begins with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streamseg.errors import PackageError, TrainingError
from streamseg.inference.packages.lineage import Parent
from streamseg.inference.packages.manifest import dump_manifest, sha256_file
from streamseg.training.config.recipe import Recipe
from streamseg.training.config.stage_config import TeacherRecipe
from streamseg.training.export.lineage import Origin, identities, origin_of, parents_of
from streamseg.training.loop.resume import write_record
from tests.fakes.packages import make_package

OLDEST = Parent(relation="start", name="oldest", version="1", license="GPL-3.0-only", sha256="a" * 64)


def stage_of(recipe: Recipe, run: Path, origin: Origin) -> Path:
    """A stage that was trained, as far as its record says."""
    folder = run / "segment"
    write_record(recipe.model_copy(update={"name": run.name}), folder, "segment", origin)
    (folder / "checkpoint.safetensors").write_bytes(run.name.encode())
    return folder


def test_a_package_with_what_it_began_with_itself(recipe: Recipe, tmp_path: Path) -> None:
    package = make_package(tmp_path, name="base")
    dump_manifest(package.manifest.model_copy(update={"lineage": (OLDEST,)}), package.path / "model.yaml")
    first, second = parents_of(recipe.model_copy(update={"start": package.path}))
    assert (first.relation, first.name, first.sha256) == ("start", "base", package.sha256)
    assert first.license == package.manifest.license
    assert second == OLDEST.model_copy(update={"relation": "ancestor"})


def test_stages_and_teachers(recipe: Recipe, tmp_path: Path) -> None:
    start = stage_of(recipe, tmp_path / "one", Origin([OLDEST], "GPL-3.0-only"))
    teacher = stage_of(recipe, tmp_path / "two", Origin([OLDEST], "CC-BY-NC-4.0"))
    lessons = recipe.segment.model_copy(update={"teacher": TeacherRecipe(stages=[teacher])})
    taught = recipe.model_copy(update={"start": start, "segment": lessons})
    found = parents_of(taught)
    assert [(p.relation, p.name, p.license) for p in found] == [
        ("start", "one/segment", "GPL-3.0-only"),
        ("teacher", "two/segment", "CC-BY-NC-4.0"),
        ("ancestor", "oldest", "GPL-3.0-only"),
    ]
    assert found[0].sha256 == sha256_file(start / "checkpoint.safetensors")
    assert identities(found, "teacher") == [found[1].sha256[:12]]
    with pytest.raises(TrainingError, match=r"data\.license"):
        origin_of(taught)
    steady = taught.model_copy(update={"stages": ["stabilise"]})
    assert [p.relation for p in parents_of(steady)] == ["start", "ancestor"], "no stage listens to a teacher"


def test_a_record_of_an_older_version_has_a_licence_too(recipe: Recipe, tmp_path: Path) -> None:
    stage = stage_of(recipe, tmp_path / "one", Origin([], "MIT"))
    record = json.loads((stage / "recipe.json").read_text())
    for key in ("name", "version", "license", "lineage", "pictures"):
        del record[key]
    (stage / "recipe.json").write_text(json.dumps(record))
    (parent,) = parents_of(recipe.model_copy(update={"start": stage}))
    assert (parent.name, parent.version, parent.license) == ("one/segment", "", "CC0-1.0")


def test_what_cannot_be_read_is_named(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"start: .*nowhere holds no checkpoint and no package"):
        parents_of(recipe.model_copy(update={"start": tmp_path / "nowhere"}))
    stage = stage_of(recipe, tmp_path / "one", Origin([], "MIT"))
    (stage / "recipe.json").unlink()
    with pytest.raises(TrainingError, match=r"recipe.json: does not say what the stage was trained with"):
        parents_of(recipe.model_copy(update={"start": stage}))
    package = make_package(tmp_path, name="base").path
    (package / "model.yaml").write_text("name: x\n")
    with pytest.raises(PackageError):
        parents_of(recipe.model_copy(update={"start": package}))


def test_a_run_that_begins_with_nothing(recipe: Recipe) -> None:
    assert origin_of(recipe) == Origin((), "CC0-1.0")
