"""Which wheels a machine lacks, fetched and unpacked for its Python, as `pip` resolves them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

# Replaced by onnxruntime-gpu, or not needed for a check of the GPU
LEFT_OUT = ("onnxruntime", "openvino")
# Besides the base install: ONNX Runtime with CUDA, what pycuda needs, what builds plans, what runs the tests
EXTRA = (
    "onnxruntime-gpu",
    "pytools",
    "mako",
    "platformdirs",
    "onnx",
    "pytest",
    "pytest-timeout",
    "hypothesis",
)
_GLIBC = (39, 35, 34, 31, 28, 27, 26, 24, 17, 12, 5)  # pip takes each manylinux tag literally
_PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-qq")


@dataclass(frozen=True, slots=True)
class Target:
    """The machine that the wheels are for: Linux on x86-64 with CPython.

    Attributes:
        python: Its Python's version, as `3.12`.
        have: Distributions that are there already, names as PyPI normalises them.
    """

    python: str
    have: frozenset[str] = frozenset()

    @property
    def options(self) -> list[str]:
        """What tells pip of it."""
        tags = [f"manylinux_2_{minor}_x86_64" for minor in _GLIBC]
        tags += ["manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64"]
        platforms = [option for tag in tags for option in ("--platform", tag)]
        python = ["--python-version", self.python, "--implementation", "cp"]
        return ["--only-binary=:all:", *python, *platforms]


def normalised(name: str) -> str:
    """A distribution's name as PyPI compares names (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def have(freeze: str) -> frozenset[str]:
    """The distributions that `pip freeze` or `pip list --format freeze` names."""
    names = (re.match(r"[A-Za-z0-9][\w.-]*", line.strip()) for line in freeze.splitlines())
    return frozenset(normalised(name[0]) for name in names if name)


def requirements(pyproject: Path) -> list[str]:
    """What a check needs of PyPI."""
    base = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]["dependencies"]
    names = {line: normalised(re.split(r"[<>=!~\[; ]", line)[0]) for line in base}
    return [*(line for line, name in names.items() if name not in LEFT_OUT), *EXTRA]


def resolve(wanted: Iterable[str], target: Target) -> list[str]:
    """What the machine lacks of the wanted and of what they need, as `name==version`."""
    command = [*_PIP, "install", "--dry-run", "--ignore-installed", "--report", "-", "--target", "unused"]
    done = subprocess.run([*command, *target.options, *wanted], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"pip cannot resolve for Python {target.python}: {done.stderr.strip()[-500:]}")
    found = [one["metadata"] for one in json.loads(done.stdout)["install"]]
    return [f"{one['name']}=={one['version']}" for one in found if normalised(one["name"]) not in target.have]


def fetch(exact: Iterable[str], target: Target, folder: Path) -> list[Path]:
    """The wheels, in a folder that keeps them for the next time."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_fetch(one, target, folder) for one in exact]


def _fetch(exact: str, target: Target, folder: Path) -> Path:
    if not (found := _kept(exact, folder)):
        command = [*_PIP, "download", "--no-deps", "-d", str(folder), *target.options, exact]
        subprocess.run(command, check=True)
        found = _kept(exact, folder)
    return found[0]


def _kept(exact: str, folder: Path) -> list[Path]:
    name, _, version = exact.partition("==")
    named = ((wheel, wheel.name.split("-")) for wheel in sorted(folder.glob("*.whl")))
    return [
        wheel for wheel, parts in named if (normalised(parts[0]), parts[1]) == (normalised(name), version)
    ]


def unpack(wheel: Path, site: Path) -> None:
    """A wheel's files, as an installer would lay them (no scripts, no byte code)."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    for data in site.glob("*.data"):
        for part in ("purelib", "platlib"):
            if (data / part).is_dir():
                _merge(data / part, site)


def _merge(folder: Path, site: Path) -> None:
    for file in sorted(folder.rglob("*")):
        target = site / file.relative_to(folder)
        if file.is_dir():
            target.mkdir(exist_ok=True)
        else:
            file.replace(target)
