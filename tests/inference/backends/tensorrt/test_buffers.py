from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from streamseg.inference.backends.tensorrt.buffers import Slots, size_of
from streamseg.inference.backends.tensorrt.cuda import Device
from streamseg.inference.packages.contract import ANY, GraphSpec, TensorSpec
from tests.fakes import pycuda

SPEC = GraphSpec(
    (TensorSpec("image", "uint8", (ANY, 4, 6, 3)),),
    (
        TensorSpec("logits", "float32", (ANY, 5, 2, 3)),
        TensorSpec("features", "float32", (ANY, 8, 2, 3)),
        TensorSpec("logits_check", "float32", (ANY, 5, 1, 1)),
    ),
)


@pytest.fixture
def slots() -> Iterator[Slots]:
    device = Device(pycuda, pop=lambda: None)
    with device.current():
        yield Slots(device, SPEC, 2)
    device.close()


def test_every_tensor_has_a_place_of_its_own(slots: Slots) -> None:
    slot = slots.take()
    assert set(slot.addresses) == {"image", "logits", "features", "logits_check"}
    assert len(set(slot.addresses.values())) == 4
    assert slot.image.host.shape == (2, 4, 6, 3)
    assert slot.check.host.shape == (2, 5, 1, 1)


def test_a_slot_is_one_runs_until_it_is_given_back(slots: Slots) -> None:
    first, second = slots.take(), slots.take()
    assert first is not second
    slots.give_back(first)
    assert slots.take() is first


def test_a_slot_the_device_still_uses_is_waited_for(slots: Slots) -> None:
    slot = slots.take()
    slot.image.send(np.ones((2, 4, 6, 3), np.uint8))
    slot.event.record(slots._device.stream)
    slots.give_back(slot)
    assert pycuda.world.queue
    assert slots.take() is slot
    assert not pycuda.world.queue


def test_no_event_outlives_its_context(slots: Slots, world: pycuda.World) -> None:
    kept = [slots.take(), slots.take()]
    slots.give_back(kept[0])
    slots.close()
    assert not any(isinstance(held, str) for held in world.taken)


def test_bytes_of_a_picture() -> None:
    assert [size_of(tensor) for tensor in (*SPEC.inputs, *SPEC.outputs)] == [72, 120, 192, 20]
