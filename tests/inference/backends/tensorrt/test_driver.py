from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import pytest

from streamseg.inference.backends.tensorrt.driver import Gpu, probe

ORIN = Gpu("Orin", (8, 7), integrated=True)


class Cuda:
    """A driver's library that answers as it is told."""

    def __init__(self, code: int = 0, gpus: tuple[Gpu, ...] = ()) -> None:
        self.code, self.gpus = code, gpus

    def cuInit(self, flags: int) -> int:  # noqa: N802 the library's name
        return self.code

    def cuDeviceGetCount(self, count: Any) -> int:  # noqa: N802
        count._obj.value = len(self.gpus)
        return 0

    def cuDeviceGetName(self, name: Any, size: int, index: int) -> int:  # noqa: N802
        name.value = self.gpus[index].name.encode()
        return 0

    def cuDeviceGetAttribute(self, value: Any, attribute: int, index: int) -> int:  # noqa: N802
        major, minor = self.gpus[index].capability
        value._obj.value = {18: int(self.gpus[index].integrated), 75: major, 76: minor}[attribute]
        return 0

    def cuDriverGetVersion(self, version: Any) -> int:  # noqa: N802
        version._obj.value = 12060
        return 0


def driver(monkeypatch: pytest.MonkeyPatch, cuda: Cuda) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: cuda)


def test_no_library() -> None:
    state = probe("libcuda-of-nobody.so.1")
    assert not state.usable
    assert state.why_not == "no NVIDIA driver on this machine: libcuda-of-nobody.so.1 was not found"


@pytest.mark.parametrize(
    ("code", "words"),
    [(34, "is a stub"), (35, "older than this CUDA"), (100, "finds no GPU"), (999, "(cuInit: 999)")],
)
def test_every_refusal_has_words_of_its_own(monkeypatch: pytest.MonkeyPatch, code: int, words: str) -> None:
    driver(monkeypatch, Cuda(code))
    state = probe()
    assert not state.usable
    assert words in state.why_not


def test_a_driver_that_starts_without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    driver(monkeypatch, Cuda())
    assert "finds no GPU" in probe().why_not


def test_what_a_driver_tells(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    driver(monkeypatch, Cuda(gpus=(ORIN,)))
    (tmp_path / "version").write_text("540.4.0\n", encoding="ascii")
    state = probe(module_version=tmp_path / "version")
    assert state.usable
    assert state.gpus == (ORIN,)
    assert (state.cuda, state.driver, state.why_not) == ("12.6", "540.4.0", "")


def test_a_driver_whose_module_has_no_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    driver(monkeypatch, Cuda(gpus=(ORIN,)))
    assert probe(module_version=tmp_path / "none").driver == ""


def test_the_loader_is_the_only_one_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def load(name: str) -> ctypes.CDLL:
        asked.append(name)
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", load)
    assert not probe().usable
    assert asked == ["libcuda.so.1"]
