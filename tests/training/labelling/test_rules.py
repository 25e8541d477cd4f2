"""Rules files are checked strictly, and `--map` adds to them."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamseg.errors import ConfigError
from streamseg.training.labelling.rules import LabelRules, WrittenRules, read_rules

SHIPPED = sorted((Path(__file__).parents[3] / "configs/labels").glob("*.yaml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_shipped_rules_load(path: Path) -> None:
    written = read_rules(path)
    assert written.problems == []
    assert written.rules.packages["ade20k"].map["grass"] == ["terrain"]


def test_some_rules_ship() -> None:
    assert SHIPPED


def write(folder: Path, text: str) -> Path:
    path = folder / "rules.yaml"
    path.write_text(text)
    return path


def test_a_rules_file(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "packages:\n  a:\n    map: {grass: terrain, vehicle: [car, bicyclist], '*': ignore}\n"
        "    min_confidence: 0.5\nagree: 2\ntrust: {terrain: a, car: [a, b]}\nrequire: {pedestrian: 2}\n",
    )
    written = read_rules(path)
    assert written.problems == []
    assert written.usable
    rules = written.rules
    assert rules.packages["a"].map == {"grass": ["terrain"], "vehicle": ["car", "bicyclist"], "*": ["ignore"]}
    assert rules.packages["a"].min_confidence == 0.5
    assert (rules.agree, rules.trust) == (2, {"terrain": ["a"], "car": ["a", "b"]})
    assert rules.require == {"pedestrian": 2}


@pytest.mark.parametrize("text", ["", "agree: all\n"])
def test_all_agree_unless_something_is_said(tmp_path: Path, text: str) -> None:
    written = read_rules(write(tmp_path, text))
    assert (written.rules, written.problems) == (LabelRules(), [])
    assert read_rules(None).rules == LabelRules()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("agre: all", "rules.yaml:1: agre: is not a known key; did you mean 'agree'?"),
        ("agree: 0", "rules.yaml:1: agree: must be all, or a number of packages, 1 or more (got 0)"),
        ("agree: most", "rules.yaml:1: agree: must be all, or a number of packages, 1 or more (got 'most')"),
        ("agree: true", "rules.yaml:1: agree: must be all, or a number of packages, 1 or more (got True)"),
        ("require: {car: 0}", "rules.yaml:1: require.car: must be greater than or equal to 1 (got 0)"),
        (
            "packages:\n  a: {min_confidence: 1.5}",
            "rules.yaml:2: packages.a.min_confidence: must be less than",
        ),
        (
            "packages:\n  a: {min_confidence: .nan}",
            "rules.yaml:2: packages.a.min_confidence: must be a finite",
        ),
        (
            "packages:\n  a:\n    map: {x: 1}",
            "rules.yaml:3: packages.a.map.x: must be text: put it in quotes",
        ),
        ("packages:\n  a:\n    map: {x: []}", "rules.yaml:3: packages.a.map.x: "),
        (
            "packages:\n  a:\n    map:\n      x: car\n      x: bus",
            "rules.yaml:5: packages.a.map.x: stands in line 4",
        ),
        ("trust: {car: }", "rules.yaml:1: trust.car: "),
        ("[1]", "rules.yaml: must hold keys"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    (problem,) = read_rules(write(tmp_path, text)).problems
    assert said in problem


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.yaml: cannot read the rules: No such file"):
        read_rules(tmp_path / "gone.yaml")
    with pytest.raises(ConfigError, match=r"rules\.yaml:1: cannot read the rules"):
        read_rules(write(tmp_path, "agree: [all"))


def test_maps_add_to_the_rules() -> None:
    written = WrittenRules(LabelRules.model_validate({"packages": {"a": {"min_confidence": 0.5}}}))
    written.add_maps(["a:grass=terrain", "b:x=y=car, bus", "./c:d:*=ignore"], ["a", "b", "./c:d"])
    assert written.problems == []
    packages = written.rules.packages
    assert {name: one.map for name, one in packages.items()} == {
        "a": {"grass": ["terrain"]},
        "b": {"x=y": ["car", "bus"]},
        "./c:d": {"*": ["ignore"]},
    }
    assert packages["a"].min_confidence == 0.5


def test_a_class_that_is_mapped_twice_is_told(tmp_path: Path) -> None:
    written = read_rules(write(tmp_path, "packages:\n  a:\n    map: {x: car}\n"))
    written.add_maps(["a:x=bus", "a:y=bus", "a:y=bus"], ["a"])
    assert [problem.rpartition(str(tmp_path))[2] for problem in written.problems] == [
        "/rules.yaml:3 already",
        "--map a:y=bus: a: 'y' is mapped by --map a:y=bus already",
    ]
    assert written.rules.packages["a"].map == {"x": ["car"], "y": ["bus"]}


@pytest.mark.parametrize("text", ["car", "a:car", "a:=car", "a:car=", "d:x=car"])
def test_a_map_that_is_none_is_told(text: str) -> None:
    written = WrittenRules(LabelRules())
    written.add_maps([text], ["a", "b"])
    (problem,) = written.problems
    assert problem.startswith(f"--map {text}: expected PACKAGE:CLASS=TARGET")


def test_a_problem_names_the_option_that_stands_for_the_key() -> None:
    written = WrittenRules(LabelRules())
    written.add_maps(["a:x=car"], ["a"])
    written.problem(("packages", "a", "map", "x"), "is wrong")
    written.problem(("packages", "a", "map"), "lacks something")
    assert written.problems == ["--map a:x=car: is wrong", "lacks something"]
