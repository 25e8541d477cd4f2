"""A daemon that tries a broken package again and again grows by nothing: no memory, no file, no thread."""

from __future__ import annotations

import gc
import itertools
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from streamseg.errors import PackageError
from streamseg.inference.backend import BackendName
from streamseg.inference.backends.registry import load_engine
from streamseg.inference.packages.manifest import GraphRole
from streamseg.inference.packages.package import open_package
from tests.fakes.packages import Tiny, make_package, write_manifest
from tests.subprocesses import run_python

LOADS = 200
WARM_UP = 30
WEIGHTS_MB = 1.0  # of each segmenter: were one kept at each load, that would be 200 MB
MOST_MB = 40.0
TINY = Tiny(size_wh=(320, 240))
ROLES = (GraphRole.SEGMENTER, GraphRole.STABILISER, GraphRole.READOUT)


def heavy(path: Path) -> None:
    """Give a segmenter weights worth the name."""
    model = onnx.load(path)
    (last,) = (node for node in model.graph.node if "logits" in node.output)
    last.output[:] = ["light"]
    rows = int(WEIGHTS_MB * 1e6 / 4 / 5)
    many = np.random.default_rng(0).random((rows, 5), dtype=np.float32)
    model.graph.initializer.append(numpy_helper.from_array(many, "many"))
    axes = numpy_helper.from_array(np.array([0], np.int64), "first")
    shape = numpy_helper.from_array(np.array([1, 5, 1, 1], np.int64), "shape")
    model.graph.initializer.extend([axes, shape])
    model.graph.node.extend(
        [
            helper.make_node("ReduceMax", ["many"], ["most"], axes=[0], keepdims=0),
            helper.make_node("Reshape", ["most", "shape"], ["offset"]),
            helper.make_node("Add", ["light", "offset"], ["logits"]),
        ]
    )
    onnx.save(model, path)


@pytest.fixture
def broken(tmp_path: Path) -> list[Path]:
    """Packages whose hashes are right, and whose last graph is cut, is none at all, or is another one's."""
    folders = []
    for name in ("cut", "rubbish", "strange"):
        path = make_package(tmp_path, TINY, name).path
        heavy(path / "segmenter.onnx")
        victim = path / "readout.onnx"
        content = victim.read_bytes()
        other = (path / "stabiliser.onnx").read_bytes()
        victim.write_bytes({"cut": content[: len(content) // 2], "rubbish": b"\x08" * 999}.get(name, other))
        write_manifest(path, TINY, name, ROLES)
        folders.append(path)
    return folders


def held() -> tuple[float, int, int]:
    """Resident memory in MB, open files, threads of this process."""
    gc.collect()
    own = Path("/proc/self")
    pages = int((own / "statm").read_text().split()[1])
    return pages * 4096 / 1e6, len(list((own / "fd").iterdir())), len(list((own / "task").iterdir()))


def grown(backend: BackendName, cache: str, *broken: str) -> None:
    """Prints by how much this process, which does nothing else, grows by so many failed loads."""
    before, packages = (0.0, 0, 0), itertools.cycle([open_package(folder) for folder in broken])
    for load in range(WARM_UP + LOADS):
        if load == WARM_UP:
            before = held()
        with pytest.raises(PackageError):
            load_engine(next(packages), backend, "f32", threads=1, cache_dir=Path(cache))
    print(*(now - then for now, then in zip(held(), before, strict=True)))


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
def test_failed_loads_leave_nothing_behind(broken: list[Path], tmp_path: Path, backend: str) -> None:
    code = "import sys; from tests.contracts.test_failed_loads import grown; grown(*sys.argv[1:])"
    megabytes, files, threads = map(float, run_python(code, backend, tmp_path / "cache", *broken).split())
    assert megabytes < MOST_MB
    # a library's own may come late; what is kept at each load comes 200 times
    assert (files < LOADS / 10, threads < LOADS / 10) == (True, True)
