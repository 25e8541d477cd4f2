"""What arithmetic a device is fast in."""

from __future__ import annotations

import platform

import torch


def has_bf16(device: str) -> bool:
    """Whether a device of this type computes in bfloat16 itself; on a CPU without, it takes longer.

    Args:
        device: As `torch.device.type` has it.
    """
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    if device != "cpu":
        return True
    # there are no public names for either
    if platform.machine() in {"aarch64", "arm64"}:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())  # noqa: SLF001
    return bool(torch.cpu._is_avx512_bf16_supported())  # noqa: SLF001


def autocast(device: str) -> torch.autocast:
    """Convolutions in bfloat16 inside a `with` block, where the device has it."""
    return torch.autocast(device, torch.bfloat16, enabled=has_bf16(device))
