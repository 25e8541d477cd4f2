"""Evidence against gradients worked out by hand, and against what the shipped network makes of a picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from streamseg.errors import TrainingError
from streamseg.inference.backend import Settings
from streamseg.inference.backends.registry import load_engine
from streamseg.inference.packages.package import open_package
from streamseg.inference.readout import softmax
from streamseg.training.explain.class_activation import channel_weights, class_evidence, gather
from streamseg.types import BOOL, F32, U8

SETTINGS = Settings("f32", 1, None)
RANDOM = np.random.default_rng(0)
FIRST, HIDDEN, LAST = (RANDOM.normal(size=size).astype(np.float32) for size in ((4, 3), (5, 4), (2, 5)))
PICTURE: U8 = RANDOM.integers(0, 256, (6, 8, 3)).astype(np.uint8)
HEAD = "p = Cast <to = 1> (image)\nq = Transpose <perm = [0, 3, 1, 2]> (p)\nr = Div (q, scale)\n"
MEETING = "a = Conv (r, first)\nb = Tanh (a)\nmap = Add (a, b)\n"


def written(path: Path, nodes: str) -> Path:
    head = (
        '<ir_version: 8, opset_import: ["" : 17]>\ng (uint8[N, 6, 8, 3] image) => (float[N, 2, 6, 8] logits)'
    )
    model = onnx.parser.parse_model(f"{head} {{\n{HEAD}{nodes}}}")
    kernels = {"first": FIRST, "hidden": HIDDEN, "last": LAST}
    weights: dict[str, Any] = {name: matrix[..., None, None] for name, matrix in kernels.items()}
    for name, array in {**weights, "scale": np.float32(255)}.items():
        model.graph.initializer.append(numpy_helper.from_array(np.asarray(array), name))
    onnx.save(model, path)
    return path


def the_map() -> F32:
    """What `MEETING` holds, `[4, 6, 8]`."""
    a = np.tensordot(FIRST, PICTURE.transpose(2, 0, 1) / np.float32(255), axes=1)
    met: F32 = a + np.tanh(a)
    return met


def halves() -> dict[int, BOOL]:
    left = np.zeros((6, 8), np.bool_)
    left[:, :5] = True
    return {0: left, 1: ~left}


def weights_by_hand(features: F32, cells: Mapping[int, BOOL]) -> Any:
    """Of the tail LAST · ReLU(HIDDEN · A): each cell's derivative is a product of matrices."""
    open_units = np.tensordot(HIDDEN, features, axes=1) > 0  # [5, 6, 8]
    slopes = np.einsum("cj,jhw,jk->ckhw", LAST, open_units, HIDDEN)
    return np.stack([(slopes[label] * where).sum((1, 2)) / where.size for label, where in cells.items()])


def test_a_linear_tails_weights_are_its_matrix() -> None:
    features = RANDOM.normal(size=(1, 4, 6, 8)).astype(np.float32)
    matrix = LAST @ HIDDEN
    found = channel_weights(lambda x: np.einsum("ck,nkhw->nchw", matrix, x), features, halves())
    np.testing.assert_allclose(found, [matrix[0] * 30 / 48, matrix[1] * 18 / 48], rtol=1e-3)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_a_tail_with_a_bend_at_any_scale(scale: float) -> None:
    features = RANDOM.normal(size=(1, 4, 6, 8)).astype(np.float32) * np.float32(scale)
    features[:, 3] = 0  # a channel that is dead has a derivative too

    def tail(x: F32) -> F32:
        bent = np.maximum(np.einsum("jk,nkhw->njhw", HIDDEN, x), 0)
        out: F32 = np.einsum("cj,njhw->nchw", LAST, bent)
        return out

    found = channel_weights(tail, features, halves())
    np.testing.assert_allclose(found, weights_by_hand(features[0], halves()), atol=0.05)
    assert np.abs(found).max() > 0.3


def test_evidence_is_the_positive_part_of_the_weighted_sum() -> None:
    features: F32 = np.array([[[[1, 2]], [[3, -1]]]], np.float32)  # two channels of 1 × 2 cells
    found = class_evidence(np.array([[1.0, 1.0], [2.0, -1.0], [-1.0, -1.0]]), features)
    np.testing.assert_allclose(found, [[[1.0, 0.25]], [[0.0, 1.0]], [[0.0, 0.0]]])


def test_gathered_from_a_graph(tmp_path: Path) -> None:
    path = written(
        tmp_path / "s.onnx", f"{MEETING}h = Conv (map, hidden)\ni = Relu (h)\nlogits = Conv (i, last)\n"
    )
    found, source = gather(path, SETTINGS, PICTURE, halves())
    assert source == "map [4, 6, 8]"
    by_hand = class_evidence(weights_by_hand(the_map(), halves()), the_map()[None])
    np.testing.assert_allclose(found, by_hand, atol=0.05)
    assert [cells.max() for cells in found] == [1.0, 0.0], "nothing speaks for the second"


def test_a_tail_that_asks_for_a_size_of_the_head(tmp_path: Path) -> None:
    end = "h = Conv (map, hidden)\ni = Relu (h)\nj = Conv (i, last)\n"
    plain = written(tmp_path / "plain.onnx", f"{MEETING}{end}logits = Identity (j)\n")
    sized = "s = Shape (r)\nt = Shape (j)\nu = Slice (s, two, four)\nv = Slice (t, none, two)\n"
    numbers = "none = Constant <value_ints = [0]> ()\ntwo = Constant <value_ints = [2]> ()\n"
    numbers += "four = Constant <value_ints = [4]> ()\n"
    resized = f"{numbers}{sized}w = Concat <axis = 0> (v, u)\nlogits = Resize (j, , , w)\n"
    asking = written(tmp_path / "asking.onnx", f"{MEETING}{end}{resized}")
    one, other = (gather(path, SETTINGS, PICTURE, halves())[0] for path in (plain, asking))
    np.testing.assert_array_equal(one, other)


def test_a_graph_without_a_map_is_refused(tmp_path: Path) -> None:
    ways = [
        f"a{way} = Transpose <perm = [0, 3, 1, 2]> (p)\nb{way} = Conv (a{way}, first)\n"
        f"c{way} = Conv (b{way}, hidden)\nd{way} = Conv (c{way}, last)\n"
        for way in (1, 2)
    ]
    path = written(tmp_path / "s.onnx", f"{''.join(ways)}logits = Add (d1, d2)\n")
    with pytest.raises(TrainingError, match=r"s\.onnx: nowhere between picture and logits"):
        gather(path, SETTINGS, PICTURE, halves())


def test_what_evidence_points_at_decides_in_the_shipped_package(camvid: Path) -> None:
    package = open_package("camvid-lite0")
    image = cv2.cvtColor(cv2.imread(str(camvid / "val" / "0016E5_07999.png")), cv2.COLOR_BGR2RGB)
    tree = [info.name for info in package.manifest.class_infos()].index("tree")
    engine = load_engine(package, "onnxruntime")
    logits = engine.start(image[None]).logits()
    own = logits[0].argmax(0) == tree
    path = package.graph("segmenter")
    assert path is not None
    ((cells,), _) = gather(path, SETTINGS, image, {tree: own})
    order = np.argsort(cells.ravel())
    count = own.sum() // 2

    def left_after(hidden: Any) -> float:
        """Mean probability of the class in its own cells, with some cells of the picture made grey."""
        mask = np.zeros(cells.size, np.uint8)
        mask[hidden] = 1
        large = cv2.resize(mask.reshape(cells.shape), (480, 360), interpolation=cv2.INTER_NEAREST)
        changed = np.where(large[..., None] == 1, np.uint8(128), image)
        return float(softmax(engine.start(changed[None]).logits())[0, tree][own].mean())

    whole, without_strongest, without_weakest = map(left_after, ([], order[-count:], order[:count]))
    engine.close()
    assert whole - without_strongest > 0.1
    assert abs(whole - without_weakest) < 0.05
