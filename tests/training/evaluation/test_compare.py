"""Packages side by side: told apart, of the same classes, their weights counted."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from streamseg.errors import TrainingError
from streamseg.inference.engine import EngineInfo
from streamseg.training.evaluation.compare import (
    Measured,
    check_classes,
    count_weights,
    name_apart,
    side_by_side,
)
from tests.fakes.packages import Tiny, make_package
from tests.training.export.test_model_card import MEASURES

INFO = EngineInfo("openvino", "f32", "a processor", "1", "")


def test_packages_of_one_name_are_called_as_the_user_did(tmp_path: Path) -> None:
    a, b = make_package(tmp_path / "a"), make_package(tmp_path / "b")
    other = make_package(tmp_path, name="other")
    assert name_apart([a, other], ["x/tiny", "y"]) == ["tiny", "other"]
    assert name_apart([a, b, other], ["a/tiny", "b/tiny", "y"]) == ["a/tiny", "b/tiny", "other"]
    with pytest.raises(TrainingError, match="a/tiny would be compared with itself"):
        name_apart([a, a], ["a/tiny", "a/tiny"])


def test_only_the_same_classes_can_be_compared(tmp_path: Path) -> None:
    three = make_package(tmp_path / "a", Tiny(classes=3))
    four = make_package(tmp_path / "b", Tiny(classes=4))
    check_classes([three, make_package(tmp_path / "c", Tiny(classes=3, seed=1))])
    with pytest.raises(TrainingError, match=r"b/tiny are not those of .*a/tiny"):
        check_classes([three, four])


def test_columns_are_package_and_mode_and_the_truth_comes_once() -> None:
    better = replace(MEASURES, miou=0.8)
    truth = replace(MEASURES, miou=1.0)
    a = Measured(INFO, 10, {"none": MEASURES, "convgru": better, "truth": truth})
    b = Measured(INFO, 20, {"none": better, "truth": truth})
    columns = side_by_side({"a": a, "b": b})
    assert columns == {"a:none": MEASURES, "a:convgru": better, "b:none": better, "truth": truth}
    assert list(columns)[-1] == "truth"
    still = Measured(INFO, 10, {"none": MEASURES})
    assert side_by_side({"a": still}) == {"a:none": MEASURES}


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    """Twelve weights in float16, two biases in float32, and a shape of four numbers."""
    tensors = {"w": np.zeros((3, 4), np.float16), "b": np.ones(2, np.float32), "s": np.ones(4, np.int64)}
    initialisers = [numpy_helper.from_array(values, name) for name, values in tensors.items()]
    onnx.save(helper.make_model(helper.make_graph([], "g", [], [], initialisers)), tmp_path / "g.onnx")
    return tmp_path / "g.onnx"


def test_weights_are_counted_and_shapes_are_not(graph: Path) -> None:
    assert count_weights(graph) == 14


def test_without_onnx_nothing_is_counted(graph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert count_weights(graph) is None
