"""A `cuda.bindings.driver` of its real names only: CUDA graphs on the double of `tests/fakes/pycuda.py`."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

from tests.fakes import pycuda


class CUresult(IntEnum):
    CUDA_SUCCESS = 0
    CUDA_ERROR_STREAM_CAPTURE_INVALIDATED = 901


class CUstreamCaptureMode(IntEnum):
    CU_STREAM_CAPTURE_MODE_THREAD_LOCAL = 1


class CUgraph:
    def __init__(self, work: list[Callable[[], object]]) -> None:
        self._work = work
        pycuda.world.taken.add(self)


class CUgraphExec(CUgraph):
    pass


def cuStreamBeginCapture(stream: int, mode: CUstreamCaptureMode) -> tuple[CUresult]:  # noqa: N802
    assert pycuda.world.capture is None
    pycuda.world.capture = []
    return (CUresult.CUDA_SUCCESS,)


def cuStreamEndCapture(stream: int) -> tuple[CUresult, CUgraph]:  # noqa: N802
    work, pycuda.world.capture = pycuda.world.capture, None
    assert work is not None
    return CUresult.CUDA_SUCCESS, CUgraph(work)


def cuGraphInstantiate(graph: CUgraph, flags: int) -> tuple[CUresult, CUgraphExec]:  # noqa: N802
    return CUresult.CUDA_SUCCESS, CUgraphExec(graph._work)


def cuGraphLaunch(graph: CUgraphExec, stream: int) -> tuple[CUresult]:  # noqa: N802
    for work in graph._work:
        pycuda.world.launch(work)
    pycuda.world.launches += 1
    return (CUresult.CUDA_SUCCESS,)


def cuStreamSynchronize(stream: int) -> tuple[CUresult]:  # noqa: N802
    pycuda.world.run()
    return (CUresult.CUDA_SUCCESS,)


def cuGraphDestroy(graph: CUgraph) -> tuple[CUresult]:  # noqa: N802
    pycuda.world.taken.remove(graph)
    return (CUresult.CUDA_SUCCESS,)


def cuGraphExecDestroy(graph: CUgraphExec) -> tuple[CUresult]:  # noqa: N802
    pycuda.world.taken.remove(graph)
    return (CUresult.CUDA_SUCCESS,)
