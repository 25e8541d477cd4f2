"""Addresses to bind: which are allowed, and what to do about those that fail."""

from __future__ import annotations

import errno
import os
import re
import socket
import stat
from pathlib import Path

from streamseg.errors import EXIT_CONFIG, AddressError, PublishError
from streamseg.net import is_loopback

EXAMPLES = "such as tcp://127.0.0.1:5555 or ipc:///run/streamseg/masks"
UNIX_PATH_BYTES = 107  # sun_path of unix(7), without its final zero

_TCP = re.compile(r"tcp://(?P<host>\[[^]]+\]|[^:\[\]]+):(?P<port>[0-9]+|\*)")
_HINTS = {
    errno.EADDRINUSE: "somebody listens there already; stop the other program or choose another port",
    errno.EACCES: "not permitted; a port below 1024 or that folder needs more rights, choose another one",
    errno.ENODEV: "this machine has no such address or interface; see `ip address`",
    errno.EADDRNOTAVAIL: "this machine has no such address; see `ip address`",
    errno.ENOENT: "the folder does not exist; create it or choose another one",
}


# Another try may succeed: ports become free, interfaces come up, folders are made.
_MAY_PASS = {
    errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.ENODEV, errno.ENOENT,
    errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM,
}  # fmt: skip


class BindError(PublishError):
    """This machine does not let an address be bound.

    Attributes:
        code: The `errno`.
        may_pass: Whether another try may succeed; where not, the exit code is 78.
    """

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code
        self.may_pass = code in _MAY_PASS
        if not self.may_pass:
            self.exit_code = EXIT_CONFIG


def check_address(address: str, *, insecure: bool) -> str:
    """Return the address as ZeroMQ wants it.

    Args:
        address: See `check_form`.
        insecure: See `check_form`.

    Raises:
        AddressError: See `check_form`; or a file lies there that is no socket.
        BindError: Somebody listens there already, or the folder cannot be looked into.
    """
    address = check_form(address, insecure=insecure)
    if address.startswith("ipc://"):
        _check_path(address, address.removeprefix("ipc://"))
    return address


def check_form(address: str, *, insecure: bool) -> str:
    """Return the address as ZeroMQ wants it; nothing of this machine is looked at.

    Args:
        address: `tcp://host:port` (port 0 or `*`: any free one) or `ipc://path`.
        insecure: Whether addresses that other machines reach are allowed.

    Raises:
        AddressError: It is malformed, or reaches further than allowed.
    """
    if address.startswith("ipc://"):
        path = address.removeprefix("ipc://").encode(errors="surrogateescape")
        if not 1 <= len(path) <= UNIX_PATH_BYTES or b"\0" in path:
            raise AddressError(f"cannot bind {address!r}: a path of 1 to {UNIX_PATH_BYTES} bytes is needed")
        return address
    match = _TCP.fullmatch(address)
    if match is None or (match["port"] != "*" and int(match["port"]) > 65535):
        raise AddressError(f"cannot bind {address!r}: not an address {EXAMPLES}")
    if not (insecure or match["host"] == "lo" or is_loopback(match["host"])):
        raise AddressError(
            f"cannot bind {address}: other machines could read the masks, which are not encrypted; bind "
            "127.0.0.1 or an ipc:// path, or write `insecure: true` below `publish` (--insecure)"
        )
    # libzmq binds to interfaces and addresses; names it does not look up
    return address.replace("//localhost:", "//127.0.0.1:")


def is_ipv6(address: str) -> bool:
    """Whether the socket must be told to speak IPv6 for it."""
    return address.startswith("tcp://[")


def bind_error(address: str, code: int) -> BindError:
    """Return the error for a bind that failed with `code` (an `errno`)."""
    hint = _HINTS.get(code, f"{os.strerror(code)}; use an address {EXAMPLES}")
    return BindError(f"cannot bind {address}: {hint}", code)


def _check_path(address: str, path: str) -> None:
    """Looks before libzmq does: it deletes whatever lies there, a living daemon's socket or a plain file."""
    if path.startswith("@"):
        return  # a name without a file (unix(7), abstract)
    try:
        mode = Path(path).lstat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise bind_error(address, error.errno or errno.EIO) from None
    if not stat.S_ISSOCK(mode):
        raise AddressError(
            f"cannot bind {address}: that is no socket but a file of somebody's; choose another path"
        )
    if _somebody_answers(path):
        raise bind_error(address, errno.EADDRINUSE)


def _somebody_answers(path: str) -> bool:
    """False for a socket file that a killed process left behind."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.5)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            return False
        except OSError:
            return True  # full, or not ours to reach: alive as far as we can tell
    return True
