"""What of an engine's configuration holds for the one that serves, and for one that is being made."""

from __future__ import annotations

from streamseg.config.metadata import Reload, reload_of
from streamseg.config.schema import EngineConfig
from streamseg.inference.packages.package import Package
from streamseg.inference.scheduler import BatchingPolicy


def tuned(held: EngineConfig, wanted: EngineConfig) -> EngineConfig:
    """`held`, but for the keys that need no other engine: those are as wanted."""
    keys = EngineConfig.model_fields.items()
    live = {name: getattr(wanted, name) for name, key in keys if reload_of(key) is Reload.LIVE}
    return held.model_copy(update=live)


def batching_of(config: EngineConfig, package: Package) -> BatchingPolicy:
    """As configured, as far as the package allows."""
    most = package.manifest.max_batch or config.max_batch
    return BatchingPolicy(min(config.max_batch, most), config.max_batch_wait_ms / 1e3)
