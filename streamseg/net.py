"""What a host's name says of who reaches it; shared by every room that listens somewhere."""

from __future__ import annotations

import ipaddress


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches `host`: a name or an address, IPv6 in brackets or not."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def peer_network(address: str) -> str:
    """What peers are counted by: an IPv4 address, or the /64 network of an IPv6 address.

    A host has a /64 of its own as a rule (RFC 6177), so its addresses are too many to count by. Text that is
    no address is returned as it is.
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ipaddress.ip_network((ip, 64), strict=False))
