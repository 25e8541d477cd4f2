"""Fully quantised networks of other people, 20 real pictures each: labels against LiteRT's."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from benchmarks.integers import spaced
from streamseg.convert.convert import Label, wrap, write_package
from streamseg.convert.options import ConvertOptions
from streamseg.inference.backend import BackendName, Precision
from streamseg.inference.backends.registry import load_engine
from streamseg.inference.packages.package import Package
from streamseg.types import U8
from tests.convert.litert import litert
from tests.waiting import time_limit

# classes, and how much of LiteRT's labels float and OpenVINO's integers give at least. The rounding errors of
# Cityscapes' add up: LiteRT's own kernels without XNNPACK give .92 of its labels, OpenVINO's .94
NETWORKS = {
    "deeplabv3_mnv2_ade20k_uint8": (32, 0.98, 0.99),
    "deeplabv3_mnv2_ade20k_int8": (32, 0.98, 0.985),
    "deeplab_mobilenet_edgetpu_slim_cityscapes_quant": (19, 0.88, 0.92),
    "deeplabv3_mnv2_pascal_quant": (21, 0.99, 0.99),
}
CLIPS = ("clips/vtest.avi", "camvid/val-0016E5-15fps.mp4")  # ten pictures of each, evenly spaced


def frames(data: Path, size: int) -> list[U8]:
    if missing := [data / name for name in CLIPS if not (data / name).is_file()]:
        pytest.skip(f"{missing[0]} is not there")
    return [picture for name in CLIPS for picture in spaced(data / name, (size, size), 10)]


def agreement(package: Package, backend: str, precision: str, pictures: list[U8], theirs: list[U8]) -> float:
    chosen, asked = cast("BackendName", backend), cast("Precision", precision)
    with closing(load_engine(package, chosen, asked)) as engine:
        ours = [engine.start(picture[None]).readout().labels[0] for picture in pictures]
    return float(np.mean([np.mean(a == b) for a, b in zip(ours, theirs, strict=True)]))


@pytest.mark.real
@pytest.mark.data
@pytest.mark.timeout(time_limit(600))
@pytest.mark.parametrize("name", NETWORKS)
def test_labels_are_litert_s(
    name: str, camvid: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = camvid.parent / "teachers" / f"{name}.tflite"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    classes, by_float, by_openvino = NETWORKS[name]
    asked = ConvertOptions(tuple(f"class {index}" for index in range(classes)))
    wrapped = wrap(path, asked)
    package = write_package(wrapped, asked, Label("teacher", "1", "Apache-2.0", "none"), tmp_path / "teacher")
    lite = litert(path)
    pictures = frames(camvid.parent, wrapped.size_wh[0])
    theirs = [lite.labels(picture) for picture in pictures]
    assert len(pictures) == 20
    assert agreement(package, "onnxruntime", "int8", pictures, theirs) >= 0.99
    assert agreement(package, "openvino", "int8", pictures, theirs) >= by_openvino
    assert agreement(package, "onnxruntime", "f32", pictures, theirs) >= by_float
