from __future__ import annotations

from streamseg.inference.engine import InferenceEngine, model_info
from streamseg.types import ClassInfo
from tests.fakes.engine import FakeEngine, fake_package


def test_what_subscribers_are_told() -> None:
    engine: InferenceEngine = FakeEngine(fake_package((64, 48), classes=2))
    told = model_info(engine)
    assert (told.name, told.version, told.license) == ("fake", "1", "CC0-1.0")
    assert told.classes == (ClassInfo(0, "class0", (0, 0, 0)), ClassInfo(1, "class1", (1, 2, 3)))
    assert (told.backend, told.precision, told.mask_wh) == ("fake", "f32", (64, 48))
    assert told.sha256 == engine.package.sha256
