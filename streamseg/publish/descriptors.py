"""File descriptors: how many the process may have, and how many of them peers may take."""

from __future__ import annotations

import contextlib
import resource

DESCRIPTORS = (
    65536  # enough for whatever we do; some systems allow a billion, which some libraries count through
)
MOST_PEERS = 256
PEERS_SHARE = 4  # at most one descriptor in so many is a peer's: cameras and files must find one free


def raise_limit() -> int:
    """Raise the soft limit of open files (RLIMIT_NOFILE) towards the hard one; returns the limit in force.

    systemd and login shells start programs with 1024, for the sake of select(2), which nothing here uses.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return DESCRIPTORS if soft == resource.RLIM_INFINITY else soft


def most_peers(limit: int) -> int:
    """Return how many peers may be connected where the process may open `limit` files."""
    return max(1, min(MOST_PEERS, limit // PEERS_SHARE))
