"""Addresses: which may be bound, and what is said about the others."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

import pytest

from streamseg.errors import AddressError, PublishError
from streamseg.publish.address import bind_error, check_address, is_ipv6

NEAR = [
    "tcp://127.0.0.1:5555",
    "tcp://127.1.2.3:0",
    "tcp://[::1]:5555",
    "tcp://lo:*",
    "ipc://@name-without-a-file",
]
FAR = ["tcp://0.0.0.0:5555", "tcp://*:5555", "tcp://eth0:5555", "tcp://10.0.0.7:1", "tcp://[::]:5555"]


@pytest.mark.parametrize("address", NEAR)
def test_addresses_of_this_machine_alone_are_allowed(address: str) -> None:
    assert check_address(address, insecure=False) == address


@pytest.mark.parametrize("address", FAR)
def test_addresses_others_reach_need_a_word_in_the_configuration(address: str) -> None:
    with pytest.raises(AddressError, match="insecure: true"):
        check_address(address, insecure=False)
    assert check_address(address, insecure=True) == address


def test_localhost_is_looked_up_for_libzmq() -> None:
    assert check_address("tcp://localhost:5555", insecure=False) == "tcp://127.0.0.1:5555"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "5555",
        "127.0.0.1:5555",
        "tcp://127.0.0.1",
        "tcp://:5555",
        "tcp://127.0.0.1:65536",
        "tcp://127.0.0.1:http",
        "tcp://::1:5555",
        "udp://127.0.0.1:5555",
        "inproc://masks",
    ],
)
@pytest.mark.parametrize("insecure", [False, True])
def test_what_is_no_address_is_answered_with_one(address: str, insecure: bool) -> None:
    with pytest.raises(AddressError, match=r"such as tcp://127\.0\.0\.1:5555"):
        check_address(address, insecure=insecure)


def test_only_ipv6_needs_ipv6() -> None:
    assert is_ipv6("tcp://[::1]:5555")
    assert not is_ipv6("tcp://127.0.0.1:5555")


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        (errno.EADDRINUSE, 1),
        (errno.EADDRNOTAVAIL, 1),
        (errno.ENODEV, 1),
        (errno.EMFILE, 1),
        (errno.EACCES, 78),
    ],
)
def test_what_may_pass_is_worth_another_try(code: int, exit_code: int) -> None:
    assert bind_error("tcp://127.0.0.1:80", code).exit_code == exit_code


@pytest.mark.parametrize(
    ("code", "hint"),
    [(errno.EADDRINUSE, "another port"), (errno.EACCES, "1024"), (errno.EINVAL, "Invalid argument; use")],
)
def test_failures_of_the_system_get_a_hint(code: int, hint: str) -> None:
    assert hint in str(bind_error("tcp://127.0.0.1:80", code))


def test_a_path_for_a_new_socket_is_fine(tmp_path: Path) -> None:
    address = f"ipc://{tmp_path / 'masks'}"
    assert check_address(address, insecure=False) == address


def test_a_socket_somebody_listens_on_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "masks"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        with pytest.raises(PublishError, match="listens there already"):
            check_address(f"ipc://{path}", insecure=False)


def test_a_socket_left_behind_by_the_dead_is_fine(tmp_path: Path) -> None:
    path = tmp_path / "masks"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    assert path.exists()
    assert check_address(f"ipc://{path}", insecure=False)


def test_a_plain_file_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("precious")
    with pytest.raises(PublishError, match="no socket but a file"):
        check_address(f"ipc://{path}", insecure=False)
    assert path.read_text() == "precious"


def test_a_path_through_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PublishError, match="cannot bind"):
        check_address(f"ipc://{tmp_path}/file/masks", insecure=False)


@pytest.mark.parametrize("path", ["", "/" + "a" * 200])
def test_a_path_must_fit_the_system(path: str) -> None:
    with pytest.raises(PublishError, match="1 to 107 bytes"):
        check_address(f"ipc://{path}", insecure=False)
