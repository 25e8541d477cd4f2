"""OpenVINO's core: one for the whole process, never let go."""

from __future__ import annotations

import functools
import threading

import openvino as ov

_LOCK = threading.Lock()


def core() -> ov.Core:
    """The core, made when it is first asked for, in whatever thread.

    A core's CPU plugin gives the thread that first uses it a stack for signal handlers (`sigaltstack(2)`) and
    unmaps that stack when the core goes. Where it goes in another thread, or not in the order in which cores
    came, the thread keeps a stack that is not there, and its next signal kills the process: SIGTERM, Ctrl-C.
    Seen with OpenVINO 2026.4; its own documentation asks for one core in an application too.
    """
    with _LOCK:
        return _made()


@functools.cache
def _made() -> ov.Core:
    return ov.Core()
