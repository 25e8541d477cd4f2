"""Half precision is used where it is fast."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest
import torch

from streamseg.training.loop import amp
from streamseg.training.loop.amp import autocast, has_bf16
from streamseg.training.loop.distributed import new_fabric


@pytest.mark.parametrize(("fast", "dtype"), [(True, torch.bfloat16), (False, torch.float32)])
def test_convolutions_are_in_half_where_the_device_has_it(
    monkeypatch: pytest.MonkeyPatch, fast: bool, dtype: torch.dtype
) -> None:
    monkeypatch.setattr(amp, "has_bf16", lambda _: fast)
    with autocast("cpu"):
        assert torch.nn.functional.conv2d(torch.ones(1, 1, 4, 4), torch.ones(1, 1, 1, 1)).dtype is dtype


@pytest.mark.skipif(torch.cuda.is_available(), reason="the run would be on the GPU")
@pytest.mark.parametrize(("fast", "name"), [(True, "bf16-mixed"), (False, "32-true")])
def test_a_run_on_a_cpu_without_it_is_in_float32(
    monkeypatch: pytest.MonkeyPatch, fast: bool, name: str
) -> None:
    monkeypatch.setattr("streamseg.training.loop.distributed.has_bf16", lambda _: fast)
    assert new_fabric().strategy.precision.precision == name


def test_this_processor_says_what_it_has() -> None:
    if platform.machine() != "x86_64":
        pytest.skip("its list of features has other names")
    assert has_bf16("cpu") == ("avx512_bf16" in Path("/proc/cpuinfo").read_text(encoding="ascii"))
