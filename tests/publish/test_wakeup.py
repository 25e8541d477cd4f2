"""Waking a poller."""

from __future__ import annotations

import select
import threading

from streamseg.publish.wakeup import Wakeup


def awake(wakeup: Wakeup, timeout_s: float = 0.0) -> bool:
    return bool(select.select([wakeup], [], [], timeout_s)[0])


def test_set_wakes_until_clear() -> None:
    wakeup = Wakeup()
    assert not awake(wakeup)
    wakeup.set()
    wakeup.set()
    assert awake(wakeup)
    wakeup.clear()
    wakeup.clear()
    assert not awake(wakeup)
    wakeup.close()


def test_it_wakes_from_another_thread() -> None:
    wakeup = Wakeup()
    thread = threading.Thread(target=wakeup.set)
    thread.start()
    assert awake(wakeup, 20.0)
    thread.join()
    wakeup.close()


def test_after_close_nothing_happens() -> None:
    wakeup = Wakeup()
    wakeup.close()
    wakeup.close()
    wakeup.set()
    wakeup.clear()
