"""pycuda on this machine's driver, through the product's own `Device`: `python -m benchmarks.gpu.device`.

One JSON object a part: what the driver says; copies, asynchronous and there and back; work on one thread and
closing on another; device memory over 200 loads; an allocation that no GPU can serve. Exits 1 if one fails.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from importlib import import_module
from typing import Any

import numpy as np

from streamseg.errors import EngineError
from streamseg.inference.backends.tensorrt.cuda import Device
from streamseg.inference.backends.tensorrt.driver import probe

_LOADS = 200
_MOST_GROWTH_MIB = 16.0
_TOO_MUCH = 1 << 45
_ROWS = (4, 1 << 20)


def main() -> None:
    """Checks all parts from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--driver", action="store_true", help="tell what the driver says and nothing else")
    asked = parser.parse_args()
    state = probe()
    if not state.usable:
        sys.exit(f"no GPU to check: {state.why_not}")
    print(json.dumps({"gpu": state.gpus[0].name, "cuda": state.cuda, "driver": state.driver}), flush=True)
    if not asked.driver:
        _check(import_module("pycuda.driver"))


def _check(driver: Any) -> None:
    parts = (("copies", copies), ("threads", threads), ("loads", loads), ("full", full))
    failed = []
    for name, part in parts:
        good, facts = part(driver)
        print(json.dumps({"device": name, "good": good, **facts}), flush=True)
        failed += [] if good else [name]
    if failed:
        sys.exit(f"device: {', '.join(failed)}")


def copies(driver: Any) -> tuple[bool, dict[str, Any]]:
    """Host → device → device → host, then cleared."""
    device = Device(driver)
    array = np.random.default_rng(0).integers(0, 256, (3, _ROWS[1]), dtype=np.uint8)
    with device.current():
        there, back = (device.staging(_ROWS, np.uint8) for _ in range(2))
        there.send(array)
        device.move(back.address, there.address, array.nbytes)
        rows = back.fetch(3)
        device.finish()
        same = bool(np.array_equal(rows, array))
        device.clear(back.address, _ROWS[1])
        rows = back.fetch(2)
        device.finish()
        cleared = bool((rows[0] == 0).all() and np.array_equal(rows[1], array[1]))
    facts = {"same": same, "cleared": cleared, "shared_memory": device.mapped}
    device.close()
    return same and cleared, facts


def threads(driver: Any) -> tuple[bool, dict[str, Any]]:
    """Made here, used on another thread, closed on a third."""
    device = Device(driver)
    with device.current():
        there = device.staging(_ROWS, np.uint8)
    errors: list[str] = []

    def use() -> None:
        with device.current():
            there.send(np.zeros((1, _ROWS[1]), np.uint8))
            device.finish()

    for work in (use, device.close):
        _on_thread(work, errors)
    return not errors, {"errors": errors}


def _on_thread(work: Any, errors: list[str]) -> None:
    def run() -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - reported with the others
            errors.append(repr(error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


def loads(driver: Any) -> tuple[bool, dict[str, Any]]:
    """Whether device memory comes back when a `Device` closes."""
    left, began_s = [], time.perf_counter()
    for _ in range(_LOADS):
        device = Device(driver)
        with device.current():
            device.staging((1, 360, 480, 3), np.uint8)
        device.close()
        left.append(_free_mib(driver))
    growth = max(left[:20]) - max(left[-20:])
    facts = {"seconds": round(time.perf_counter() - began_s, 2), "growth_mib": round(growth, 1)}
    return growth <= _MOST_GROWTH_MIB, facts


def _free_mib(driver: Any) -> float:
    context = driver.Device(0).retain_primary_context()
    context.push()
    free, _ = driver.mem_get_info()
    driver.Context.pop()
    return float(free / 2**20)


def full(driver: Any) -> tuple[bool, dict[str, Any]]:
    """More memory than any GPU has is an EngineError, one line."""
    device = Device(driver)
    try:
        with device.current():
            device.memory(_TOO_MUCH)
    except EngineError as error:
        return True, {"error": str(error)}
    finally:
        device.close()
    return False, {"error": None}


if __name__ == "__main__":
    main()
