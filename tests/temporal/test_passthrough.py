from __future__ import annotations

import numpy as np

from streamseg.temporal.stage import make_stage
from tests.fakes.engine import FakeEngine
from tests.temporal.conftest import make_frame


def test_each_frame_is_read_out_for_itself() -> None:
    engine = FakeEngine()
    stage = make_stage("none", engine)
    memory = None
    for seq in range(3):
        rgb = np.random.default_rng(seq).integers(0, 200, (1, 48, 64, 3), dtype=np.uint8)
        masks, memory = stage.step(engine.start(rgb), make_frame(seq), np.zeros((24, 32), np.uint8), memory)
        np.testing.assert_array_equal(masks.labels, engine.start(rgb).readout().labels)
        assert memory.state is None
        assert memory.reset is None
