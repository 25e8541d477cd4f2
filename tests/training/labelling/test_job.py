"""Everything that is wrong with a wish for labels is told at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from streamseg.errors import ConfigError, TrainingError
from streamseg.training.labelling.agreement import AgreementRules
from streamseg.training.labelling.job import LabelOptions, prepare, target_classes
from tests.training.conftest import recipe_document
from tests.training.test_commands import named_package


@pytest.fixture
def options(pictures: Path) -> LabelOptions:
    """Two packages, one of which tells less apart; the classes are a recipe's."""
    first = named_package(pictures / "engines", "ground", "disc", "bar", name="first")
    second = named_package(pictures / "engines", "ground", "thing", name="second", seed=1)
    (pictures / "tiny.yaml").write_text(yaml.safe_dump(recipe_document(pictures)))
    return LabelOptions(
        (pictures / "val/images",),
        (str(first), str(second)),
        pictures / "out",
        recipe=pictures / "tiny.yaml",
        maps=("second:thing=disc,bar",),
    )


def test_a_job(options: LabelOptions) -> None:
    job = prepare(options)
    assert [one.name for one in job.classes] == ["ground", "disc", "bar"]
    assert job.classes[1].color == (230, 220, 60), "the recipe's"
    assert [one.name for one in job.teachers] == ["first", "second"]
    assert job.rules == AgreementRules()
    assert [still.path.name for still in job.stills] == ["00.png", "01.png", "02.png"]
    record = job.settings.packages["second"]
    assert record.map == {"ground": ["ground"], "thing": ["disc", "bar"]}
    assert record.sha256 == job.teachers[1].package.sha256
    assert not options.out.exists()


def test_rules_are_kept_by_name(options: LabelOptions, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("agree: 2\ntrust: {disc: first}\nrequire: {ground: 2}\n")
    settings = prepare(replace(options, rules=rules)).settings
    assert (settings.agree, settings.trust, settings.require) == (2, {"disc": ["first"]}, {"ground": 2})


def test_a_file_of_names(options: LabelOptions, tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("bar\n\nground\ndisc\nelse\n")
    job = prepare(replace(options, recipe=None, classes=names))
    assert [one.name for one in job.classes] == ["bar", "ground", "disc", "else"]
    first = job.teachers[0].package.manifest.classes
    assert job.classes[0].color == first[2].color, "the namesake's in a package"
    assert len({one.color for one in job.classes}) == 4
    assert job.teachers[0].stands_for == (frozenset({1}), frozenset({2}), frozenset({0}))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "names.txt: no such file; a name of a class on each line is wanted"),
        ("", "names.txt: classes: there must be 1 to "),
        ("a\nb\na\n", "names.txt: a is there more than once"),
        ("a\nignore\n", "names.txt: no class may be called ignore"),
        ("a\nb\x1b[2J\n", "names.txt: classes: must be text on one line"),
    ],
)
def test_names_that_cannot_be_used(tmp_path: Path, text: str | None, said: str) -> None:
    path = tmp_path / "names.txt"
    if text is not None:
        path.write_text(text)
    with pytest.raises((ConfigError, TrainingError), match=r"names\.txt") as told:
        target_classes(None, path)
    assert said in str(told.value)


def test_everything_is_told_at_once(options: LabelOptions, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("packages:\n  first: {map: {dics: disc}}\n  third: {map: {x: disc}}\nagree: 4\n")
    third = tmp_path / "engines/third"
    third.mkdir()
    (third / "model.yaml").write_text("name: third\n")
    options = replace(
        options,
        packages=(*options.packages, options.packages[0], str(third), "nowhere"),
        paths=(tmp_path / "gone", tmp_path / "tiny.yaml"),
        rules=rules,
        maps=("second:thing=dsic", "nobody:x=y", "second:thing=bar"),
    )
    with pytest.raises(ConfigError) as told:
        prepare(options)
    text = str(told.value)
    for said in (
        "model.yaml:1: classes: is required but missing",
        "no model package named 'nowhere'",
        f"--with: {options.packages[0]} is given more than once",
        "--map nobody:x=y: expected PACKAGE:CLASS=TARGET, PACKAGE one of first, second, third, nowhere",
        "--map second:thing=bar: second: 'thing' is mapped by --map second:thing=dsic already",
        "rules.yaml:2: packages.first.map.dics: the package has no class 'dics'; did you mean 'disc'?",
        "--map second:thing=dsic: there is no target class 'dsic'; did you mean 'disc'?",
        f"{tmp_path / 'gone'}: no such file or folder",
        f"{tmp_path / 'tiny.yaml'}: neither a picture nor a video by its name",
    ):
        assert said in text
    assert "third'" not in text, "nothing is held against what is said of a package that could not be opened"
    assert "4 packages" not in text


def test_a_wrong_recipe_and_wrong_rules_are_told_with_the_rest(options: LabelOptions, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text("agre: 1\n")
    (tmp_path / "tiny.yaml").write_text("nmae: x\n")
    with pytest.raises(ConfigError) as told:
        prepare(replace(options, packages=("nowhere",), rules=tmp_path / "rules.yaml"))
    text = str(told.value)
    for said in ("tiny.yaml:1: nmae: is not a known key", "rules.yaml:1: agre: is not", "'nowhere'"):
        assert said in text
    assert "map nowhere" not in text


def test_pictures_alone_that_cannot_be_used_are_a_fault_of_the_data(options: LabelOptions) -> None:
    (options.out / "images").mkdir(parents=True)
    (options.out / "images/a.png").write_bytes((options.paths[0] / "00.png").read_bytes())
    with pytest.raises(TrainingError, match=r"a\.png is in the folder of --out"):
        prepare(replace(options, paths=(options.out / "images",)))
    with pytest.raises(TrainingError, match=r"^no pictures and no videos in "):
        prepare(replace(options, paths=(options.out,)))


def test_two_packages_of_one_name_are_called_as_they_were_given(
    options: LabelOptions, tmp_path: Path
) -> None:
    other = str(named_package(tmp_path / "others", "ground", "disc", "bar", name="first", seed=3))
    job = prepare(replace(options, packages=(options.packages[0], other), maps=()))
    assert [one.name for one in job.teachers] == [options.packages[0], other]
