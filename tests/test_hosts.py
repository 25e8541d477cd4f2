"""Which hosts only this machine reaches."""

from __future__ import annotations

import pytest

from streamseg.hosts import is_loopback


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.3.2.1", "::1", "[::1]"])
def test_names_of_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    ["", "*", "eth0", "0.0.0.0", "10.0.0.7", "[::]", "localhost.evil.net", "127.0.0.1.nip.io"],  # noqa: S104
)
def test_names_of_others(host: str) -> None:
    assert not is_loopback(host)
