"""Votes become one label exactly where the rules say so."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamseg.training.labelling.agreement import AgreementRules, LabelMerger, Vote, agreed_class

CAR, BICYCLIST, ROAD, TERRAIN = range(4)
ALL = AgreementRules()


def votes(*classes: set[int], unsure: Sequence[int] = ()) -> list[Vote]:
    return [Vote(frozenset(one), place not in unsure) for place, one in enumerate(classes)]


@pytest.mark.parametrize(
    ("given_votes", "rules", "label"),
    [
        (votes({CAR}, {CAR}), ALL, CAR),
        (votes({CAR}, {ROAD}), ALL, None),
        (votes({CAR}, set()), ALL, CAR),  # a package that has nothing to say is not asked
        (votes(set(), set()), ALL, None),
        (votes({CAR}, {CAR, BICYCLIST}), ALL, CAR),  # a coarse class supports a fine one
        (votes({CAR, BICYCLIST}, {CAR, BICYCLIST}), ALL, None),  # two remain possible
        (votes({CAR, ROAD}, {ROAD, BICYCLIST}), ALL, ROAD),
        (votes({CAR}, {CAR}, unsure=[1]), ALL, None),  # it has something to say, and does not say it
        (votes({CAR}, set(), unsure=[1]), ALL, CAR),
        (votes({CAR}, unsure=[0]), ALL, None),
        (votes({CAR}, {CAR}, {ROAD}), AgreementRules(agree=2), CAR),
        (votes({CAR}, {CAR}, {ROAD}), AgreementRules(agree=3), None),
        (votes({CAR}, {CAR}, {ROAD}, unsure=[1]), AgreementRules(agree=2), None),
        (votes({CAR}, {CAR}, {CAR}, unsure=[1]), AgreementRules(agree=2), CAR),
        (votes({CAR}, {ROAD}), AgreementRules(agree=1), None),  # as many say one thing as the other
        (votes({CAR, BICYCLIST}, {CAR, BICYCLIST}, {CAR}), AgreementRules(agree=2), CAR),
        (votes({TERRAIN}, {ROAD}), AgreementRules(trust={TERRAIN: frozenset({0})}), TERRAIN),
        (votes({ROAD}, {TERRAIN}), AgreementRules(trust={TERRAIN: frozenset({0})}), None),
        (votes({TERRAIN}, {ROAD}, unsure=[0]), AgreementRules(trust={TERRAIN: frozenset({0})}), None),
        (votes({TERRAIN, ROAD}, {CAR}), AgreementRules(trust={TERRAIN: frozenset({0})}), None),
        (
            votes({TERRAIN}, {ROAD}),
            AgreementRules(trust={TERRAIN: frozenset({0}), ROAD: frozenset({1})}),
            None,  # those who are trusted contradict each other
        ),
        (votes({CAR}, set()), AgreementRules(require={CAR: 2}), None),
        (votes({CAR}, {CAR}), AgreementRules(require={CAR: 2}), CAR),
        (votes({ROAD}, set()), AgreementRules(require={CAR: 2}), ROAD),
        (votes({CAR}, {ROAD}, {CAR}), AgreementRules(agree=1, require={CAR: 3}), None),
    ],
)
def test_agreed_class(given_votes: list[Vote], rules: AgreementRules, label: int | None) -> None:
    assert agreed_class(given_votes, rules) == label


CLASSES = 4
vote = st.builds(Vote, st.frozensets(st.integers(0, CLASSES - 1)), st.booleans())
some_votes = st.lists(vote, min_size=1, max_size=4)
class_id = st.integers(0, CLASSES - 1)
some_rules = st.builds(
    AgreementRules,
    st.none() | st.integers(1, 4),
    st.dictionaries(class_id, st.frozensets(st.integers(0, 3), min_size=1), max_size=2),
    st.dictionaries(class_id, st.integers(1, 4), max_size=2),
)


@given(some_votes)
def test_all_agree_where_the_intersection_is_one_class(given_votes: list[Vote]) -> None:
    speaking = [one for one in given_votes if one.classes]
    common = frozenset(range(CLASSES)).intersection(*(one.classes for one in speaking))
    agreed = bool(speaking) and all(one.confident for one in speaking) and len(common) == 1
    assert agreed_class(given_votes, ALL) == (next(iter(common)) if agreed else None)


@given(some_votes, st.integers(1, 4))
def test_of_a_number_the_best_supported_class_counts(given_votes: list[Vote], agree: int) -> None:
    support = [sum(one.confident and c in one.classes for one in given_votes) for c in range(CLASSES)]
    ahead = [c for c in range(CLASSES) if all(support[c] > support[o] for o in range(CLASSES) if o != c)]
    expected = ahead[0] if ahead and support[ahead[0]] >= agree else None
    assert agreed_class(given_votes, AgreementRules(agree)) == expected


@given(some_votes, some_rules, st.randoms())
def test_the_order_of_the_packages_does_not_matter(
    given_votes: list[Vote], rules: AgreementRules, random: object
) -> None:
    order = list(range(len(given_votes)))
    random.shuffle(order)  # type: ignore[attr-defined]
    moved = {c: frozenset(order.index(p) for p in who if p in order) for c, who in rules.trust.items()}
    shuffled = AgreementRules(rules.agree, moved, rules.require)
    assert agreed_class([given_votes[place] for place in order], shuffled) == agreed_class(given_votes, rules)


@given(some_votes, some_rules)
def test_a_label_is_what_a_confident_package_may_mean_and_require_holds(
    given_votes: list[Vote], rules: AgreementRules
) -> None:
    label = agreed_class(given_votes, rules)
    if label is None:
        return
    support = [place for place, one in enumerate(given_votes) if one.confident and label in one.classes]
    assert support
    alone = any(
        given_votes[place].classes == {label} for place in support if place in rules.trust.get(label, ())
    )
    assert alone or len(support) >= max(rules.require.get(label, 0), rules.agree or 0)


@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.lists(st.frozensets(class_id), min_size=1, max_size=5), min_size=1, max_size=4),
    some_rules,
)
def test_whole_maps_are_merged_as_their_pixels_are(
    seed: int, stands_for: list[list[frozenset[int]]], rules: AgreementRules
) -> None:
    rng, shape = np.random.default_rng(seed), (3, 5)
    labels = [rng.integers(0, len(one) + 1, shape).astype(np.uint8) for one in stands_for]
    confident = [rng.random(shape) < 0.7 for _ in stands_for]
    merger = LabelMerger(stands_for, rules)
    for _ in range(2):  # what is remembered is the same
        merged = merger.merge(labels, confident)
    for place in np.ndindex(shape):
        pixel = [
            Vote(sets[ids[place]] if ids[place] < len(sets) else frozenset(), bool(sure[place]))
            for sets, ids, sure in zip(stands_for, labels, confident, strict=True)
        ]
        label = agreed_class(pixel, rules)
        assert merged[place] == (255 if label is None else label)
    assert merged.dtype == np.uint8


def test_more_packages_than_an_integer_holds_codes_for() -> None:
    """Seven codes of 9 bits fill 63 bits: combinations must be numbered anew with each package."""
    stands_for = [[frozenset({c}) for c in range(3)]] * 9
    labels = [np.array([[0, 1, 2]], np.uint8)] * 9
    labels[8] = np.array([[0, 1, 1]], np.uint8)
    merged = LabelMerger(stands_for, ALL).merge(labels, [np.ones((1, 3), np.bool_)] * 9)
    assert merged.tolist() == [[0, 1, 255]]
