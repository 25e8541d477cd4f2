"""What holds for the engine that serves."""

from __future__ import annotations

from dataclasses import replace

from streamseg.config.schema import EngineConfig
from streamseg.daemon.engine.tuning import batching_of, tuned
from streamseg.inference.scheduler import BatchingPolicy
from tests.fakes.engine import fake_package


def test_only_what_needs_no_other_engine_is_taken_over() -> None:
    wanted = EngineConfig(threads=2, fallback=False, max_batch_wait_ms=5.0, backend="onnxruntime")
    assert tuned(EngineConfig(threads=1), wanted) == EngineConfig(
        threads=1, fallback=False, max_batch_wait_ms=5.0
    )


def test_a_package_for_one_picture_makes_no_batches() -> None:
    config = EngineConfig(max_batch=8, max_batch_wait_ms=5.0)
    package = fake_package()
    one = replace(package, manifest=package.manifest.model_copy(update={"max_batch": 1}))
    assert batching_of(config, package) == BatchingPolicy(8, 0.005)
    assert batching_of(config, one) == BatchingPolicy(1, 0.005)
