"""Reading JSON: values are checked as they are taken."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamseg.errors import WireError
from streamseg.wire.json_reader import JsonReader, dump_object, load_object


def fields(**content: object) -> JsonReader:
    return JsonReader(content, "header")


def test_json_is_compact_utf8_in_the_order_given() -> None:
    assert dump_object({"b": 1, "a": ["ß", None]}, 100) == '{"b":1,"a":["ß",null]}'.encode()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800"])
def test_what_json_cannot_hold_is_not_written(value: object) -> None:
    with pytest.raises(WireError, match="cannot be written"):
        dump_object({"a": value}, 100)


def test_what_is_too_long_is_neither_written_nor_read() -> None:
    with pytest.raises(WireError, match="at most 10"):
        dump_object({"a": "long enough"}, 10)
    with pytest.raises(WireError, match="at most 10"):
        load_object(b'{"a": "long enough"}', 10)


@pytest.mark.parametrize(
    "raw",
    [
        *(b"", b"{", b"\xff", b'{"a": NaN}', b'{"a": -Infinity}', b"[" * 4000, b'{"a":' * 4000, b"1" * 4096),
        *(b"[]", b"1", b"null", b'"text"'),
    ],
)
def test_what_is_no_json_object_is_refused(raw: bytes) -> None:
    with pytest.raises(WireError):
        load_object(raw, 65536)


@given(st.binary(max_size=300))
def test_any_bytes_are_an_object_or_a_wire_error(raw: bytes) -> None:
    try:
        load_object(raw, 300)
    except WireError:
        return


@pytest.mark.parametrize(
    ("value", "take"),
    [
        ("1", lambda f: f.whole("a")),
        (True, lambda f: f.whole("a")),
        (1.0, lambda f: f.whole("a")),
        (-1, lambda f: f.whole("a")),
        (2**53 + 1, lambda f: f.whole("a")),
        (None, lambda f: f.whole("a")),
        (-1, lambda f: f.whole_or_none("a")),
        (True, lambda f: f.number("a")),
        ("1", lambda f: f.number("a")),
        (float("inf"), lambda f: f.number("a")),
        (10**400, lambda f: f.number("a")),
        ([1], lambda f: f.number_or_none("a")),
        (1, lambda f: f.text("a")),
        ("x" * 1025, lambda f: f.text("a")),
        ("\ud800", lambda f: f.text("a")),
        ("../x", lambda f: f.word("a")),
        ("", lambda f: f.word("a")),
        ("x" * 65, lambda f: f.word("a")),
        (1, lambda f: f.word("a")),
        (0, lambda f: f.flag("a")),
        ([1, 2, 3], lambda f: f.wholes("a", 2, 9)),
        ([10], lambda f: f.wholes("a", 2, 9)),
        ({}, lambda f: f.numbers("a", 2)),
        (["1"], lambda f: f.numbers("a", 2)),
        ([], lambda f: f.part("a")),
        ([1], lambda f: f.parts("a", 3)),
        ({"x": "1"}, lambda f: f.named_numbers("a")),
    ],
)
def test_unfit_values_are_refused(value: object, take: Callable[[JsonReader], object]) -> None:
    with pytest.raises(WireError, match=r"header(\.a)?"):
        take(fields(a=value))


def test_fit_values_are_taken() -> None:
    found = fields(n=1, x=2, t="ß", f=False, ns=[1, 2], xs=[0.5, 1], o={"a": 1}, none=None, os=[{"k": 1}])
    assert (found.whole("n"), found.number("x"), found.text("t"), found.flag("f")) == (1, 2.0, "ß", False)
    assert (found.wholes("ns", 2, 2), found.numbers("xs", 2)) == ((1, 2), (0.5, 1.0))
    assert (found.whole_or_none("none"), found.number_or_none("gone")) == (None, None)
    assert (found.text("gone", "default"), found.named_numbers("o")) == ("default", {"a": 1.0})
    assert [part.whole("k") for part in found.parts("os", 1)] == [1]


def test_errors_name_the_place() -> None:
    with pytest.raises(WireError, match=r"header\.outer\.inner: a finite number is wanted, not 'x'"):
        fields(outer={"inner": "x"}).part("outer").number("inner")
    with pytest.raises(WireError, match="header: 'gone' is missing"):
        fields().whole("gone")
