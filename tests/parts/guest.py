"""Runs `boot.sh`: a real systemd with a file system of its own, to install and run the service in."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import uuid
from functools import cache
from pathlib import Path
from typing import Self

from tests.waiting import time_limit, wait_for

BOOT = Path(__file__).with_name("boot.sh")
_PROBE = """
mount -t tmpfs tmpfs "$1"; mkdir "$1"/{u,w,r}
mount -t overlay -o lowerdir=/,upperdir="$1/u",workdir="$1/w" overlay "$1/r"
mount -t cgroup2 cgroup2 "$1/w"
"""


@cache
def lacking() -> str:
    """What this machine lacks to boot a guest; empty where it can."""
    if os.geteuid() != 0:
        return "only root can boot a systemd of its own"
    missing = [
        tool for tool in ("systemctl", "unshare", "nsenter", "ip", "dpkg-deb") if not shutil.which(tool)
    ]
    if missing:
        return f"not installed: {', '.join(missing)}"
    if not _cgroups():
        return "no cgroup v2 is mounted that could be written to"
    unshare = [
        "unshare",
        "--mount",
        "--pid",
        "--fork",
        "--net",
        "--cgroup",
        "bash",
        "-ec",
        _PROBE,
        "probe",
        "/mnt",
    ]
    done = subprocess.run(unshare, capture_output=True, text=True, check=False)
    return f"namespaces or overlays are not allowed here: {done.stderr.strip()}" if done.returncode else ""


def _cgroups() -> str:
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()]
    return next((m[1] for m in mounts if m[2] == "cgroup2" and os.access(m[1], os.W_OK)), "")


class Guest:
    """One booted systemd; a context manager.

    Args:
        work: An empty folder.
        shared: Seen in there, read-only, as `/srv/shared`.
    """

    def __init__(self, work: Path, shared: Path) -> None:
        self._cgroup = Path(_cgroups()) / f"streamseg-test-{uuid.uuid4().hex[:8]}"
        self._log = work.with_suffix(".log")
        work.mkdir()
        with self._log.open("wb") as log:
            command = [str(BOOT), str(work), str(shared), str(self._cgroup)]
            self._outer = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def __enter__(self) -> Self:
        wait_for(self._booted, 60, "the boot")
        return self

    def __exit__(self, *_: object) -> None:
        self._outer.kill()  # --kill-child: its process 1 goes with it, and all others with that
        self._outer.wait()
        wait_for(self._swept, 20, "the end of the guest's processes")

    def run(
        self, *command: str, check: bool = True, timeout_s: float = time_limit(100)
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in there; `check`: fail with what it said where it fails."""
        enter = [
            "nsenter",
            "--target",
            self._init(),
            "--all",
            "--",
            "env",
            "-i",
            "LANG=C.UTF-8",
            "SYSTEMD_PAGER=",
        ]
        path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin"
        done = subprocess.run(
            [*enter, path, *command], capture_output=True, text=True, check=False, timeout=timeout_s
        )
        assert not (check and done.returncode), f"{command}: {done.stdout}{done.stderr}"
        return done

    def show(self, unit: str, key: str) -> str:
        """A property of a unit, as systemd has it now."""
        return self.run("systemctl", "show", "--value", "--property", key, unit).stdout.strip()

    def journal(self, unit: str) -> str:
        """All that a unit and systemd said about it."""
        self.run("journalctl", "--sync")
        return self.run("journalctl", "--no-pager", "--output", "cat", "--unit", unit).stdout

    def write(self, path: str, text: str) -> None:
        """Write a file in there; an existing one keeps its owner and mode."""
        inside = ["nsenter", "--target", self._init(), "--all", "--", "tee", path]
        subprocess.run(inside, input=text, text=True, stdout=subprocess.DEVNULL, check=True)

    def _init(self) -> str:
        """The guest's process 1, as this side numbers it; empty before it is there."""
        pid = self._outer.pid
        try:
            return Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").strip()
        except OSError:
            return ""

    def _booted(self) -> bool:
        assert self._outer.poll() is None, self._log.read_text(encoding="utf-8")
        if not self._init():
            return False
        return self.run("systemctl", "is-active", "basic.target", check=False).returncode == 0

    def _swept(self) -> bool:
        for folder in sorted(self._cgroup.rglob("*/"), key=lambda path: -len(path.parts)):
            with contextlib.suppress(OSError):
                folder.rmdir()
        with contextlib.suppress(OSError):
            self._cgroup.rmdir()
        return not self._cgroup.exists()
