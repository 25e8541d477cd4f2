"""How labels of a network in integers are held against LiteRT's."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import integers
from benchmarks.clip import make_clip
from streamseg.errors import StreamsegError
from streamseg.types import U8
from tests.fakes.quantized import Quantized


class Stand:
    """In LiteRT's place: everything is class 1, or without XNNPACK class 0."""

    def __init__(self, path: Path, *, xnnpack: bool = True) -> None:
        assert path.exists()
        self._label = int(xnnpack)

    def labels(self, picture: U8) -> U8:
        return np.full(picture.shape[:2], self._label, np.uint8)


def network(folder: Path) -> Path:
    """One convolution of 1×1, of which class 1 wins by its bias."""
    made = Quantized("uint8")
    source, answer = made.tensor(1, 32, 48, 3), made.tensor(1, 32, 48, 2)
    kernel = np.linspace(-0.1, 0.1, 6, dtype=np.float32).reshape(2, 1, 1, 3)
    inputs = [source, made.const(kernel), made.const(np.array([-2.0, 2.0], np.float32))]
    made.operator("CONV_2D", inputs, [answer], "Conv2DOptions", StrideW=1, StrideH=1)
    path = folder / "network.tflite"
    path.write_bytes(made.finish([source], [answer]))
    return path


def test_every_backend_and_precision_has_its_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(integers, "LiteRt", Stand)
    clip = make_clip(tmp_path / "made.mp4", frames=6)
    asked = ["--classes", "road,sky", "--clip", str(clip), "--frames", "2"]
    monkeypatch.setattr(sys, "argv", ["integers", str(network(tmp_path)), *asked])
    integers.main()
    machine, found = map(json.loads, capsys.readouterr().out.splitlines())
    assert machine["cores"] > 0
    assert (found["network"], found["pictures"]) == ("network.tflite", 2)
    for name in ("onnxruntime int8", "onnxruntime f32", "openvino int8", "openvino f32"):
        assert found[name] == {"mean": 100.0, "worst": 100.0}
    assert found["litert without xnnpack"] == {"mean": 0.0, "worst": 0.0}


def test_pictures_are_evenly_spaced(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "made.mp4", frames=9)
    found = list(integers.spaced(clip, (48, 32), 4))
    assert [picture.shape for picture in found] == [(32, 48, 3)] * 4
    with pytest.raises(StreamsegError, match="fewer than 10 pictures"):
        list(integers.spaced(clip, (48, 32), 10))
    with pytest.raises(StreamsegError, match="cannot be read"):
        list(integers.spaced(tmp_path / "nowhere.mp4", (48, 32), 1))


def test_shares_are_per_cent() -> None:
    picture = np.zeros((2, 2, 3), np.uint8)
    found = integers.shares(
        lambda one: one[..., 0], [picture, picture + 1], [picture[..., 0], picture[..., 0]]
    )
    assert found == {"mean": 50.0, "worst": 0.0}
