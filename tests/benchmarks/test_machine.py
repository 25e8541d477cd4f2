"""Which machine a figure belongs to."""

from __future__ import annotations

import json

from benchmarks.machine import describe


def test_the_machine_is_named_in_plain_json() -> None:
    machine = json.loads(json.dumps(describe()))
    assert machine["cpu"]
    assert machine["cores"] >= 1
    assert set(machine["versions"]) >= {"openvino", "numpy"}
