"""streamseg: live video in, steady per-pixel masks out over ZeroMQ.

for seg in streamseg.subscribe("tcp://127.0.0.1:5555", stream="gate"):
    seg.labels  # [h, w] uint8
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamseg.client.subscription import subscribe

__version__ = "0.1.0"
__all__ = ["__version__", "subscribe"]


def __getattr__(name: str) -> object:
    """`subscribe` on first use: `import streamseg` alone stays light."""
    if name == "subscribe":
        from streamseg.client.subscription import subscribe  # noqa: PLC0415 on first use

        return subscribe
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
