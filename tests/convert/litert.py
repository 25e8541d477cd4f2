"""TFLite networks as LiteRT itself computes them: skipped with a reason where it is not installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.integers import LiteRt


def litert(path: Path) -> LiteRt:
    """A network in LiteRT's interpreter."""
    reason = "ai-edge-litert is not installed: pip install 'streamseg[litert]'"
    pytest.importorskip("ai_edge_litert.interpreter", reason=reason)
    return LiteRt(path)
