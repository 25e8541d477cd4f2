"""Headers of infos, statuses and beats."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from streamseg.errors import WireError
from streamseg.types import ClassInfo
from streamseg.wire.control_headers import StatusHeader
from streamseg.wire.message import Header, dump_header, load_header
from streamseg.wire.topics import Kind
from tests.wire.samples import BEAT, INFO, STATUS


def changed(header: Header, **changes: Any) -> bytes:
    return json.dumps(json.loads(dump_header(header)) | changes).encode()


@pytest.mark.parametrize(
    "header", [INFO, STATUS, StatusHeader("gate", "e", "running", 1.5), BEAT, replace(BEAT, seq=None)]
)
def test_a_header_is_read_as_what_was_written(header: Header) -> None:
    assert load_header(header.kind, dump_header(header)) == header


def test_a_model_of_256_classes_fits() -> None:
    classes = tuple(ClassInfo(i, f"a class with a rather long name {i}", (i, i, i)) for i in range(256))
    info = replace(INFO, model=replace(INFO.model, classes=classes))
    assert load_header(Kind.INFO, dump_header(info)) == info


def test_a_state_of_tomorrow_is_read() -> None:
    status = load_header(Kind.STATUS, changed(STATUS, state="dreaming"))
    assert isinstance(status, StatusHeader)
    assert status.state == "dreaming"


@pytest.mark.parametrize(
    ("header", "changes"),
    [
        (INFO, {"classes": [{"id": 0, "name": "sky", "color": [1, 2]}]}),
        (INFO, {"classes": [{"id": 256, "name": "sky", "color": [1, 2, 3]}]}),
        (INFO, {"classes": [{"id": 0, "name": "sky", "color": [1, 2, 256]}]}),
        (INFO, {"classes": {}}),
        (INFO, {"model": None}),
        (INFO, {"mask": {"w": 0, "h": 1}}),
        (STATUS, {"state": None}),
        (STATUS, {"since": "today"}),
        (STATUS, {"fps": "many"}),
        (STATUS, {"message": "x" * 4096}),
        (BEAT, {"seq": -1}),
        (BEAT, {"time": None}),
    ],
)
def test_unfit_headers_are_refused(header: Header, changes: dict[str, Any]) -> None:
    with pytest.raises(WireError):
        load_header(header.kind, changed(header, **changes))
