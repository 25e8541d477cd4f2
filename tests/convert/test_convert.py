"""Foreign networks of every kind, wrapped, run on both backends and held against NumPy pixel by pixel."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import pytest
from onnx import TensorProto

from streamseg.convert.adapters import SURE
from streamseg.convert.convert import Label, color, wrap, write_package
from streamseg.convert.options import ConvertOptions, Output
from streamseg.convert.output_detection import OutputKind
from streamseg.errors import EngineError, PackageError
from streamseg.inference.backend import BackendName
from streamseg.inference.backends.registry import load_engine
from streamseg.inference.packages.package import open_package
from streamseg.types import F32, U8
from tests.fakes.networks import Foreign, pictures, reference_scores, save_network

LABEL = Label("foreign", "3", "CC0-1.0", "random numbers")
FOUR = ("road", "car", "tree", "sky")
TWO = ("background", "person")
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
BACKENDS = ("openvino", "onnxruntime")

KINDS = {
    "logits, channels first": (Foreign(), FOUR, OutputKind.LOGITS),
    "logits, channels last": (Foreign(layout="nhwc"), FOUR, OutputKind.LOGITS),
    "softmax": (Foreign("softmax"), FOUR, OutputKind.PROBABILITIES),
    "labels, which are an ArgMax of logits": (Foreign("labels"), FOUR, OutputKind.LOGITS),
    "sigmoid": (Foreign("sigmoid", classes=1), TWO, OutputKind.ONE_PROBABILITY),
    "sigmoid, channels last": (Foreign("sigmoid", "nhwc", 1), TWO, OutputKind.ONE_PROBABILITY),
    "one logit": (Foreign("logit", classes=1), TWO, OutputKind.ONE_LOGIT),
    "two-class softmax": (Foreign("softmax", "nhwc", 2), TWO, OutputKind.PROBABILITIES),
    "made for one picture": (Foreign(batch=1), FOUR, OutputKind.LOGITS),
    "float16": (Foreign(kind=TensorProto.FLOAT16), FOUR, OutputKind.LOGITS),
    "an old opset": (Foreign(opset=11), FOUR, OutputKind.LOGITS),
}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def one_hot(scores: F32) -> F32:
    """Logits of labels alone."""
    winners = scores.argmax(axis=1)[:, None] == np.arange(scores.shape[1])[None, :, None, None]
    return np.where(winners, np.float32(SURE), np.float32(0))


def wanted(foreign: Foreign, pixels: F32) -> F32:
    """Logits as a package gives them, of what the network is fed."""
    scores = reference_scores(foreign, pixels)
    match foreign.says:
        case "sigmoid" | "logit":
            return np.concatenate([-scores / 2, scores / 2], axis=1)
        case "softmax":
            peak = scores.max(axis=1, keepdims=True)
            total: F32 = peak + np.log(np.exp(scores - peak).sum(axis=1, keepdims=True))
            return scores - total
        case _:
            return scores


def enlarged(logits: F32, size_wh: tuple[int, int]) -> F32:
    return np.stack([[cv2.resize(plane, size_wh) for plane in planes] for planes in logits])


def run(folder: Path, backend: str, images: U8) -> tuple[F32, U8]:
    with closing(load_engine(open_package(folder), cast("BackendName", backend), "f32", threads=1)) as engine:
        results = [engine.start(image[None]) for image in images]
        logits = np.concatenate([result.logits() for result in results])
        return logits, np.concatenate([result.readout().labels for result in results])


@pytest.mark.parametrize("kind", KINDS)
def test_what_it_says_is_what_numpy_says(kind: str, tmp_path: Path) -> None:
    foreign, classes, meaning = KINDS[kind]
    asked = ConvertOptions(classes, MEAN, STD)
    wrapped = wrap(save_network(tmp_path / "network.onnx", foreign), asked)
    assert wrapped.reading.meaning is meaning
    assert wrapped.one_at_a_time == bool(foreign.batch)
    write_package(wrapped, asked, LABEL, tmp_path / "foreign")
    images = pictures(2)
    fed = ((images / 255 - np.array(MEAN)) / np.array(STD)).astype(np.float32)
    expected = wanted(foreign, fed)
    # float16 pixels are wrong by 1/2000 each
    close = 0.05 if foreign.kind == TensorProto.FLOAT16 else 2e-3
    large = enlarged(expected, (64, 48))
    best = np.sort(large, axis=1)
    clear = best[:, -1] - best[:, -2] > 2 * close
    assert clear.mean() > 0.9
    for backend in BACKENDS:
        logits, labels = run(tmp_path / "foreign", backend, images)
        np.testing.assert_allclose(logits, expected, atol=close)
        np.testing.assert_array_equal(labels[clear], large.argmax(axis=1)[clear])


def test_labels_stay_labels_where_they_are_asked_for(tmp_path: Path) -> None:
    asked = ConvertOptions(FOUR, output=Output.LABELS)
    wrapped = wrap(save_network(tmp_path / "network.onnx", Foreign("labels")), asked)
    assert wrapped.reading.meaning is OutputKind.LABELS
    write_package(wrapped, asked, LABEL, tmp_path / "foreign")
    images = pictures(1)
    logits, _ = run(tmp_path / "foreign", "onnxruntime", images)
    fed = (images / 255).astype(np.float32)
    np.testing.assert_allclose(logits, one_hot(reference_scores(Foreign(), fed)))


def test_bytes_are_fed_as_they_are(tmp_path: Path) -> None:
    foreign = Foreign(kind=TensorProto.UINT8)
    asked = ConvertOptions(FOUR)
    write_package(
        wrap(save_network(tmp_path / "network.onnx", foreign), asked), asked, LABEL, tmp_path / "foreign"
    )
    images = pictures(1)
    logits, _ = run(tmp_path / "foreign", "onnxruntime", images)
    np.testing.assert_allclose(logits, reference_scores(foreign, images), rtol=1e-4, atol=1e-5)


def test_blue_first_and_bytes_without_scale(tmp_path: Path) -> None:
    asked = ConvertOptions(FOUR, mean=(104.0, 117.0, 123.0), scale=1.0, bgr=True)
    write_package(
        wrap(save_network(tmp_path / "network.onnx", Foreign()), asked), asked, LABEL, tmp_path / "foreign"
    )
    images = pictures(1)
    fed = (images[..., ::-1] - np.array(asked.mean)).astype(np.float32)
    logits, _ = run(tmp_path / "foreign", "openvino", images)
    np.testing.assert_allclose(logits, reference_scores(Foreign(), fed), rtol=1e-3, atol=0.05)


@pytest.mark.parametrize("size_wh", [(128, 96), (100, 75), (32, 24)])
def test_pictures_of_another_size_are_resized_inside(size_wh: tuple[int, int], tmp_path: Path) -> None:
    asked = ConvertOptions(FOUR, size_wh=size_wh)
    package = write_package(
        wrap(save_network(tmp_path / "network.onnx", Foreign()), asked), asked, LABEL, tmp_path / "foreign"
    )
    assert package.manifest.size_wh == size_wh
    images = np.stack([cv2.GaussianBlur(image, (0, 0), 3) for image in pictures(1, size_wh)])
    fed = np.stack([cv2.resize(image.astype(np.float32) / 255, (64, 48)) for image in images])
    for backend in BACKENDS:
        logits, labels = run(tmp_path / "foreign", backend, images)
        np.testing.assert_allclose(logits, reference_scores(Foreign(), fed), atol=5e-3)
        assert labels.shape == (1, size_wh[1], size_wh[0])


def test_a_network_of_any_size_takes_the_one_asked_for(tmp_path: Path) -> None:
    path = save_network(tmp_path / "network.onnx", Foreign(size_wh=None))
    assert wrap(path, ConvertOptions(FOUR, size_wh=(80, 64))).size_wh == (80, 64)
    with pytest.raises(PackageError, match="takes pictures of any size; say which: --size"):
        wrap(path, ConvertOptions(FOUR))


def test_several_pictures_at_once_only_where_it_can(tmp_path: Path) -> None:
    for name, foreign in (("any", Foreign()), ("one", Foreign(batch=1))):
        asked = ConvertOptions(FOUR)
        package = write_package(
            wrap(save_network(tmp_path / f"{name}.onnx", foreign), asked), asked, LABEL, tmp_path / name
        )
        with closing(load_engine(package, "onnxruntime")) as engine:
            if name == "any":
                assert engine.start(pictures(3)).readout().labels.shape == (3, 48, 64)
                continue
            with pytest.raises(EngineError, match="foreign: takes 1 pictures at once, not 3"):
                engine.start(pictures(3))


def test_the_label_is_written_on_it(tmp_path: Path) -> None:
    asked = ConvertOptions(FOUR)
    wrapped = wrap(save_network(tmp_path / "network.onnx", Foreign(batch=1)), asked)
    write_package(wrapped, asked, LABEL, tmp_path / "deep" / "foreign")
    manifest = open_package(tmp_path / "deep" / "foreign").manifest
    assert (manifest.name, manifest.version, manifest.license, manifest.data) == (
        "foreign",
        "3",
        "CC0-1.0",
        "random numbers",
    )
    assert [entry.name for entry in manifest.classes] == list(FOUR)
    assert manifest.max_batch == 1
    assert manifest.parameters == 4 * 3 * 16 + 4


@pytest.mark.parametrize(
    ("names", "label", "said"),
    [
        (("a", "n" * 65, "c", "d"), LABEL, "name: must have at most 64 characters"),
        (("a", "\x1b[31m", "c", "d"), LABEL, "name: must be text on one line"),
        (FOUR, replace(LABEL, license="L" * 501), "license: must have at most 500 characters"),
        (FOUR, replace(LABEL, version=""), "version: must have at least 1 character"),
    ],
)
def test_what_a_manifest_cannot_hold_is_told(
    tmp_path: Path, names: tuple[str, ...], label: Label, said: str
) -> None:
    asked = ConvertOptions(names)
    wrapped = wrap(save_network(tmp_path / "network.onnx", Foreign()), asked)
    with pytest.raises(PackageError, match=said):
        write_package(wrapped, asked, label, tmp_path / "foreign")
    assert [path.name for path in tmp_path.iterdir()] == ["network.onnx"]


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    asked = ConvertOptions(FOUR)
    wrapped = wrap(save_network(tmp_path / "network.onnx", Foreign()), asked)
    (tmp_path / "foreign").mkdir()
    with pytest.raises(PackageError, match="is there already"):
        write_package(wrapped, asked, LABEL, tmp_path / "foreign")
    with pytest.raises(PackageError, match=r"cannot be written: File exists"):
        write_package(wrapped, asked, LABEL, tmp_path / "network.onnx" / "foreign")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["foreign", "network.onnx"]


def test_what_it_cannot_say_is_told_with_the_file(tmp_path: Path) -> None:
    path = save_network(tmp_path / "network.onnx", Foreign())
    with pytest.raises(
        PackageError, match=r"network\.onnx: the answer float32 \[1, 4, 12, 16\] has no axis of 3 "
    ):
        wrap(path, ConvertOptions(("a", "b", "c")))
    with pytest.raises(PackageError, match=r"network\.onnx: .* has more than one channel"):
        wrap(path, ConvertOptions(TWO, output=Output.SIGMOID))


def test_one_that_does_not_run_is_told_as_such(tmp_path: Path) -> None:
    path = save_network(tmp_path / "network.onnx", Foreign(batch=3))
    with pytest.raises(PackageError, match=r"network\.onnx: does not run: ONNX Runtime failed"):
        wrap(path, ConvertOptions(FOUR))


def test_colours_lie_apart() -> None:
    colors = [color(index) for index in range(30)]
    assert len(set(colors)) == 30
    assert all(0 <= part <= 255 for entry in colors for part in entry)
