"""Whether addresses can be bound, without publishing there."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

import pytest

from streamseg.errors import PublishError
from streamseg.publish.address import BindError
from streamseg.publish.probe import check_bindable


def code(address: str, *, insecure: bool = False) -> int:
    with pytest.raises(BindError) as caught:
        check_bindable([address], insecure=insecure)
    return caught.value.code


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    address = f"ipc://{tmp_path}/masks"
    check_bindable([address, "tcp://127.0.0.1:0", "ipc://@streamseg-probe"], insecure=False)
    check_bindable([], insecure=False)
    assert not list(tmp_path.iterdir())


def test_an_address_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        assert code(f"tcp://127.0.0.1:{held.getsockname()[1]}") == errno.EADDRINUSE


def test_what_this_machine_does_not_have(tmp_path: Path) -> None:
    assert code("tcp://nosuch0:5555", insecure=True) == errno.ENODEV
    assert code(f"ipc://{tmp_path}/none/masks") == errno.ENOENT


def test_a_socket_file_of_a_living_daemon_stays(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as held:
        held.bind(str(tmp_path / "masks"))
        held.listen()
        assert code(f"ipc://{tmp_path}/masks") == errno.EADDRINUSE
        assert (tmp_path / "masks").is_socket()


@pytest.mark.parametrize("address", ["udp://127.0.0.1:5555", "tcp://0.0.0.0:5555", "ipc://", "ipc://a\0b"])
def test_what_may_never_be_bound(address: str) -> None:
    with pytest.raises(PublishError) as caught:
        check_bindable([address], insecure=False)
    assert not isinstance(caught.value, BindError)
