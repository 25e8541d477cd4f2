"""Rules meet the packages they are about: names become ids, and everything that does not fit is told."""

from __future__ import annotations

from typing import Any

import pytest

from streamseg.inference.packages.package import Package
from streamseg.training.labelling.agreement import AgreementRules
from streamseg.training.labelling.class_maps import Teacher, resolve_rules
from streamseg.training.labelling.rules import LabelRules, WrittenRules
from tests.fakes.engine import fake_package

TARGETS = ["road", "car", "bicyclist", "terrain"]


def package(*classes: str) -> Package:
    made = fake_package(classes=len(classes))
    named = tuple(
        one.model_copy(update={"name": name})
        for one, name in zip(made.manifest.classes, classes, strict=True)
    )
    return Package(made.path, made.manifest.model_copy(update={"classes": named}))


PACKAGES = {
    "street": package("road", "car", "bicyclist"),
    "world": package("road", "vehicle", "grass", "wall"),
}
MAPS = {"world": {"map": {"vehicle": ["car", "bicyclist"], "grass": "terrain", "wall": "ignore"}}}


def resolved(rules: dict[str, Any]) -> tuple[tuple[Teacher, ...], AgreementRules, list[str]]:
    written = WrittenRules(LabelRules.model_validate(rules))
    return *resolve_rules(written, PACKAGES, TARGETS), written.problems


def sets(teacher: Teacher) -> list[set[str]]:
    return [{TARGETS[c] for c in classes} for classes in teacher.stands_for]


def test_namesakes_map_by_themselves_and_the_others_as_is_said() -> None:
    (street, world), rules, problems = resolved({"packages": MAPS})
    assert problems == []
    assert sets(street) == [{"road"}, {"car"}, {"bicyclist"}]
    assert sets(world) == [{"road"}, {"car", "bicyclist"}, {"terrain"}, set()]
    assert rules == AgreementRules()


def test_a_star_takes_all_others_but_no_namesake() -> None:
    (_, world), _, problems = resolved({"packages": {"world": {"map": {"*": "ignore", "grass": "terrain"}}}})
    assert problems == []
    assert sets(world) == [{"road"}, set(), {"terrain"}, set()]


def test_a_namesake_may_be_said_to_mean_something_else() -> None:
    (street, _), _, problems = resolved(
        {"packages": {**MAPS, "street": {"map": {"road": ["road", "terrain"], "car": "ignore"}}}}
    )
    assert problems == []
    assert sets(street) == [{"road", "terrain"}, set(), {"bicyclist"}]


def test_names_become_ids() -> None:
    (_, world), rules, problems = resolved(
        {
            "packages": {"world": {**MAPS["world"], "min_confidence": 0.25}},
            "agree": 2,
            "trust": {"terrain": "world"},
            "require": {"car": 2},
        }
    )
    assert problems == []
    assert world.min_confidence == 0.25
    assert rules == AgreementRules(2, {3: frozenset({1})}, {1: 2})


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (
            {},
            "world has classes that map nowhere: vehicle, grass, wall; name the target class of each, or ",
        ),
        (
            {"packages": {"world": {"map": {"*": "trrain"}}}},
            "no target class 'trrain'; did you mean 'terrain'?",
        ),
        (
            {"packages": {"world": {"map": {"*": "ignore", "gras": "terrain"}}}},
            "no class 'gras'; did you mean 'grass'",
        ),
        (
            {"packages": {"world": {"map": {"*": ["road", "ignore"]}}}},
            "ignore cannot stand beside target classes",
        ),
        (
            {"packages": {**MAPS, "voc": {}}},
            "no package 'voc' is given by --with (labelling with: street, world)",
        ),
        ({"packages": MAPS, "agree": 3}, "3 packages cannot agree, --with gives 2"),
        ({"packages": MAPS, "trust": {"sky": "street"}}, "there is no target class 'sky'"),
        (
            {"packages": MAPS, "trust": {"car": "stret"}},
            "no package 'stret' is given by --with; did you mean 'street'",
        ),
        (
            {"packages": MAPS, "trust": {"car": ["street", "world"]}},
            "no class of world is 'car' and nothing else",
        ),
        ({"packages": MAPS, "require": {"sky": 1}}, "there is no target class 'sky'"),
        ({"packages": MAPS, "require": {"terrain": 2}}, "2 packages cannot say 'terrain', only world can"),
        (
            {"packages": MAPS, "trust": {"car": "street"}, "require": {"car": 2}},
            "one package cannot be enough where require asks for 'car' too",
        ),
    ],
)
def test_what_does_not_fit_is_told(rules: dict[str, Any], said: str) -> None:
    (problem,) = resolved(rules)[2]
    assert said in problem


def test_a_target_that_nobody_can_say_is_told() -> None:
    written = WrittenRules(LabelRules.model_validate({"require": {"terrain": 1}}))
    resolve_rules(written, {"street": PACKAGES["street"]}, TARGETS)
    assert written.problems == ["1 packages cannot say 'terrain', none of them can"]


def test_of_a_package_that_could_not_be_opened_nothing_is_held_against_the_rules() -> None:
    rules = {"packages": {"world": {"map": {"anything": "car"}}}, "trust": {"terrain": "world"}, "agree": 2}
    written = WrittenRules(LabelRules.model_validate({**rules, "require": {"car": 2}}))
    resolve_rules(written, {"street": PACKAGES["street"]}, TARGETS, ["world"])
    assert written.problems == []
