"""Where keys stand, in a configuration of several files."""

from __future__ import annotations

import pytest

from streamseg.config.places import Places, Problem
from streamseg.config.yaml_source import Location, read

MAIN = "defaults: {ema: 3}\nstreams:\n  gate: {source: x}\n  yard:\n    ema: 4\n"
MORE = "roof:\n  source: y\n  fps: 3\n"


@pytest.fixture
def places() -> Places:
    made = Places("main.yaml", read(MAIN)[1])
    made.adopt("roof", made.include("more.yaml", read(MORE)[1]))
    return made


@pytest.mark.parametrize(
    ("where", "line"),
    [
        (("streams", "yard", "ema"), "main.yaml:5"),
        (("streams", "roof", "fps"), "more.yaml:3"),
        (("streams", "roof", "source", "url"), "more.yaml:2"),
        (("streams",), "main.yaml:2"),
        ((), "main.yaml:1"),
    ],
)
def test_a_key_has_its_file_and_line(where: Location, line: str, places: Places) -> None:
    assert places.of(where) == line


def test_what_a_stream_inherits_is_known_in_every_file(places: Places) -> None:
    assert places.inherited(("streams", "gate", "ema"))
    assert places.inherited(("streams", "roof", "ema"))
    assert not places.inherited(("streams", "yard", "ema"))
    assert not places.inherited(("streams", "roof", "fps"))
    assert not places.inherited(("defaults", "ema"))


def test_what_is_inherited_is_at_home_under_defaults(places: Places) -> None:
    assert places.home(("streams", "gate", "ema")) == ("defaults", "ema")
    assert places.home(("streams", "yard", "ema")) == ("streams", "yard", "ema")


def test_a_key_that_is_a_url_keeps_its_password() -> None:
    places = Places("c", read("streams: {'rtsp://u:secret@h': {}}")[1])
    assert str(places.problem(("streams", "rtsp://u:secret@h"), "x")) == "c:1: streams.rtsp://***@h: x"


def test_problems_are_told_in_the_order_of_the_files(places: Places) -> None:
    found = [
        places.problem(("streams", "roof", "fps"), "b"),
        places.problem(("roof",), "a", 1),
        places.problem(("streams", "yard", "ema"), "c"),
        Problem(1, 0, "", "d", "more.yaml"),
        places.problem((), "e"),
    ]
    assert [str(problem) for problem in sorted(found)] == [
        "main.yaml:1: (whole file): e",
        "main.yaml:5: streams.yard.ema: c",
        "more.yaml: d",
        "more.yaml:1: streams.roof: a",
        "more.yaml:3: streams.roof.fps: b",
    ]


def test_the_files_have_so_many_keys(places: Places) -> None:
    assert places.size == 7 + 3


def test_a_problem_is_told_in_characters_that_show_themselves() -> None:
    problem = Problem(0, 1, "a\x1b[31m", "is wrong\nstreamseg: fine \u202e", "c.yaml")
    assert str(problem) == r"c.yaml:1: a\x1b[31m: is wrong\nstreamseg: fine \u202e"


def test_a_problem_is_no_longer_than_a_person_reads() -> None:
    assert len(str(Problem(0, 1, "a", "x" * 100_000, "c.yaml"))) < 700
