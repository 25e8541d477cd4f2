"""Licences of what is distributed: the wheel's expression, texts, what docs/licences.md says of codecs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
import yaml

import streamseg

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "licences.md"
CODE = "Apache-2.0"


def licences(expression: str) -> set[str]:
    """The licences of an SPDX expression, all of which hold: only AND is understood."""
    assert not re.search(r" (OR|WITH) |[()]", expression), f"more than AND: {expression}"
    return set(expression.split(" AND "))


def licences_of_weights(engines: Path) -> set[str]:
    manifests = sorted(engines.glob("*/model.yaml"))
    assert manifests, f"no model package in {engines}"
    read = [yaml.safe_load(path.read_text(encoding="utf-8"))["license"] for path in manifests]
    return {name for expression in read for name in licences(expression)}


def license_files(expression: str) -> set[str]:
    return {"LICENSE", *(f"LICENSES/{name}.txt" for name in licences(expression) - {CODE})}


@pytest.mark.tree
def test_the_expression_is_that_of_the_code_and_of_all_weights_that_ship() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert licences(project["license"]) == {CODE} | licences_of_weights(ROOT / "engines")
    assert set(project["license-files"]) == license_files(project["license"])
    assert all((ROOT / name).read_text(encoding="utf-8").strip() for name in project["license-files"])


@pytest.mark.tree
def test_every_licence_that_a_recipe_gives_its_weights_has_a_text() -> None:
    recipes = sorted((ROOT / "configs" / "training").glob("*.yaml"))
    found = [
        re.search(r"^  license: (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE) for path in recipes
    ]
    named = {name for match in found if match for name in licences(match[1])}
    assert named
    assert {name for name in named if not (ROOT / "LICENSES" / f"{name}.txt").is_file()} == set()


def installed_from_a_wheel() -> Distribution | None:
    found = distribution("streamseg")
    origin = json.loads(found.read_text("direct_url.json") or "{}")
    return None if origin.get("dir_info", {}).get("editable") else found


def test_a_wheel_says_its_licences_and_carries_the_texts() -> None:
    wheel = installed_from_a_wheel()
    if wheel is None:
        pytest.skip("installed in editable mode, with the metadata of some earlier day: see make wheel-check")
    expression = wheel.metadata["License-Expression"]
    package = Path(streamseg.__file__).parent
    assert licences(expression) == {CODE} | licences_of_weights(package / "_engines")
    files = set(wheel.metadata.get_all("License-File", []))
    assert files == license_files(expression)
    carried = {str(file).partition("/licenses/")[2] for file in wheel.files or []}
    assert files <= carried


def codec_rows() -> dict[str, tuple[str, set[str]]]:
    """Of each wheel: what FFmpeg says of itself there, and the GPL libraries it is linked with."""
    lines = PAGE.read_text(encoding="utf-8").split("`avcodec_license()`")[1].splitlines()[2:]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]
    return {name.strip("`"): (said, set(re.findall(r"`(lib\w+)`", linked))) for name, said, linked in rows}


def libavcodec(wheel: str) -> Path:
    """The library within an installed wheel; skips where the wheel was built here, against the system's."""
    held = distribution(wheel).files or []
    found = [file for file in held if ".libs/libavcodec-" in str(file)]
    if not found:
        pytest.skip(f"{wheel} carries no FFmpeg of its own here")
    return Path(str(found[0].locate()))


@pytest.mark.tree
@pytest.mark.parametrize("wheel", ["av", "opencv-python-headless"])
def test_the_page_tells_what_the_codecs_in_the_installed_wheels_are_licensed_under(wheel: str) -> None:
    said, linked = codec_rows()[wheel]
    binary = libavcodec(wheel).read_bytes()
    words = re.search(rb"libavcodec license: ([^\0]+)\0", binary)
    assert words is not None
    assert words[1].decode() == said
    needed = set(re.findall(rb"\0(libx26[45])-[0-9a-f]{8}\.so", binary))  # names of DT_NEEDED
    assert {name.decode() for name in needed} == linked


@pytest.mark.tree
@pytest.mark.parametrize("wheel", ["av", "opencv-python-headless"])
def test_what_is_found_in_the_binary_is_what_the_library_answers(wheel: str) -> None:
    program = (
        "import ctypes, sys; found = ctypes.CDLL(sys.argv[1]).avcodec_license;"
        "found.restype = ctypes.c_char_p; print(found().decode())"
    )
    command = [sys.executable, "-c", program, str(libavcodec(wheel))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == codec_rows()[wheel][0]


@pytest.mark.tree
def test_the_page_names_the_expression_of_the_wheel_and_all_texts() -> None:
    page = PAGE.read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"`License-Expression: {project['license']}`" in page
    assert {path.stem for path in (ROOT / "LICENSES").iterdir() if path.stem not in page} == set()


@pytest.mark.tree
def test_the_readme_tells_early_that_the_weights_are_not_for_commerce() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "for research, non-commercial use" in readme.partition("\n## ")[0]
