"""Networks that were not made here, wrapped and run by the daemon like any other."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamseg.client.subscription import subscribe
from streamseg.convert.convert import Label, wrap, write_package
from streamseg.convert.options import ConvertOptions
from tests.e2e.conftest import Start
from tests.fakes.networks import Foreign, save_network
from tests.parts.samples import carphone_clip, selfie_network
from tests.waiting import time_limit

LIVE = "lavfi:testsrc2=size=96x64:rate=25"
TWO = ConvertOptions(("background", "person"))


def packed(network: Path, engines: Path) -> None:
    write_package(wrap(network, TWO), TWO, Label("foreign", "1", "Apache-2.0", "none"), engines / "foreign")


@pytest.mark.parametrize("temporal", ["ema", "none"])
def test_it_runs_without_a_stabiliser(start: Start, engines: Path, tmp_path: Path, temporal: str) -> None:
    packed(save_network(tmp_path / "n.onnx", Foreign("sigmoid", "nhwc", 1)), engines.parent)
    address = f"ipc://{tmp_path}/masks"
    options = ("--name", "gate", "--model", "foreign", "--temporal", temporal, "--bind", address)
    start("run", "--source", LIVE, *options)
    with subscribe(address, stream="gate", latest=False, timeout_s=time_limit(90)) as masks:
        seen = [next(masks) for _ in range(5)]
        assert masks.info is not None
        assert [entry.name for entry in masks.info.classes] == ["background", "person"]
    assert {mask.labels.shape for mask in seen} == {(48, 64)}


def test_asked_for_a_stabiliser_it_says_what_to_do(start: Start, engines: Path, tmp_path: Path) -> None:
    packed(save_network(tmp_path / "n.onnx", Foreign("labels", classes=2)), engines.parent)
    _, told = start("run", "--source", LIVE, "--model", "foreign").communicate(timeout=time_limit(90))
    assert "temporal mode convgru needs a package with a stabiliser; use ema or none" in told


@pytest.mark.real
@pytest.mark.parametrize("temporal", ["ema", "none"])
def test_a_person_is_found_in_every_frame(start: Start, engines: Path, tmp_path: Path, temporal: str) -> None:
    packed(selfie_network(tmp_path), engines.parent)
    clip, address = carphone_clip(tmp_path), f"ipc://{tmp_path}/masks"
    options = ("--name", "car", "--model", "foreign", "--temporal", temporal, "--bind", address)
    start("run", "--source", str(clip), "--loop", *options)
    with subscribe(address, stream="car", latest=False, timeout_s=time_limit(90)) as masks:
        shares = [float((next(masks).labels == 1).mean()) for _ in range(100)]
    assert min(shares) > 0.35
    assert max(shares) < 0.60
