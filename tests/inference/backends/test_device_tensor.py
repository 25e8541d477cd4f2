"""Tensors on a device, the host standing in for it."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

from streamseg.inference.backends.device_tensor import DeviceSession, DeviceTensor, Place, finite_rows
from streamseg.inference.backends.one_node_graphs import CONCAT
from streamseg.types import F32

HOST = Place("cpu")
ROWS = np.arange(4 * 2 * 3 * 3, dtype=np.float32).reshape(4, 2, 3, 3)


def on_device(array: F32, place: Place = HOST) -> DeviceTensor:
    value = onnxruntime.OrtValue.ortvalue_from_numpy(array)
    return DeviceTensor(value, place, range(len(array)), (True,) * len(array))


def joined(first: object, second: object) -> F32:
    options = onnxruntime.SessionOptions()
    session = onnxruntime.InferenceSession(CONCAT, options, providers=["CPUExecutionProvider"])
    made: F32 = DeviceSession(session, HOST).run({"a": first, "b": second}, ["y"], ())["y"]
    return made


def test_a_row_is_where_it_is_in_the_whole() -> None:
    whole = on_device(ROWS)
    row = whole.row(2)
    assert row.shape == (1, 2, 3, 3)
    assert row.address == whole.address + 2 * ROWS[0].nbytes
    np.testing.assert_array_equal(np.asarray(row), ROWS[2:3])


def test_what_numpy_gets_is_its_own() -> None:
    whole = on_device(ROWS.copy())
    host = np.asarray(whole)
    host[:] = -1
    np.testing.assert_array_equal(np.asarray(whole), ROWS)


def test_neighbours_become_one_again() -> None:
    whole = on_device(ROWS)
    one, two, three = (whole.row(index) for index in (1, 2, 3))
    both = one.extended(two)
    assert both is not None
    assert both.value is whole.value
    np.testing.assert_array_equal(np.asarray(both), ROWS[1:3])
    for other in (three, on_device(ROWS).row(2), ROWS[2:3]):  # not next, not of the same tensor, on the host
        assert one.extended(other) is None
    assert two.extended(one) is None


def test_a_session_reads_rows_in_place_and_arrays_from_the_host() -> None:
    whole = on_device(ROWS)
    np.testing.assert_array_equal(joined(whole.row(3), ROWS[:1]), ROWS[[3, 0]])


def test_a_tensor_of_another_device_is_copied_over() -> None:
    elsewhere = on_device(ROWS, Place("cuda", 1))  # whose address means nothing here
    np.testing.assert_array_equal(joined(elsewhere.row(3), ROWS[:1]), ROWS[[3, 0]])


@pytest.mark.parametrize("known", [(), (True, False, True, True)])
def test_each_rows_finiteness_is_told_or_found(known: tuple[bool, ...]) -> None:
    bad = ROWS.copy()
    bad[1, 0, 0, 0] = np.nan
    tensor = on_device(bad)
    tensor.finite = known
    assert finite_rows(tensor) == finite_rows(bad) == (True, False, True, True)
