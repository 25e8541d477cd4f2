"""What `make install` lays out and `make uninstall` leaves, in a folder and without what pip would bring."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PREFIX = "/srv/eyes"
CONFIG = "etc/streamseg/streamseg.yaml"


def make(script: str, root: Path, *arguments: str, prefix: str = PREFIX) -> subprocess.CompletedProcess[str]:
    env = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "PIP": "true",  # /bin/true installs nothing, successfully
        "PYTHON": sys.executable,
        "PREFIX": prefix,
        "LIBDIR": "/usr/local/lib",
        "BINDIR": "/usr/local/bin",
        "DESTDIR": str(root),
    }
    command = [str(ROOT / "systemd" / script), *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_symlink() or path.is_file()}


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    done = make("install", tmp_path, "none.whl")
    assert (done.returncode, done.stderr) == (0, "")
    return tmp_path


def test_everything_lies_where_it_is_looked_for(installed: Path) -> None:
    laid = files(installed)
    for unit in ("streamseg.service", "streamseg@.service"):
        text = (installed / "usr/local/lib/systemd/system" / unit).read_text(encoding="utf-8")
        assert f"ExecStart={PREFIX}/bin/streamseg run" in text
        assert "/opt/streamseg" not in text
    assert {f"usr/local/lib/{kind}.d/streamseg.conf" for kind in ("sysusers", "tmpfiles")} <= laid
    assert (installed / "usr/local/bin/streamseg").readlink() == Path(f"{PREFIX}/bin/streamseg")
    assert (installed / "srv/eyes/share/doc/runbook.md").is_file()
    assert (installed / "srv/eyes/share/doc/LICENSES/CC-BY-NC-4.0.txt").is_file()
    notices = (installed / "srv/eyes/share/doc/THIRD_PARTY_NOTICES.txt").read_text(encoding="utf-8")
    assert "0 Python distributions" in notices  # nothing was installed
    assert (installed / CONFIG).stat().st_mode & 0o777 == 0o640
    assert (installed / "etc/streamseg").stat().st_mode & 0o777 == 0o750


def test_nothing_in_it_knows_the_folder_it_was_laid_out_in(installed: Path) -> None:
    told = [path for path in (installed / "srv/eyes/venv/bin").iterdir() if not path.is_symlink()]
    told.append(installed / "srv/eyes/venv/pyvenv.cfg")
    assert not [path for path in told if str(installed).encode() in path.read_bytes()]


def test_a_second_installation_keeps_the_configuration(installed: Path) -> None:
    (installed / CONFIG).write_text("mine", encoding="utf-8")
    done = make("install", installed, "none.whl")
    assert done.returncode == 0
    assert f"kept as it is: {installed / CONFIG}" in done.stdout
    assert (installed / CONFIG).read_text(encoding="utf-8") == "mine"


def test_uninstalling_leaves_configuration_and_state_and_says_so(installed: Path) -> None:
    state = installed / "var/lib/streamseg/engines/mine"
    state.mkdir(parents=True)
    (state / "model.yaml").touch()
    done = make("uninstall", installed)
    assert (done.returncode, done.stderr) == (0, "")
    assert files(installed) == {CONFIG, "var/lib/streamseg/engines/mine/model.yaml"}
    assert not (installed / PREFIX[1:]).exists()
    assert f"{installed}/etc/streamseg" in done.stdout
    assert f"{installed}/var/lib/streamseg" in done.stdout


def test_uninstalling_leaves_what_others_put_below_the_prefix(installed: Path) -> None:
    (installed / PREFIX[1:] / "bin" / "mine").touch()
    assert make("uninstall", installed).returncode == 0
    assert (installed / PREFIX[1:] / "bin" / "mine").exists()


@pytest.mark.parametrize("script", ["install", "uninstall"])
def test_a_prefix_that_is_no_path_is_refused(script: str, tmp_path: Path) -> None:
    done = make(script, tmp_path, "none.whl", prefix="opt")
    assert done.returncode == 1
    assert "PREFIX must begin with a slash: opt" in done.stderr
    assert files(tmp_path) == set()
