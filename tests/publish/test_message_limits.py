"""Texts of any length and content fit the wire, cut where they must be."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamseg.publish.message_limits import fit_info, fit_status
from streamseg.types import ClassInfo, StateChange, StreamState
from streamseg.wire.control_headers import InfoHeader
from streamseg.wire.message import dump_header, load_header
from streamseg.wire.topics import Kind
from tests.publish.conftest import MODEL

TEXTS = st.text(st.characters(categories=None), max_size=40)  # lone surrogates too


def test_what_fits_is_left_as_it_is() -> None:
    info = InfoHeader("gate", "e1", MODEL)
    assert fit_info(info) is info


@pytest.mark.parametrize("name", ["long" * 200, "é" * 500, "\0" * 300, "\U0001f600" * 200, "\udcff" * 10])
def test_long_names_of_many_classes_are_cut_and_the_rest_is_kept(name: str) -> None:
    classes = tuple(ClassInfo(i, name, (i, 0, 0)) for i in range(256))
    found = fit_info(InfoHeader("gate", "e1", replace(MODEL, classes=classes)))
    assert found is not None
    assert [(c.id, c.color) for c in found.model.classes] == [(c.id, c.color) for c in classes]
    assert all(c.name for c in found.model.classes)
    assert load_header(Kind.INFO, dump_header(found)) == found


def test_a_licence_longer_than_subscribers_read_is_cut() -> None:
    found = fit_info(InfoHeader("gate", "e1", replace(MODEL, license="all rights reserved " * 500)))
    assert found is not None
    assert found.model.license.startswith("all rights reserved")
    assert found.model.license.endswith("…")
    assert found.model.classes == MODEL.classes


def test_what_is_no_text_cannot_be_cut() -> None:
    broken = replace(MODEL, classes=(ClassInfo(1000, "beyond a byte", (0, 0, 0)),))
    assert fit_info(InfoHeader("gate", "e1", broken)) is None


@given(name=TEXTS, license_=TEXTS, factor=st.sampled_from([1, 10, 1000]), classes=st.integers(0, 300))
def test_whatever_a_package_says_subscribers_can_read_it(
    name: str, license_: str, factor: int, classes: int
) -> None:
    listed = tuple(ClassInfo(i % 256, name * factor, (0, 0, 0)) for i in range(classes))
    model = replace(MODEL, name=name, version=name * factor, license=license_ * factor, classes=listed)
    found = fit_info(InfoHeader("gate", "e1", model))
    assert found is not None
    assert load_header(Kind.INFO, dump_header(found)) == found


@given(
    message=TEXTS, factor=st.sampled_from([1, 100]), number=st.sampled_from([1.0, None, math.nan, math.inf])
)
def test_whatever_a_status_says_subscribers_can_read_it(
    message: str, factor: int, number: float | None
) -> None:
    change = StateChange("gate", StreamState.BACKOFF, 5.0, "auth", message * factor, number)
    found = fit_status(change, "e1", number)
    assert load_header(Kind.STATUS, dump_header(found)) == found
    assert (found.since, found.reason) == (5.0, "auth")
    assert found.fps == found.retry_in_s == (1.0 if number == 1.0 else None)
