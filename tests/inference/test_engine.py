from __future__ import annotations

import pytest

from streamseg.errors import EngineError
from streamseg.inference.engine import InferenceEngine, graph_of, memory_shape, model_info, run_once
from streamseg.inference.packages.manifest import GraphRole
from streamseg.types import ClassInfo
from tests.fakes.engine import FakeEngine, fake_package


def test_what_subscribers_are_told() -> None:
    engine: InferenceEngine = FakeEngine(fake_package((64, 48), classes=2))
    told = model_info(engine)
    assert (told.name, told.version, told.license) == ("fake", "1", "CC0-1.0")
    assert told.classes == (ClassInfo(0, "class0", (0, 0, 0)), ClassInfo(1, "class1", (1, 2, 3)))
    assert (told.backend, told.precision, told.mask_wh) == ("fake", "f32", (64, 48))
    assert told.sha256 == engine.package.sha256


def test_a_memory_has_the_manifests_shape() -> None:
    assert memory_shape(fake_package((64, 48), classes=5), 3) == (3, 7, 12, 16)
    with pytest.raises(EngineError, match="fake: the package has no stabiliser, so no memory"):
        memory_shape(fake_package(stabiliser=False), 1)


def test_a_graph_that_is_not_there_is_named() -> None:
    package, loaded = fake_package(), {GraphRole.SEGMENTER: "it"}
    assert graph_of(package, loaded, GraphRole.SEGMENTER) == "it"
    with pytest.raises(EngineError, match="fake: the package has no readout"):
        graph_of(package, loaded, GraphRole.READOUT)
    with pytest.raises(EngineError, match="fake: the engine is closed"):
        graph_of(package, dict[GraphRole, str](), GraphRole.SEGMENTER)


@pytest.mark.parametrize("stabilise", [True, False])
def test_every_graph_is_run_once(stabilise: bool) -> None:
    engine = FakeEngine(fake_package(stabiliser=stabilise))
    run_once(engine, 2, stabilise=stabilise)
    assert engine.runs == 1
