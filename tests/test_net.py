"""What a host's name or address says."""

from __future__ import annotations

import pytest

from streamseg.net import is_loopback, peer_network


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.3.2.1", "::1", "[::1]"])
def test_names_of_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    ["", "*", "eth0", "0.0.0.0", "10.0.0.7", "[::]", "localhost.evil.net", "127.0.0.1.nip.io"],  # noqa: S104
)
def test_names_of_others(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.0.0.7", "10.0.0.7"),
        ("::ffff:10.0.0.7", "10.0.0.7"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:1", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_what_peers_are_counted_by(address: str, network: str) -> None:
    assert peer_network(address) == network
