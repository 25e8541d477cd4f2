"""What holds, from what is written: one engine's short form, and the defaults of streams."""

from __future__ import annotations

import pytest

from streamseg.config.normalize import as_effective, effective, written_as


def test_one_engine_may_do_without_a_name() -> None:
    found = effective({"engine": {"threads": 2}, "streams": {"a": {"source": "x"}}})
    assert found == {
        "engines": {"default": {"threads": 2}},
        "streams": {"a": {"engine": "default", "source": "x"}},
    }


def test_the_one_without_a_name_may_stand_beside_others() -> None:
    found = effective({"engine": {}, "engines": {"big": {}}, "streams": {"a": {}}})
    assert found == {"engines": {"default": {}, "big": {}}, "streams": {"a": {}}}


def test_the_only_engine_need_not_be_named_by_streams() -> None:
    found = effective({"engines": {"big": {}}, "streams": {"a": {}, "b": {"engine": "small"}}})
    assert found["streams"] == {"a": {"engine": "big"}, "b": {"engine": "small"}}


def test_defaults_hold_unless_the_stream_says_otherwise() -> None:
    found = effective({"defaults": {"ema": 0.1, "engine": "x"}, "streams": {"a": {}, "b": {"ema": 0.2}}})
    assert found["streams"] == {"a": {"ema": 0.1, "engine": "x"}, "b": {"ema": 0.2, "engine": "x"}}


@pytest.mark.parametrize(
    "document",
    [
        3,
        {"engine": 1, "engines": []},
        {"engine": {}, "engines": {"default": {}}},
        {"defaults": 3, "streams": {"a": {}}},
        {"defaults": {}, "streams": 3},
        {"engines": {"a": {}}, "streams": {"b": 3}},
    ],
)
def test_what_has_the_wrong_shape_is_left_for_the_check(document: object) -> None:
    assert effective(document) == document


def test_doing_it_twice_changes_nothing() -> None:
    once = effective({"engine": {}, "defaults": {"ema": 0.1}, "streams": {"a": {"source": "x"}}})
    assert effective(once) == once


def test_the_place_a_user_knows() -> None:
    where = ("engines", "default", "threads")
    assert written_as(where, {"engine": {}}) == ("engine", "threads")
    assert written_as(where, {"engines": {"default": {}}}) == where


def test_a_former_key_is_called_by_its_present_name() -> None:
    assert effective({"engine": {"package": "x", "threads": 2}}) == {
        "engines": {"default": {"model": "x", "threads": 2}}
    }
    both = {"engines": {"big": {"package": "x", "model": "y"}, "package": {}}}
    assert effective(both) == both, "the schema complains"


@pytest.mark.parametrize(
    ("document", "written", "holds"),
    [
        ({"engine": {"package": "x"}}, ("engine", "package"), ("engines", "default", "model")),
        ({"engine": {"model": "x"}}, ("engine", "model"), ("engines", "default", "model")),
        ({"engines": {"big": {"package": "x"}}}, ("engines", "big", "package"), ("engines", "big", "model")),
        ({"engines": {"package": {}}}, ("engines", "package"), ("engines", "package")),
    ],
)
def test_the_place_of_a_former_key(
    document: object, written: tuple[str, ...], holds: tuple[str, ...]
) -> None:
    assert as_effective(written, document) == holds
    assert written_as(holds, document) == written


def test_defaults_that_would_be_very_many_values_are_refused() -> None:
    defaults = {f"k{i}": [1] * 9 for i in range(100)}
    streams: dict[str, object] = {f"s{i}": {} for i in range(200)}
    with pytest.raises(ValueError, match="defaults: 1001 values are too many for each of 200 streams"):
        effective({"defaults": defaults, "streams": streams})
