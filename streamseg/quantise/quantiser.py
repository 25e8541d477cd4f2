"""One Q/DQ graph of a segmenter for CPUs and for TensorRT, any of its layers left in float.

ONNX Runtime's quantiser, in the form all three runtimes take: int8 throughout, symmetric (TensorRT knows no
zero point but 0), a scale for each output channel of the weights and one for each activation. Only what goes
into a convolution or product is quantised: what comes out stays as it is up to the next one, so that
activations and sums fuse with what makes them. Biases stay in float32, as TensorRT has no int32 ones.

Weights take 7 of the 8 bits. Processors before AVX512-VNNI add products of two bytes in pairs into 16 bits,
which overflow without a word (Intel's VPMADDUBSW); a package that was right where it was calibrated would be
wrong there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.quant_utils import add_pre_process_metadata

from streamseg.errors import PackageError
from streamseg.inference.backends.cpu_engine import one_line
from streamseg.quantise.fold import drop_unused, fold
from streamseg.training.export.fp16_weights import shrink_weights
from streamseg.types import U8

LAYERS = ("Conv", "Gemm", "MatMul")  # operators that are worth int8
_OPTIONS = {
    "ActivationSymmetric": True,
    "WeightSymmetric": True,
    "QuantizeBias": False,
    "OpTypesToExcludeOutputQuantization": list(LAYERS),
}


class Quantiser:
    """Quantises one segmenter; the ranges of its activations are measured once.

    Args:
        graph: The segmenter's ONNX file.
        pictures: RGB `[H, W, 3]` uint8 at the network's size, to measure on.
        workplace: A folder for what it makes in passing.
        tell: Called after each picture that was measured.

    Attributes:
        layers: Names of what can be quantised, in order.

    Raises:
        PackageError: The graph cannot be read or quantised, or has nothing to quantise.
    """

    def __init__(
        self, graph: Path, pictures: Sequence[U8], workplace: Path, tell: Callable[[], None] = lambda: None
    ) -> None:
        self._path, self._workplace = graph, workplace
        self.float = fold(graph)
        add_pre_process_metadata(self.float)
        weights = {tensor.name for tensor in self.float.graph.initializer}
        self.layers = tuple(node.name for node in self.float.graph.node if _weighted(node, weights))
        if not self.layers:
            raise PackageError(f"{graph}: no layer with weights (Conv, Gemm, MatMul) to quantise")
        self._make(self.layers, _Reader(pictures, tell))

    def quantised(self, leave: Collection[str] = ()) -> onnx.ModelProto:
        """The graph in int8 but for the layers in `leave`, whose weights are stored in half precision."""
        layers = [name for name in self.layers if name not in leave]
        model = self._make(layers) if layers else _copy(self.float)
        floats = {node.input[1] for node in model.graph.node if node.op_type in LAYERS}
        shrink_weights(model, floats)
        drop_unused(model)
        del model.metadata_props[:]
        onnx.checker.check_model(model)
        return model

    def only(self, layer: str) -> onnx.ModelProto:
        """The graph with one layer in int8."""
        return self._make([layer])

    def _make(self, layers: Sequence[str], reader: CalibrationDataReader | None = None) -> onnx.ModelProto:
        """`reader`: of the first call, which measures the ranges for all that follow."""
        made = self._workplace / "quantised.onnx"
        try:
            with _quiet():
                quantize_static(
                    _copy(self.float),
                    made,
                    reader,
                    quant_format=QuantFormat.QDQ,
                    op_types_to_quantize=list(LAYERS),
                    nodes_to_quantize=list(layers),
                    per_channel=True,
                    activation_type=QuantType.QInt8,
                    weight_type=QuantType.QInt8,
                    reduce_range=True,
                    extra_options=_OPTIONS,
                    calibration_cache_path=self._workplace / "ranges.json",
                )
        except OSError:
            raise  # a full disk is told by whoever owns the folder
        except Exception as error:  # ONNX's, ONNX Runtime's and its quantiser's share no base class but this
            raise PackageError(f"{self._path}: cannot be quantised: {one_line(error)}") from error
        return onnx.load(made)


class _Reader(CalibrationDataReader):  # type: ignore[misc]  # the library is not annotated
    """Pictures, one after the other, as the quantiser asks for them."""

    def __init__(self, pictures: Sequence[U8], tell: Callable[[], None]) -> None:
        self._left = iter(pictures)
        self._tell = tell

    def get_next(self) -> dict[str, Any] | None:
        picture = next(self._left, None)
        if picture is None:
            return None
        self._tell()
        return {"image": picture[None]}


def _weighted(node: onnx.NodeProto, weights: Collection[str]) -> bool:
    return node.op_type in LAYERS and node.input[1] in weights


def _copy(model: onnx.ModelProto) -> onnx.ModelProto:
    copied = onnx.ModelProto()
    copied.CopyFrom(model)
    return copied


@contextmanager
def _quiet() -> Iterator[None]:
    """The quantiser advises on the root logger what has been done already."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
