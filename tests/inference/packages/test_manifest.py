from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from streamseg.errors import EXIT_CONFIG, PackageError
from streamseg.inference.packages.manifest import (
    MAX_CLASSES,
    MAX_NAMES_BYTES,
    Manifest,
    dump_manifest,
    load_manifest,
    sha256_file,
)
from streamseg.text import first_unprintable
from streamseg.types import ClassInfo, ModelInfo
from streamseg.wire.control_headers import InfoHeader
from streamseg.wire.message import dump_header, load_header
from streamseg.wire.topics import Kind

HASH = "a" * 64
INT8 = {
    "segmenter": {"file": "segmenter-int8.onnx", "sha256": HASH},
    "measure": "miou",
    "loss": 0.2,
    "allowed": 0.5,
    "frames": 300,
}
PRINTABLE = st.characters(exclude_categories=["C", "Zl", "Zp"])
TEXT = st.text(PRINTABLE, min_size=1, max_size=40)


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
    return [re.sub(r"^:?\d*: ", "", line.removeprefix(str(path))) for line in lines]


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
    assert "schema_version: must be 1 (got 2)" in found
    assert "input.height: is required but missing" in found
    assert "classes.0.color.2: must be less than or equal to 255 (got 300)" in found
    assert "grahps: is not a known key; did you mean 'graphs'?" in found


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"input": {"width": 64, "height": 48, "heigth": 1}},
            "input.heigth: is not a known key; did you mean 'height'",
        ),
        (
            {"classes": [{"id": 0, "name": "a", "color": [0, 0, 0], "colours": 1}]},
            "classes.0.colours: .* did you mean 'color'",
        ),
        ({"int8": {**INT8, "los": 1}}, "int8.los: is not a known key; did you mean 'loss'"),
        ({"int8": {**INT8, "measure": "psnr"}}, "int8.measure: .*'miou', 'agreement' or 'source'"),
        ({"int8": {**INT8, "allowed": -1}}, "int8.allowed: .*greater than or equal to 0"),
        (
            {"int8": {**INT8, "segmenter": {"file": "/a", "sha256": HASH}}},
            "int8.segmenter.file: must be a file",
        ),
        ({"xyz": 1}, "xyz: is not a known key; known: schema_version, name, "),
        ({"classes": [{"id": 1, "name": "a", "color": [0, 0, 0]}]}, "classes: ids must be 0…0 in order"),
        ({"classes": []}, "classes: there must be 1 to 255 of them, not 0"),
        ({"version": 1.0}, r"version: must be text; put it in quotes \(got 1.0\)"),
        ({"version": "v" * 65}, "version: must have at most 64 characters"),
        ({"license": "L" * 501}, "license: must have at most 500 characters"),
        ({"data": "d" * 4001}, "data: must have at most 4000 characters"),
        ({"license": "a\nb"}, r"license: must be text on one line, without the character U\+000A"),
        ({"version": "\x1b[31m"}, r"version: must be text on one line, without the character U\+001B"),
        ({"data": "a\u202eb"}, r"data: must be text on one line, without the character U\+202E"),
        ({"classes": [{"id": 0, "name": "n" * 65, "color": [0, 0, 0]}]}, "classes.0.name: must have at most"),
        ({"classes": "x"}, r"classes: must be a list \(got 'x'\)"),
        ({"input": [1]}, r"input: must hold keys of its own \(got a list\)"),
        (
            {"memory": {"channels": 2**20, "width": 64, "height": 64}},
            "memory: channels x width x height must be",
        ),
        ({"graphs": {"segmenter": {"file": "a\0", "sha256": HASH}}}, r"segmenter.file: .* U\+0000"),
        (
            {"graphs": {"segmenter": {"file": "a" * 256, "sha256": HASH}}},
            "segmenter.file: must have at most 255",
        ),
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
        (b"a: \xff\xfe", "is not UTF-8 text"),
        (b"a: \x00", "not valid YAML"),
        (b"x" * 600_000, "cannot be read: it is larger than 512 KB"),
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


def test_a_problem_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "model.yaml"
    text = yaml.safe_dump(document(), sort_keys=False).replace(
        "version: '2026.1'", "version: 1.0\nversion: 2.0"
    )
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PackageError) as caught:
        load_manifest(path)
    assert str(caught.value).splitlines() == [
        f"{path}:4: version: stands in line 3 already",
        f"{path}:4: version: must be text; put it in quotes (got 2.0)",
    ]


def test_a_statement_of_several_lines_becomes_one() -> None:
    manifest = Manifest.model_validate(document(data="made\n  of this\tand that \n"))
    assert manifest.data == "made of this and that"


WORST = ["\U0001f697", '"', "\\", "é", "n"]  # four bytes; a byte and its escape; two bytes; one


@pytest.mark.parametrize("character", WORST)
def test_the_largest_manifest_fits_an_info_message(character: str) -> None:
    """No package whose manifest is sound can make the header of `info` (64 KiB) overflow."""
    size = len(json.dumps(character, ensure_ascii=False).encode()) - 2
    letters = min(64, (MAX_NAMES_BYTES // MAX_CLASSES - 2) // size)
    names = [character * letters] * MAX_CLASSES
    classes = [{"id": i, "name": name, "color": [255, 255, 255]} for i, name in enumerate(names)]
    version, licence = character * 64, character * 500
    manifest = Manifest.model_validate(
        document(classes=classes, version=version, license=licence, name="n" * 64)
    )
    model = ModelInfo(
        name=manifest.name,
        version=manifest.version,
        sha256=HASH,
        license=manifest.license,
        classes=manifest.class_infos(),
        backend="b" * 64,
        precision="p" * 64,
        mask_wh=(8192, 8192),
    )
    header = InfoHeader("s" * 64, "e" * 64, model)
    assert load_header(Kind.INFO, dump_header(header)) == header
    if letters < 64:  # one letter more in each name, and the manifest is refused
        for entry in classes:
            entry["name"] = character * (letters + 1)
        with pytest.raises(ValidationError, match=r"their names have \d+ bytes together"):
            Manifest.model_validate(document(classes=classes))


def test_of_very_many_problems_the_first_are_told(tmp_path: Path) -> None:
    path = written(tmp_path, **{f"k{i}": 1 for i in range(3000)})
    *first, last = problems(path)
    assert len(first) == 50
    assert first[0].startswith("k0: is not a known key")
    assert last == "and 2950 more problems"


KEYS = st.sampled_from(sorted(Manifest.model_fields))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | KEYS, inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.dictionaries(KEYS, VALUES, max_size=3), cut=st.floats(0, 1), junk=st.binary(max_size=6))
def test_whatever_stands_there_is_a_manifest_or_none_in_words(
    tmp_path: Path, changes: dict[str, Any], cut: float, junk: bytes
) -> None:
    text = yaml.safe_dump({**document(), **changes}, allow_unicode=True).encode(errors="surrogatepass")
    at = round(cut * len(text))
    path = tmp_path / "model.yaml"
    for content in (text, text[:at] + junk + text[at:], text[:at]):
        path.write_bytes(content)
        try:
            load_manifest(path)
        except PackageError as error:
            told = str(error)
        else:
            continue
        assert first_unprintable(told.replace("\n", "")) == ""
