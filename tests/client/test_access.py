"""An `ipc://` socket that may not be used is told as that."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamseg.client.access import denied
from tests.waiting import time_limit

ASK = """
import os, sys
from streamseg.client.access import denied
import streamseg.client
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
address = "ipc://" + sys.argv[1]
print(denied(address))
try:
    next(streamseg.client.subscribe(address, timeout_s=0))
except TimeoutError as error:
    print(error)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that others may enter, as they may not a test's own."""
    with tempfile.TemporaryDirectory(dir="/tmp") as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.fixture
def listener(folder: Path) -> Iterator[Path]:
    path = folder / "masks"
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))
        give_to_a_group(folder, path)
        yield path


def give_to_a_group(*paths: Path) -> None:
    """What root makes is root's group's, which nobody should join."""
    if os.getuid() == 0:
        for path in paths:
            os.chown(path, 0, 1)


def asked_by_another(path: Path) -> list[str]:
    """What somebody without rights is told."""
    command = [sys.executable, "-c", ASK, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=time_limit(60))
    return done.stdout.splitlines()


def test_a_socket_for_a_group_names_the_group(listener: Path) -> None:
    # without its owner's right, for whoever runs the tests may be its owner; without others' too
    listener.chmod(stat.S_IRGRP | stat.S_IWGRP)
    told, raised = asked_by_another(listener)
    assert told.startswith(f"permission denied: {listener} is for members of the group ")
    assert "sudo usermod -aG" in told
    assert raised == f"no mask within 0 s ({told})"


def test_a_folder_that_may_not_be_entered_is_named(listener: Path) -> None:
    listener.parent.chmod(stat.S_IXGRP)
    told, _ = asked_by_another(listener)
    assert told.startswith(f"permission denied: {listener.parent} is for members of the group ")
    listener.parent.chmod(0o755)


def test_what_only_its_owner_may_use_names_no_group(listener: Path) -> None:
    listener.chmod(0)
    told, _ = asked_by_another(listener)
    assert told == f"permission denied: {listener}; only its owner may use it"


def test_nobody_is_told_to_join_the_group_of_root(listener: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root may give a file to root's group")
    os.chown(listener, 0, 0)
    listener.chmod(0o060)
    assert asked_by_another(listener)[0] == f"permission denied: {listener}; only its owner may use it"


def test_a_socket_that_may_be_used_or_is_not_there_is_not_denied(listener: Path) -> None:
    listener.chmod(0o666)
    assert asked_by_another(listener) == ["", "no mask within 0 s"]
    assert denied(f"ipc://{listener.parent}/nothing") == ""


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:5555", "ipc://@name", "ipc://"])
def test_what_is_no_file_is_not_denied(address: str) -> None:
    assert denied(address) == ""


def test_a_group_without_a_name_is_told_by_its_number(folder: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root may give a file to a group that does not exist")
    path = folder / "masks"
    path.touch()
    os.chown(path, 0, 54321)
    path.chmod(0o020)
    assert "the group 54321 " in asked_by_another(path)[0]
