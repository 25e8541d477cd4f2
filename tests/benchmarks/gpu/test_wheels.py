from __future__ import annotations

import json
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from benchmarks.clip import ROOT
from benchmarks.gpu.wheels import Target, fetch, have, normalised, requirements, resolve, unpack

TARGET = Target("3.12", have("numpy==2.3.0\nopencv_python==4.12 \n-e git+x\ntyping.extensions @ file:///x\n"))


def test_what_is_there_is_read_from_a_freeze() -> None:
    assert {"numpy", "opencv-python", "typing-extensions"} <= TARGET.have
    assert normalised("Typing__Extensions") == "typing-extensions"


def test_the_requirements_are_the_projects_with_cuda_in_place_of_the_cpu() -> None:
    wanted = requirements(ROOT / "pyproject.toml")
    names = {normalised(line.split(">")[0]) for line in wanted}
    assert {"pyzmq", "av", "onnxruntime-gpu", "pytest"} <= names
    assert not names & {"onnxruntime", "openvino"}


def answers(monkeypatch: pytest.MonkeyPatch, code: int, output: str) -> list[list[str]]:
    asked: list[list[str]] = []

    def run(command: list[str], **_options: Any) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        return subprocess.CompletedProcess(command, code, output, "no such version")

    monkeypatch.setattr(subprocess, "run", run)
    return asked


def test_only_what_the_machine_lacks_is_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [{"metadata": {"name": name, "version": "1.0"}} for name in ("numpy", "PyZMQ")]
    (asked,) = (answers(monkeypatch, 0, json.dumps({"install": found})),)
    assert resolve(["pyzmq"], TARGET) == ["PyZMQ==1.0"]
    assert asked[0][asked[0].index("--python-version") + 1] == "3.12"
    assert "manylinux_2_17_x86_64" in asked[0]


def test_what_cannot_be_resolved_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, 1, "")
    with pytest.raises(SystemExit, match=r"3\.12: no such version"):
        resolve(["pyzmq"], TARGET)


def test_a_wheel_that_was_fetched_is_not_fetched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "Py_Zmq-27.3.0-cp312-cp312-manylinux_2_28_x86_64.whl"
    kept.touch()
    asked = answers(monkeypatch, 0, "")
    assert fetch(["py-zmq==27.3.0"], TARGET, tmp_path) == [kept]
    assert asked == []


def test_a_wheels_data_lies_where_an_installer_would_put_it(tmp_path: Path) -> None:
    wheel, site = tmp_path / "one-1.0-py3-none-any.whl", tmp_path / "site"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("one/__init__.py", "")
        archive.writestr("one-1.0.data/platlib/one/native.so", "code")
    unpack(wheel, site)
    assert (site / "one" / "native.so").read_text() == "code"
    assert (site / "one" / "__init__.py").exists()
