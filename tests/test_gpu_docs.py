"""What has run on a GPU is told in one place, and the front page claims no more."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from streamseg.inference.backend import BackendName

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.tree
ON_NVIDIA = [
    name
    for name in get_args(BackendName)
    if name.startswith("tensorrt") or name.endswith(("-cuda", "-tensorrt"))
]


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def masks() -> dict[str, str]:
    """What each backend's masks have been made on, as the table says."""
    return dict(re.findall(r"^\| masks by `([\w-]+)` \| ([^|]+) \|", text("docs/gpu.md"), re.MULTILINE))


def test_every_backend_for_nvidias_gpus_has_a_row() -> None:
    assert sorted(masks()) == sorted(ON_NVIDIA)


def test_the_front_page_begins_with_what_has_made_masks() -> None:
    beginning = text("README.md").split("## Quick start")[0]
    words = {
        "tensorrt": "TensorRT",
        "tensorrt_rtx": "TensorRT",
        "onnxruntime-cuda": "CUDA",
        "onnxruntime-tensorrt": "TensorRT",
    }
    for backend, on in masks().items():
        if on == "never":
            assert words[backend] not in beginning, f"{backend} has made no masks"
    if set(masks().values()) == {"never"}:
        assert "GPU" not in beginning


def test_no_other_document_says_whether_masks_were_made_on_a_gpu() -> None:
    claim = re.compile(r"(?<!what )\b(?:never|not|been|has|have|was|were) (?:run|made) on (?:a|any|one) GPU")
    others = [path for path in (ROOT / "docs").glob("*.md") if path.name not in ("gpu.md", "decisions.md")]
    for path in others:
        assert not claim.search(path.read_text(encoding="utf-8")), f"{path.name}: that is told in docs/gpu.md"
