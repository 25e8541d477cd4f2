"""The Debian package, built once, and guests to install it in."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.parts.guest import Guest, lacking

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def deb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make deb` makes of this tree, or `$STREAMSEG_DEB`; skips where no guest could take it."""
    if why := lacking():
        pytest.skip(why)
    if given := os.environ.get("STREAMSEG_DEB"):
        return Path(given)
    dist = tmp_path_factory.mktemp("deb")
    make = ["make", "--no-print-directory", "deb", f"VENV={sys.prefix}", f"DIST={dist}"]
    done = subprocess.run(make, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (package,) = dist.glob("*.deb")
    return package


@pytest.fixture(scope="module")
def guest(deb: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    """A booted systemd with the package installed, for the tests of a module."""
    work = tmp_path_factory.mktemp("guest") / "work"
    with Guest(work, deb.parent) as booted:
        booted.run("dpkg", "-i", f"/srv/shared/{deb.name}")
        yield booted
    shutil.rmtree(work)
