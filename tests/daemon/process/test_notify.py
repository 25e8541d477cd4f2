"""What a real datagram socket hears, and what happens where there is none, or one that does not listen."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamseg.daemon.process.notify import Notifier, watchdog_s
from tests.fakes.systemd import Manager


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    address = str(tmp_path / "notify") if request.param == "path" else f"@streamseg-{secrets.token_hex(8)}"
    with Manager(address) as listening:
        yield listening


def test_what_is_told_arrives_in_order_and_from_this_process(manager: Manager) -> None:
    notifier = Notifier.from_env({"NOTIFY_SOCKET": manager.address})
    assert notifier.status("engine compiling")
    assert notifier.ready("3 streams")
    assert notifier.watchdog()
    assert notifier.stopping()
    told = [manager.next() for _ in range(4)]
    assert [message.fields for message in told] == [
        {"STATUS": "engine compiling"},
        {"READY": "1", "STATUS": "3 streams"},
        {"WATCHDOG": "1"},
        {"STOPPING": "1", "STATUS": "stopping"},
    ]
    assert {message.pid for message in told} == {os.getpid()}


def test_a_reload_says_when_it_began(manager: Manager) -> None:
    Notifier(manager.address, clock_us=lambda: 1_234_567).reloading()
    assert manager.next().fields == {"RELOADING": "1", "MONOTONIC_USEC": "1234567"}


def test_a_status_cannot_say_anything_else(manager: Manager) -> None:
    assert Notifier(manager.address).status("gate: lost\nWATCHDOG=trigger\r\x1cREADY=1 \udcff")
    assert manager.next().fields == {"STATUS": "gate: lost WATCHDOG=trigger READY=1 ?"}


def test_threads_may_tell_at_once(manager: Manager) -> None:
    notifier = Notifier(manager.address)
    threads = [threading.Thread(target=notifier.watchdog) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert all(manager.next().fields == {"WATCHDOG": "1"} for _ in threads)
    for thread in threads:
        thread.join()


def test_all_arrives_though_a_test_reads_late(manager: Manager) -> None:
    notifier, many = Notifier(manager.address), 200  # the kernel keeps ten
    assert all(notifier.status(str(number)) for number in range(many))
    assert [manager.next().fields["STATUS"] for _ in range(many)] == [str(number) for number in range(many)]


def test_without_a_socket_nothing_is_told(caplog: pytest.LogCaptureFixture) -> None:
    notifier = Notifier.from_env({})
    assert not any([notifier.ready("x"), notifier.reloading(), notifier.watchdog(), notifier.stopping()])
    assert not caplog.records


@pytest.mark.parametrize("address", ["/nowhere/notify", "@", "x" * 300, "\0", "a\0b", "vsock:2:9999"])
def test_a_socket_that_is_none_is_told_of_once(address: str, caplog: pytest.LogCaptureFixture) -> None:
    notifier = Notifier(address)
    assert not notifier.ready("x")
    assert not notifier.watchdog()
    assert [(r.levelno, "systemd cannot be told" in r.message) for r in caplog.records] == [
        (logging.WARNING, True)
    ]


def test_a_manager_that_does_not_read_does_not_hold_the_daemon_up(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(tmp_path / "notify"))
        notifier = Notifier(str(tmp_path / "notify"))
        assert notifier.watchdog()
        while notifier.watchdog():  # until its queue is full; the test's own limit bounds this
            pass


@pytest.mark.parametrize(
    ("env", "seconds"),
    [
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "7"}, 20.0),
        ({"WATCHDOG_USEC": "500000"}, 0.5),
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "8"}, None),  # meant for another process
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "me"}, None),
        ({"WATCHDOG_PID": "7"}, None),
        ({}, None),
    ],
)
def test_how_often_a_sign_of_life_is_wanted(env: dict[str, str], seconds: float | None) -> None:
    assert watchdog_s(env, pid=7) == seconds


def test_the_watchdog_means_this_process_by_default() -> None:
    assert watchdog_s({"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": str(os.getpid())}) == 1.0
    assert watchdog_s({"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}) is None
