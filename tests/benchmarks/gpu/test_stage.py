from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.gpu import stage as module
from benchmarks.gpu.bundle import pack
from benchmarks.gpu.stage import PARTS, StageError, missing, stage


def make_part(name: str, folder: Path, bundle: Path) -> Path:
    content = folder / name / "site" / f"{name}_module"
    content.mkdir(parents=True)
    (content / "__init__.py").write_text(f"NAME = {name!r}\n")
    (content / "run.sh").write_text("#!/bin/sh\n")
    (content / "run.sh").chmod(0o755)
    (content / "__pycache__").mkdir()
    (content / "__pycache__" / "old.pyc").write_bytes(b"stale")
    return pack(name, folder / name, bundle)


def test_parts_that_come_one_at_a_time_are_all_there_in_the_end(tmp_path: Path) -> None:
    into = tmp_path / "into"
    for index, name in enumerate(PARTS):
        bundle = tmp_path / f"call-{index}"
        make_part(name, tmp_path / "made", bundle)
        assert missing(into) == list(PARTS[index:])
        assert stage([bundle], into) == [name]
    assert missing(into) == []
    made = into / "site" / f"{PARTS[0]}_module"
    assert (made / "__init__.py").read_text() == f"NAME = {PARTS[0]!r}\n"
    assert os.access(made / "run.sh", os.X_OK)
    assert not (made / "__pycache__").exists()


@pytest.mark.parametrize("damage", ["cut", "no checksum"])
def test_a_damaged_part_is_named_and_not_unpacked(tmp_path: Path, damage: str) -> None:
    archive = make_part("packages", tmp_path / "made", tmp_path / "bundle")
    if damage == "cut":
        archive.write_bytes(archive.read_bytes()[:-1])
    else:
        archive.with_name("packages.sha256").unlink()
    into = tmp_path / "into"
    with pytest.raises(StageError, match=r"packages\.tar\.xz"):
        stage([archive.parent], into)
    assert "packages" in missing(into)


def test_it_runs_with_nothing_but_python(tmp_path: Path) -> None:
    make_part("packages", tmp_path / "made", tmp_path / "bundle")
    command = [
        sys.executable,
        "-I",
        "-S",
        module.__file__,
        str(tmp_path / "bundle"),
        "--into",
        str(tmp_path / "i"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "staged: packages\n")
    assert done.stderr == "stage: not there yet: onnxruntime\n"
