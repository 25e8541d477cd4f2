"""How many labels of a fully quantised TFLite network are LiteRT's own, once it is a model package.

    python -m benchmarks.integers network.tflite --classes configs/classes/ade20k-32.yaml --clip a.avi b.mp4

Wraps the network into a temporary package and shows the same pictures, evenly spaced in each clip, to LiteRT
and to the package: in its own integers on each CPU backend, in float, and in bf16 where the CPU computes in
it; and to LiteRT's kernels without XNNPACK. One JSON object: of each the mean share of equal labels over the
pictures, and that of the worst picture, per cent. It takes `pip install 'streamseg[wrap,litert]'`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from numpy.typing import NDArray

from benchmarks.failures import told_in_lines
from benchmarks.machine import describe
from streamseg.convert.convert import Label, wrap, write_package
from streamseg.convert.options import ConvertOptions
from streamseg.errors import MissingExtraError, StreamsegError
from streamseg.inference.backend import BackendName, Precision
from streamseg.inference.backends.registry import cpu_backends, load_engine
from streamseg.inference.packages.class_list import read_classes
from streamseg.inference.packages.package import Package
from streamseg.types import U8

Labels = Callable[[U8], U8]  # of a picture [H, W, 3], at its size


class LiteRt:
    """A network in LiteRT's interpreter, on one thread.

    Args:
        path: The TFLite file.
        xnnpack: With the kernels that LiteRT takes unless told otherwise.

    Raises:
        MissingExtraError: The extra `litert` is not installed.
    """

    def __init__(self, path: Path, *, xnnpack: bool = True) -> None:
        try:
            from ai_edge_litert import interpreter as litert  # noqa: PLC0415 an extra
        except ImportError as error:
            raise MissingExtraError("comparing with LiteRT", "litert") from error
        kernels = litert.OpResolverType
        chosen = kernels.AUTO if xnnpack else kernels.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        self._interpreter = litert.Interpreter(str(path), num_threads=1, experimental_op_resolver_type=chosen)
        self._interpreter.allocate_tensors()

    def __call__(self, picture: NDArray[Any]) -> NDArray[Any]:
        """The first output as it is stored, of one picture in bytes 0…255; int8 takes them less 128."""
        source = self._interpreter.get_input_details()[0]
        if source["dtype"] == np.int8:
            picture = (picture.astype(np.int16) - 128).astype(np.int8)
        self._interpreter.set_tensor(source["index"], picture.astype(source["dtype"]))
        self._interpreter.invoke()
        stored: NDArray[Any] = self._interpreter.get_tensor(
            self._interpreter.get_output_details()[0]["index"]
        )
        return stored

    def labels(self, picture: U8) -> U8:
        """Class ids `[H, W]` of a picture `[H, W, 3]`: the output, or the strongest of its channels."""
        answer = self(picture[None])[0]
        ids: U8 = (answer.argmax(-1) if answer.ndim == 3 else answer).astype(np.uint8)
        return ids


def spaced(clip: Path, size_wh: tuple[int, int], count: int) -> Iterator[U8]:
    """Pictures of a clip at a network's size, RGB `[H, W, 3]`, as many as asked for, evenly spaced.

    Raises:
        StreamsegError: It cannot be read, or has fewer pictures.
    """
    try:
        with av.open(str(clip)) as container:
            every = sum(1 for _ in container.decode(video=0)) // count
        if every < 1:
            raise StreamsegError(f"{clip}: has fewer than {count} pictures")
        with av.open(str(clip)) as container:
            for index, frame in enumerate(container.decode(video=0)):
                if index % every == 0 and index < every * count:
                    yield frame.to_ndarray(format="rgb24", width=size_wh[0], height=size_wh[1])
    except (OSError, av.FFmpegError, IndexError) as error:
        raise StreamsegError(f"{clip}: cannot be read: {error}") from error


def shares(ours: Labels, pictures: Sequence[U8], theirs: Sequence[U8]) -> dict[str, float]:
    """Mean and least share of equal labels, per cent."""
    each = [100 * float(np.mean(ours(one) == labels)) for one, labels in zip(pictures, theirs, strict=True)]
    return {"mean": round(float(np.mean(each)), 2), "worst": round(min(each), 2)}


def on_backends(package: Package, pictures: Sequence[U8], theirs: Sequence[U8]) -> dict[str, object]:
    """Shares of the package by backend and precision, `onnxruntime int8` and the like."""
    found: dict[str, object] = {}
    for report in cpu_backends():
        for precision in ("int8", "f32", "bf16"):
            if precision not in report.precisions:
                continue
            chosen, asked = cast("BackendName", report.name), cast("Precision", precision)
            with closing(load_engine(package, chosen, asked)) as engine:
                found[f"{report.name} {precision}"] = shares(
                    lambda picture, engine=engine: engine.start(picture[None]).readout().labels[0],  # type: ignore[misc]
                    pictures,
                    theirs,
                )
    return found


def measure(network: Path, classes: Sequence[str], clips: Sequence[Path], count: int) -> dict[str, object]:
    """All shares of a network, with the number of pictures."""
    asked = ConvertOptions(tuple(classes))
    with tempfile.TemporaryDirectory() as folder:
        wrapped = wrap(network, asked)
        label = Label("measured", "1", "LicenseRef-unknown", "unknown")
        package = write_package(wrapped, asked, label, Path(folder) / "package")
        pictures = [picture for clip in clips for picture in spaced(clip, wrapped.size_wh, count)]
        litert, plain = LiteRt(network), LiteRt(network, xnnpack=False)
        theirs = [litert.labels(picture) for picture in pictures]
        return {
            "network": network.name,
            "pictures": len(pictures),
            **on_backends(package, pictures, theirs),
            "litert without xnnpack": shares(plain.labels, pictures, theirs),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("network", type=Path)
    parser.add_argument("--classes", required=True, help="as for `streamseg model convert`")
    parser.add_argument("--clip", nargs="+", type=Path, required=True)
    parser.add_argument("--frames", type=int, default=8, help="pictures of each clip")
    given = parser.parse_args()
    with told_in_lines():
        print(json.dumps(describe()))
        names = read_classes(given.classes).names
        print(json.dumps(measure(given.network, names, given.clip, given.frames)))


if __name__ == "__main__":
    main()
