from __future__ import annotations

import importlib
import sys
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import pytest
import tflite
from numpy.typing import NDArray

from streamseg.convert.convert import Label, wrap, write_package
from streamseg.convert.options import ConvertOptions, Layout
from streamseg.convert.output_detection import OutputKind
from streamseg.convert.tflite import reader as ours
from streamseg.convert.tflite.operators import read_tflite
from streamseg.errors import MissingExtraError, PackageError
from streamseg.inference.backend import BackendName
from streamseg.inference.backends.registry import load_engine
from tests.fakes.tflite import Network, Scale
from tests.parts.samples import carphone_clip, selfie_network

ONE = {"StrideW": 1, "StrideH": 1, "DilationWFactor": 1, "DilationHFactor": 1}


def small(folder: Path, weights: NDArray[Any], scale: Scale | None = None) -> Path:
    """A network of one 1×1 convolution of three colours to two channels."""
    net = Network()
    source, result = net.tensor(1, 32, 48, 3), net.tensor(1, 32, 48, 2)
    inputs = [source, net.const(weights, scale), net.const(np.array([0.5, -0.5], np.float32))]
    net.operator("CONV_2D", inputs, [result], "Conv2DOptions", **ONE)
    path = folder / "network.tflite"
    path.write_bytes(net.finish([source], [result]))
    return path


def test_its_picture_and_answer(tmp_path: Path) -> None:
    model = read_tflite(small(tmp_path, np.ones((2, 1, 1, 3), np.float32)))
    (source,), (result,) = model.graph.input, model.graph.output
    assert [size.dim_param or size.dim_value for size in source.type.tensor_type.shape.dim] == [
        "N",
        32,
        48,
        3,
    ]
    assert result.name == "t1"


def test_weights_may_be_quantised(tmp_path: Path) -> None:
    stored = np.array([[[[100, -50, 25]]], [[[-128, 0, 127]]]], np.int8)
    scale = np.array([0.01, 0.002], np.float32)
    asked = ConvertOptions(("a", "b"))
    wrapped = wrap(small(tmp_path, stored, Scale(scale.tolist(), (0, 0))), asked)
    assert wrapped.int8 is None  # what flows through it is float
    assert wrapped.network.layout is Layout.NHWC
    package = write_package(wrapped, asked, Label("small", "1", "CC0-1.0", "none"), tmp_path / "small")
    picture = np.random.default_rng(0).integers(0, 256, (1, 32, 48, 3), dtype=np.uint8)
    with closing(load_engine(package, "onnxruntime", cache_dir=tmp_path)) as engine:
        logits = engine.start(picture).logits()
    real = stored[:, 0, 0].astype(np.float32) * scale[:, None]
    expected = picture / 255 @ real.T + np.array([0.5, -0.5])
    np.testing.assert_allclose(logits, expected.transpose(0, 3, 1, 2), atol=1e-4)


def test_computed_weights_are_refused(tmp_path: Path) -> None:
    net = Network()
    source, weights, result = net.tensor(1, 32, 48, 3), net.tensor(2, 1, 1, 3), net.tensor(1, 32, 48, 2)
    net.operator("RELU", [source], [weights])
    net.operator("CONV_2D", [source, weights], [result], "Conv2DOptions", **ONE)
    (tmp_path / "network.tflite").write_bytes(net.finish([source], [result]))
    with pytest.raises(PackageError, match="weights or sizes that are computed are not known here"):
        read_tflite(tmp_path / "network.tflite")


@pytest.mark.parametrize("content", [b"", b"no network", b"\x08\x08" * 50])
def test_another_file_is_no_network(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "network.tflite"
    path.write_bytes(content)
    with pytest.raises(PackageError, match=r"network\.tflite: is no TFLite network"):
        read_tflite(path)


def test_a_damaged_network_is_told_as_such(tmp_path: Path) -> None:
    path = small(tmp_path, np.ones((2, 1, 1, 3), np.float32))
    whole = path.read_bytes()
    for end in range(8, len(whole), 97):
        path.write_bytes(whole[:end])
        with pytest.raises(PackageError, match=r"network\.tflite: "):
            read_tflite(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=r"absent\.tflite: cannot be read: No such file"):
        read_tflite(tmp_path / "absent.tflite")


def test_without_its_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tflite", None)
    with pytest.raises(MissingExtraError, match=r"streamseg\[convert\]"):
        importlib.reload(ours)
    monkeypatch.setitem(sys.modules, "tflite", tflite)
    importlib.reload(ours)


@pytest.mark.real
@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
def test_a_person_is_found(backend: str, tmp_path: Path) -> None:
    asked = ConvertOptions(("background", "person"))
    wrapped = wrap(selfie_network(tmp_path), asked)
    assert wrapped.reading.meaning is OutputKind.ONE_PROBABILITY
    label = Label("selfie", "1", "Apache-2.0", "not stated")
    package = write_package(wrapped, asked, label, tmp_path / "selfie")
    with (
        av.open(str(carphone_clip(tmp_path))) as clip,
        closing(load_engine(package, cast("BackendName", backend), "f32", cache_dir=tmp_path)) as engine,
    ):
        frames = (frame.to_ndarray(format="rgb24", width=256, height=256) for frame in clip.decode(video=0))
        shares = [(engine.start(frame[None]).readout().labels == 1).mean() for frame in frames]
    assert len(shares) == 120
    assert min(shares) > 0.35
    assert max(shares) < 0.60
