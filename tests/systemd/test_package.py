"""The Debian package in a root with no network: what it brings, keeps and takes away."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.parts.guest import Guest
from tests.waiting import time_limit

pytestmark = [pytest.mark.real, pytest.mark.timeout(time_limit(400))]
CONFIG = "/etc/streamseg/streamseg.yaml"
AS_SERVICE = ("setpriv", "--reuid=streamseg", "--regid=streamseg", "--clear-groups")


def mode(guest: Guest, path: str) -> str:
    return guest.run("stat", "-c", "%U:%G %a", path).stdout.strip()


def exists(guest: Guest, path: str) -> bool:
    return guest.run("test", "-e", path, check=False).returncode == 0


def test_what_is_installed_works(guest: Guest) -> None:
    told = guest.run("streamseg", "doctor").stdout
    assert "model street-lite0" in told
    assert "backend openvino" in told
    checked = guest.run(*AS_SERVICE, "streamseg", "config", "check", CONFIG).stdout
    assert f"{CONFIG}: fine" in checked


def test_nothing_is_enabled_nor_started_by_itself(guest: Guest) -> None:
    assert guest.run("systemctl", "is-enabled", "streamseg", check=False).stdout.strip() == "disabled"
    assert guest.run("systemctl", "is-active", "streamseg", check=False).stdout.strip() == "inactive"


def test_only_the_daemon_reads_what_may_hold_passwords(guest: Guest) -> None:
    assert mode(guest, CONFIG) == "root:streamseg 640"
    assert mode(guest, "/etc/streamseg") == "root:streamseg 750"
    assert mode(guest, "/etc/streamseg/streams.d") == "root:streamseg 750"
    nobody = guest.run("setpriv", "--reuid=nobody", "--clear-groups", "cat", CONFIG, check=False)
    assert nobody.returncode != 0


def test_every_file_is_as_packed(guest: Guest) -> None:
    assert guest.run("dpkg", "--verify", "streamseg").stdout == ""


def test_upgrade_removal_and_purge(guest: Guest, deb: Path) -> None:
    ours = guest.run("cat", CONFIG).stdout
    guest.write(CONFIG, f"{ours}# mine\n")
    guest.run("dpkg", "-i", f"/srv/shared/{deb.name}")
    assert guest.run("cat", CONFIG).stdout.endswith("# mine\n")
    assert mode(guest, CONFIG) == "root:streamseg 640"

    guest.run("install", "-d", "/var/lib/streamseg/engines")
    guest.write("/etc/streamseg/streams.d/mine.yaml", "streams: {}\n")
    guest.run("dpkg", "--remove", "streamseg")
    assert not exists(guest, "/opt/streamseg")
    assert not exists(guest, "/lib/systemd/system/streamseg.service")
    assert guest.run("cat", CONFIG).stdout.endswith("# mine\n")
    assert exists(guest, "/var/lib/streamseg/engines")

    guest.run("dpkg", "--purge", "streamseg")
    assert not exists(guest, CONFIG)
    assert not exists(guest, "/var/lib/streamseg")
    assert exists(guest, "/etc/streamseg/streams.d/mine.yaml")  # not the package's
    assert guest.run("dpkg-query", "-W", "streamseg", check=False).returncode != 0
