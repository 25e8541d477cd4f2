from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamseg.errors import EXIT_CONFIG, PackageError
from streamseg.inference.manifest import Manifest, dump_manifest, load_manifest, sha256_file
from streamseg.types import ClassInfo

HASH = "a" * 64
INT8 = {
    "segmenter": {"file": "segmenter-int8.onnx", "sha256": HASH},
    "measure": "miou",
    "loss": 0.2,
    "allowed": 0.5,
    "frames": 300,
}
TEXT = st.text(min_size=1).filter(lambda text: text.isprintable())


def document(**changes: Any) -> dict[str, Any]:
    """A sound `model.yaml`, with some keys changed (or, with `...`, left out)."""
    sound = {
        "schema_version": 1,
        "name": "tiny",
        "version": "2026.1",
        "task": "semantic-segmentation",
        "input": {"width": 64, "height": 48},
        "classes": [
            {"id": 0, "name": "road", "color": [1, 2, 3]},
            {"id": 1, "name": "sky", "color": [4, 5, 6]},
        ],
        "license": "CC0-1.0",
        "data": "none",
        "graphs": {"segmenter": {"file": "segmenter.onnx", "sha256": HASH}},
    }
    return {key: value for key, value in {**sound, **changes}.items() if value is not ...}


def written(folder: Path, **changes: Any) -> Path:
    path = folder / "model.yaml"
    path.write_text(yaml.safe_dump(document(**changes)), encoding="utf-8")
    return path


def problems(path: Path) -> list[str]:
    with pytest.raises(PackageError) as caught:
        load_manifest(path)
    assert caught.value.exit_code == EXIT_CONFIG
    lines = str(caught.value).splitlines()
    assert all(line.startswith(str(path)) for line in lines)
    return [line.removeprefix(f"{path}: ") for line in lines]


def test_a_sound_manifest_is_read(tmp_path: Path) -> None:
    manifest = load_manifest(written(tmp_path))
    assert manifest.size_wh == (64, 48)
    assert manifest.class_infos() == (ClassInfo(0, "road", (1, 2, 3)), ClassInfo(1, "sky", (4, 5, 6)))
    assert manifest.ignore == 255
    assert manifest.graphs.stabiliser is None


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=TEXT,
    version=st.sampled_from(["1", "2026-01-01", "no", "0x10", "1e3"]),
    metrics=st.dictionaries(st.text("abc", min_size=1), st.floats(allow_nan=False) | st.none() | TEXT),
)
def test_what_was_dumped_is_read_back_equal(
    tmp_path: Path, name: str, version: str, metrics: dict[str, Any]
) -> None:
    classes = [{"id": 0, "name": name, "color": [0, 0, 0]}]
    manifest = Manifest.model_validate(
        document(classes=classes, version=version, metrics=metrics, parameters=7)
    )
    dump_manifest(manifest, tmp_path / "model.yaml")
    assert load_manifest(tmp_path / "model.yaml") == manifest


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        name=...,
        schema_version=2,
        input={"width": 64},
        classes=[{"id": 0, "name": "road", "color": [1, 2, 300]}],
        grahps={},
    )
    found = "\n".join(problems(path))
    assert "name: is required but missing" in found
    assert "schema_version: Input should be 1 (got 2)" in found
    assert "input.height: is required but missing" in found
    assert "classes.0.color.2: Input should be less than or equal to 255 (got 300)" in found
    assert "grahps: is not a key of model.yaml; did you mean 'graphs'?" in found


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"input": {"width": 64, "height": 48, "heigth": 1}},
            "input.heigth: is not a key .* did you mean 'height'",
        ),
        (
            {"classes": [{"id": 0, "name": "a", "color": [0, 0, 0], "colours": 1}]},
            "classes.0.colours: .* did you mean 'color'",
        ),
        ({"int8": {**INT8, "los": 1}}, "int8.los: is not a key .* did you mean 'loss'"),
        ({"int8": {**INT8, "measure": "psnr"}}, "int8.measure: .*'miou' or 'agreement'"),
        ({"int8": {**INT8, "allowed": -1}}, "int8.allowed: .*greater than or equal to 0"),
        (
            {"int8": {**INT8, "segmenter": {"file": "/a", "sha256": HASH}}},
            "int8.segmenter.file: must be a file",
        ),
        ({"xyz": 1}, "xyz: is not a key of model.yaml; known: schema_version, name, "),
        ({"classes": [{"id": 1, "name": "a", "color": [0, 0, 0]}]}, "classes: ids must be 0…0 in order"),
        ({"classes": []}, "classes: there must be 1 to 255 of them, not 0"),
        ({"graphs": {}}, "graphs.segmenter: is required but missing"),
        ({"graphs": {"segmenter": {"file": "a", "sha256": "x"}}}, "graphs.segmenter.sha256: .*(got 'x')"),
        (
            {"graphs": {"segmenter": {"file": "../a", "sha256": HASH}}},
            "segmenter.file: must be a file inside",
        ),
        ({"graphs": {"segmenter": {"file": "/a", "sha256": HASH}}}, "segmenter.file: must be a file inside"),
        (
            {"graphs": {r: {"file": "a", "sha256": HASH} for r in ("segmenter", "stabiliser")}},
            "shape of its memory",
        ),
    ],
)
def test_a_problem_names_its_key(tmp_path: Path, changes: dict[str, Any], expected: str) -> None:
    (found,) = problems(written(tmp_path, **changes))
    with pytest.raises(AssertionError, match=expected):
        raise AssertionError(found)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "must hold keys and values"),
        (b"- a\n- b\n", "must hold keys and values"),
        (b"a: 1\nb: [1, 2\n", "not valid YAML"),
        (b"a: \xff\xfe", "cannot be read"),
        (b"a: \x00", "not valid YAML"),
    ],
)
def test_a_file_that_is_no_manifest(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "model.yaml"
    path.write_bytes(content)
    with pytest.raises(PackageError, match=expected) as caught:
        load_manifest(path)
    assert len(str(caught.value).splitlines()) == 1


def test_a_syntax_error_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "model.yaml"
    path.write_text("name: tiny\nversion: [1\ninput: x\n", encoding="utf-8")
    with pytest.raises(PackageError, match=r"model\.yaml:3: not valid YAML"):
        load_manifest(path)


def test_a_missing_file(tmp_path: Path) -> None:
    assert problems(tmp_path / "model.yaml") == ["cannot be read: No such file or directory"]


def test_the_hash_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "graph"
    path.write_bytes(b"streamseg")
    assert sha256_file(path) == hashlib.sha256(b"streamseg").hexdigest()
