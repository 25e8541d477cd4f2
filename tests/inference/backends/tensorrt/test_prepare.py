from __future__ import annotations

import sys

import numpy as np
import onnx
import pytest

from streamseg.errors import EngineError, PackageError
from streamseg.inference.backends.tensorrt.prepare import CHECKED, prepared
from streamseg.inference.packages.package import Package
from tests.inference.backends.tensorrt.graphs import (
    FLOAT,
    HALF,
    UINT8,
    model,
    node,
    ops,
    random,
    read,
    run,
    types,
)

PICTURE = np.random.default_rng(0).integers(0, 200, (2, 48, 64, 3), dtype=np.uint8)


def whole(package: Package, role: str) -> bytes:
    return (package.path / f"{role}.onnx").read_bytes()


def feeds(role: str) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    shapes = {"logits": 5, "guide": 1, "flow": 2, "memory": 9}
    names = list(shapes) if role == "stabiliser" else ["logits"]
    return {name: random(2, shapes[name], 12, 16) for name in names}


@pytest.mark.parametrize("role", ["segmenter", "stabiliser", "readout"])
def test_it_computes_what_it_computed(package: Package, role: str) -> None:
    content = whole(package, role)
    fed = {"image": PICTURE} if role == "segmenter" else feeds(role)
    before, after = run(content, fed), run(prepared(content, role, "f32"), fed)
    assert set(after) - set(before) == {CHECKED[name] for name in before if name in CHECKED}
    for name, array in before.items():
        np.testing.assert_array_equal(after[name], array)


@pytest.mark.parametrize("poison", [np.nan, np.inf])
def test_a_bad_value_shows_in_the_check_of_its_stream_alone(package: Package, poison: float) -> None:
    fed = feeds("stabiliser")
    fed["memory"][1, 7, 3, 4] = poison
    fed["flow"][...] = 0
    check = run(prepared(whole(package, "stabiliser"), "stabiliser", "f32"), fed)["memory_check"]
    assert check.shape == (2, 9, 1, 1)
    assert np.isfinite(check[0]).all()
    assert not np.isfinite(check[1]).all()


def test_a_picture_is_made_float_before_anything_else() -> None:
    graph = model(
        [node("Transpose", "image", "turned", perm=[0, 3, 1, 2]), node("Cast", "turned", "logits", to=FLOAT)],
        [("image", UINT8, ["N", 4, 6, 3])],
        [("logits", FLOAT, ["N", 3, 4, 6])],
    )
    content = prepared(graph.SerializeToString(), "a", "f32")
    assert ops(content)[:2] == ["Cast", "Transpose"]
    picture = np.arange(72, dtype=np.uint8).reshape(1, 4, 6, 3)
    np.testing.assert_array_equal(run(content, {"image": picture})["logits"], picture.transpose(0, 3, 1, 2))


def test_labels_become_bytes_out_of_floats(package: Package) -> None:
    kinds = types(prepared(whole(package, "readout"), "readout", "f32"))
    graph = read(prepared(whole(package, "readout"), "readout", "f32")).graph
    bytes_from = {e.input[0] for e in graph.node if e.op_type == "Cast" and e.attribute[0].i == UINT8}
    assert len(bytes_from) == 2
    assert {kinds[name] for name in bytes_from} == {FLOAT}


def test_weights_behind_a_cast_are_unfolded() -> None:
    graph = model(
        [node("Cast", "small", "weight", to=FLOAT), node("Conv", "x weight", "logits")],
        [("x", FLOAT, ["N", 2, 4, 4])],
        [("logits", FLOAT, ["N", 3, 4, 4])],
        small=random(3, 2, 1, 1).astype(np.float16),
        nobody=random(3),
    )
    content = prepared(graph.SerializeToString(), "a", "f32")
    assert ops(content) == ["Conv", "GlobalAveragePool"]
    assert [(w.name, w.data_type) for w in read(content).graph.initializer] == [("weight", FLOAT)]


def test_constants_are_weights() -> None:
    value = onnx.numpy_helper.from_array(random(1, 2, 4, 4))
    graph = model(
        [
            node("Constant", "", "shift", value=value),
            node("Constant", "", "scale", value_float=2.0),
            node("Add", "x shift", "moved"),
            node("Mul", "moved scale", "logits"),
        ],
        [("x", FLOAT, ["N", 2, 4, 4])],
        [("logits", FLOAT, ["N", 2, 4, 4])],
    )
    content = prepared(graph.SerializeToString(), "a", "f32")
    assert ops(content) == ["Constant", "Add", "Mul", "GlobalAveragePool"]
    assert [weight.name for weight in read(content).graph.initializer] == ["shift"]
    x = random(1, 2, 4, 4)
    np.testing.assert_array_equal(run(content, {"x": x})["logits"], (x + random(1, 2, 4, 4)) * 2)


def test_outputs_that_nobody_reads_are_left_out() -> None:
    graph = model(
        [node("Relu", "x", "logits"), node("Sigmoid", "x", "more")],
        [("x", FLOAT, ["N", 2, 4, 4])],
        [("logits", FLOAT, ["N", 2, 4, 4]), ("more", FLOAT, ["N", 2, 4, 4])],
    )
    outputs = read(prepared(graph.SerializeToString(), "a", "f32")).graph.output
    assert [output.name for output in outputs] == ["logits", "logits_check"]


def test_in_half_precision_what_goes_in_and_out_stays_as_it_was(package: Package) -> None:
    content = prepared(whole(package, "stabiliser"), "stabiliser", "f16")
    graph, kinds = read(content).graph, types(content)
    assert HALF in kinds.values()
    assert {value.name: value.type.tensor_type.elem_type for value in (*graph.input, *graph.output)} == {
        **dict.fromkeys(("logits", "guide", "flow", "memory", "memory_out", "memory_check"), FLOAT),
        **dict.fromkeys(("labels", "confidence"), UINT8),
    }
    sampling = next(entry for entry in graph.node if entry.op_type == "GridSample")
    assert {kinds[name] for name in (*sampling.input, *sampling.output)} == {FLOAT}


@pytest.mark.parametrize("content", [b"", b"no graph at all", None])
def test_what_is_no_graph_is_a_package_error(package: Package, content: bytes | None) -> None:
    broken = whole(package, "segmenter")[:900] if content is None else content
    with pytest.raises(PackageError, match=r"a/b\.onnx: ONNX cannot read it"):
        prepared(broken, "a/b.onnx", "f32")


def test_without_onnx_it_says_what_to_install(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(EngineError, match="without onnx: pip install onnx"):
        prepared(whole(package, "segmenter"), "a", "f32")
