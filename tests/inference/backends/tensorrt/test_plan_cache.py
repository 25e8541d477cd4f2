"""Plans are built once a machine, and again where anything about them differs."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from streamseg.inference.backends.tensorrt import plan_cache as module
from streamseg.inference.backends.tensorrt.build import BuildRequest, Built, build_plan
from streamseg.inference.backends.tensorrt.plan_cache import Plans
from streamseg.inference.backends.tensorrt.provider import requests
from streamseg.inference.cache.key import Machine, timing_key
from streamseg.inference.cache.store import CompileCache
from streamseg.inference.packages.manifest import GraphRole
from streamseg.inference.packages.package import Package
from tests.fakes import tensorrt
from tests.fakes.packages import make_package

MACHINE = Machine("tensorrt", "10.16.1.11", "RTX A2000", "8.6", "580.95.05, CUDA 13.0")
ROLES = ("segmenter", "stabiliser", "readout")


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bytes]]:
    """What is built from now on, and with what earlier builds have measured."""
    seen: list[tuple[str, bytes]] = []

    def spy(trt: Any, request: BuildRequest, timing: bytes, progress: Any) -> Built:
        seen.append((request.label, timing))
        made = build_plan(trt, request, timing, progress)
        return replace(made, timing=b"measured")

    monkeypatch.setattr(module, "build_plan", spy)
    return seen


def plans(package: Package, cache: Path, machine: Machine = MACHINE, most: int = 2, **changes: Any) -> Plans:
    asked = {role: replace(one, **changes) for role, one in requests(package, "f32", most).items()}
    return Plans(tensorrt, machine, CompileCache(cache), package, asked, "f32")


def test_what_is_built_once_is_there(
    package: Package, tmp_path: Path, built: list[tuple[str, bytes]]
) -> None:
    assert plans(package, tmp_path).missing() == ROLES
    first = plans(package, tmp_path).obtain()
    assert [label for label, _ in built] == [f"tiny/{role} f32" for role in ROLES]
    assert plans(package, tmp_path).missing() == ()
    assert plans(package, tmp_path).obtain() == first
    assert len(built) == 3


def test_a_build_goes_on_from_what_the_last_one_measured(
    package: Package, tmp_path: Path, built: list[tuple[str, bytes]]
) -> None:
    plans(package, tmp_path).obtain()
    assert [timing for _, timing in built] == [b"", b"measured", b"measured"]
    kept = CompileCache(tmp_path).load(timing_key(MACHINE))
    assert kept is not None
    assert bytes(kept) == b"measured"


@pytest.mark.parametrize("field", ["version", "device", "capability", "driver"])
def test_another_machine_has_no_plans(
    package: Package, tmp_path: Path, built: list[tuple[str, bytes]], field: str
) -> None:
    plans(package, tmp_path).obtain()
    words: dict[str, str] = {field: "other"}
    other = replace(MACHINE, **words)
    assert plans(package, tmp_path, other).missing() == ROLES
    plans(package, tmp_path, other).obtain()
    assert built[3][1] == b""  # nor its measurements


@pytest.mark.parametrize(
    "changes", [{"workspace_mb": 64}, {"tactic_mb": 64}, {"capabilities": ((8, 6),)}, {"onnx": b"prepared"}]
)
def test_other_wishes_are_other_plans(package: Package, tmp_path: Path, changes: dict[str, Any]) -> None:
    plans(package, tmp_path).obtain()
    assert plans(package, tmp_path, **changes).missing() == ROLES


def test_another_batch_or_package_is_another_plan(package: Package, tmp_path: Path) -> None:
    plans(package, tmp_path).obtain()
    assert plans(package, tmp_path, most=4).missing() == ROLES
    twin = make_package(tmp_path, name="twin")  # the same graphs: but a plan carries its package's name
    assert plans(twin, tmp_path).missing() == ROLES


def test_a_flipped_byte_is_found_reported_and_built_again(
    package: Package, tmp_path: Path, built: list[tuple[str, bytes]], caplog: pytest.LogCaptureFixture
) -> None:
    first = plans(package, tmp_path).obtain()
    victim = next(
        e
        for e in CompileCache(tmp_path).entries()
        if e.label is not None and e.label.origin.role == "readout"
    )
    data = bytearray(victim.path.read_bytes())
    data[-1] ^= 1
    victim.path.write_bytes(data)
    with caplog.at_level(logging.WARNING):
        assert plans(package, tmp_path).missing() == ("readout",)
    assert f"{victim.path} is not used: damaged" in caplog.text
    assert plans(package, tmp_path).obtain() == first
    assert [label for label, _ in built][3:] == ["tiny/readout f32"]


def test_the_steps_name_the_graph(package: Package, tmp_path: Path) -> None:
    phases: list[str] = []

    def progress(phase: str, _done: int, _of: int) -> bool:
        phases.append(phase)
        return True

    plans(package, tmp_path).obtain(progress)
    assert {phase.partition(": ")[0] for phase in phases} == set(ROLES)


def test_a_real_builders_plans_are_kept_too(package: Package, tmp_path: Path) -> None:
    rtx = pytest.importorskip("tensorrt_rtx")
    machine = replace(MACHINE, backend="tensorrt_rtx", version=rtx.__version__)
    request = replace(requests(package, "f32", 2)[GraphRole.READOUT], capabilities=((8, 6),))

    def fresh() -> Plans:
        return Plans(rtx, machine, CompileCache(tmp_path), package, {GraphRole.READOUT: request}, "f32")

    plan = fresh().obtain()[GraphRole.READOUT]
    assert len(plan) > 1000
    for entry in CompileCache(tmp_path).entries():
        data = bytearray(entry.path.read_bytes())
        data[len(data) // 2] ^= 1
        entry.path.write_bytes(data)
    assert fresh().missing() == ("readout",)
    fresh().obtain()
    assert fresh().missing() == ()
