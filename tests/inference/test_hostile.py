"""Hostile packages: words and not a traceback, at once, in little memory, and at nobody else's cost."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from streamseg.errors import PackageError
from streamseg.inference.packages.package import find_packages, open_package
from tests.fakes.hostile import KINDS, LOADED, UNHASHED, make_hostile
from tests.fakes.packages import make_package

ROOT = Path(__file__).resolve().parents[2]
MEMORY = 300 << 20  # bytes that a process may map beyond what it needs to begin with
LIMITED = """
import resource, sys
from streamseg.inference.packages.package import find_packages, open_package
from streamseg.errors import PackageError
pages = int(open("/proc/self/statm").read().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + {memory},) * 2)
from pathlib import Path
for folder in sys.argv[1:]:
    try:
        open_package(Path(folder))
    except PackageError as error:
        print(str(error).splitlines()[0])
    else:
        print(f"{{folder}}: fine")
print(len(find_packages([Path(sys.argv[1]).parent])))
"""


@pytest.mark.parametrize("kind", sorted(set(KINDS) - LOADED))
def test_it_is_refused_in_words(tmp_path: Path, kind: str) -> None:
    path = make_hostile(tmp_path, kind)
    with pytest.raises(PackageError) as caught:
        open_package(path)
    lines = str(caught.value).splitlines()
    assert 1 <= len(lines) <= 51
    for line in lines:
        assert line.startswith(str(path))
        assert line.isprintable()
        assert len(line) < len(str(path)) + 400


@pytest.mark.parametrize("kind", sorted(set(KINDS) - UNHASHED))
def test_it_costs_no_other_package(tmp_path: Path, kind: str) -> None:
    make_hostile(tmp_path, kind)
    make_package(tmp_path)
    broken, fine = find_packages([tmp_path]) if kind < "tiny" else reversed(find_packages([tmp_path]))
    assert (broken.path.name, broken.package) == (kind, None)
    assert broken.problem
    assert fine.package == open_package("tiny", [tmp_path])


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/statm")
def test_all_of_them_need_little_memory(tmp_path: Path) -> None:
    """In a process that may take 300 MB more than it begins with: what takes more ends with a MemoryError."""
    folders = [str(make_hostile(tmp_path, kind)) for kind in sorted(set(KINDS) - LOADED)]
    code = LIMITED.format(memory=MEMORY)
    done = subprocess.run(
        [sys.executable, "-c", code, *folders], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    *lines, count = done.stdout.splitlines()
    assert int(count) == len(folders)
    for folder, line in zip(folders, lines, strict=True):
        assert line.startswith(f"{folder}/")


def test_a_graph_of_the_largest_size_is_hashed_piece_by_piece(tmp_path: Path) -> None:
    package = make_package(tmp_path)
    with (package.path / "segmenter.onnx").open("r+b") as file:
        file.truncate(600 << 20)  # more than the process below may take
    code = LIMITED.format(memory=MEMORY)
    done = subprocess.run(
        [sys.executable, "-c", code, str(package.path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.stderr, done.returncode) == ("", 0)
    assert "segmenter.onnx: sha256 is " in done.stdout


def test_a_fifo_is_never_opened_for_good(tmp_path: Path) -> None:
    """Whoever waits at the other end goes on waiting: nobody has taken what it wanted to say."""
    path = make_hostile(tmp_path, "graph-fifo")
    writer = os.open(path / "segmenter.onnx", os.O_RDWR | os.O_NONBLOCK)
    try:
        os.write(writer, b"x")
        with pytest.raises(PackageError, match="it is a FIFO"):
            open_package(path)
        assert os.read(writer, 2) == b"x"
    finally:
        os.close(writer)
