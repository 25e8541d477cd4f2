"""A configuration of several files."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from streamseg.config import load, sources
from streamseg.config.sources import read_text
from streamseg.errors import ConfigError

MAIN = "defaults: {ema: 0.1}\nstreams:\n  gate: {source: a.mp4}\n"


def write(folder: Path, **files: str) -> Path:
    """A configuration: `main`, and what else lies in its folder of streams."""
    (folder / "streams.d").mkdir()
    for name, text in files.items():
        path = folder / "c.yaml" if name == "main" else folder / "streams.d" / f"{name}.yaml"
        path.write_text(text)
    return folder / "c.yaml"


def problems(path: Path, **env: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(path, env)
    return [problem.removeprefix(f"{path.parent}/") for problem in caught.value.problems]


def test_streams_of_the_folder_are_merged_in_order(tmp_path: Path) -> None:
    path = write(
        tmp_path, main=MAIN, b="yard: {source: c.mp4, ema: 0.2}", a="roof: {source: '${CLIP}'}", empty=""
    )
    (tmp_path / "streams.d" / "notes.txt").write_text("no: yaml")
    config = load(path, {"CLIP": "b.mp4"})
    assert list(config.streams) == ["gate", "roof", "yard"]
    assert [stream.ema for stream in config.streams.values()] == [0.1, 0.1, 0.2]
    assert config.streams["roof"].source.url == "b.mp4"


@pytest.mark.parametrize("main", ["engine: {threads: 1}", "streams:", "streams: {}"])
def test_all_streams_may_be_in_the_folder(main: str, tmp_path: Path) -> None:
    assert list(load(write(tmp_path, main=main, a="gate: {source: x}"), {}).streams) == ["gate"]


def test_every_mistake_is_told_with_its_file_and_line(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        main=MAIN + "enigne: {}\n",
        a="gate: {source: b.mp4}\nyard:\n  sorce: c.mp4\n",
        b="yard: {source: d.mp4}\nroof: {source: '${CLIP}'}\nroof: {source: x}\n",
        c="- roof\n",
        d="roof: [",
    )
    assert problems(path) == [
        "c.yaml:4: enigne: is not a known key — did you mean 'engine'?",
        f"streams.d/a.yaml:1: streams.gate: is a stream in {tmp_path}/c.yaml:3 already",
        "streams.d/a.yaml:2: streams.yard.source: is required but missing",
        "streams.d/a.yaml:3: streams.yard.sorce: is not a known key — did you mean 'source'?",
        f"streams.d/b.yaml:1: streams.yard: is a stream in {tmp_path}/streams.d/a.yaml:2 already",
        "streams.d/b.yaml:3: streams.roof: stands in line 2 already",
        "streams.d/c.yaml: must hold streams by name",
        "streams.d/d.yaml:1: not valid YAML: expected the node content, but found '<stream end>'",
    ]


def test_a_file_that_cannot_be_read_does_not_hide_other_mistakes(tmp_path: Path) -> None:
    path = write(tmp_path, main=MAIN, b="yard: {source: c.mp4, ema: 3}")
    (tmp_path / "streams.d" / "a.yaml").write_bytes(b"\xff\xfe")
    (tmp_path / "streams.d" / "c.yaml").mkdir()
    assert problems(path) == [
        "streams.d/a.yaml: is not UTF-8 text",
        "streams.d/b.yaml:1: streams.yard.ema: must be less than 1 (got 3)",
        "streams.d/c.yaml: cannot be read: Is a directory",
    ]


def test_another_folder_or_none(tmp_path: Path) -> None:
    path = write(tmp_path, main=MAIN, a="yard: {source: c.mp4}")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "x.yaml").write_text("roof: {source: d.mp4}")
    path.write_text(MAIN + "streams_dir: ${FOLDER}\n")
    assert list(load(path, {"FOLDER": "more"}).streams) == ["gate", "roof"]
    assert problems(path, FOLDER="nowhere") == [
        f"c.yaml:4: streams_dir: there is no folder {tmp_path}/nowhere"
    ]
    assert "is not set" in problems(path)[0]
    path.write_text(MAIN + "streams_dir:\n")
    assert list(load(path, {}).streams) == ["gate"]
    path.write_text(MAIN + "streams_dir: 3\n")
    assert problems(path) == ["c.yaml:4: streams_dir: must be a path (got 3)"]


def test_a_folder_that_cannot_be_read_is_not_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, main=MAIN, a="yard: {source: c.mp4}")

    def refuse(_: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)  # root may read any
    assert problems(path) == [
        f"c.yaml:1: streams_dir: {tmp_path}/streams.d: cannot be read: Permission denied"
    ]


@pytest.mark.parametrize("name", ["x" * 300, '"a\\0b"'])
def test_a_folder_of_an_impossible_name(name: str, tmp_path: Path) -> None:
    (problem,) = problems(write(tmp_path, main=f"{MAIN}streams_dir: {name}\n"))
    assert "streams_dir: " in problem
    assert "cannot be read" in problem


def test_streams_that_are_none_are_left_to_the_schema(tmp_path: Path) -> None:
    path = write(tmp_path, main="streams: 3", a="yard: {source: c.mp4}")
    assert problems(path) == ["c.yaml:1: streams: must hold keys of its own (got 3)"]


def test_a_text_alone_has_no_folder() -> None:
    written = read_text("streams: {a: {source: x}}", "c")
    assert (written.document, written.problems) == ({"streams": {"a": {"source": "x"}}}, [])


def test_what_editors_leave_beside_a_file_is_none_of_ours(tmp_path: Path) -> None:
    path = write(tmp_path, main=MAIN, yard="yard: {source: c.mp4}")
    folder = tmp_path / "streams.d"
    (folder / ".#yard.yaml").symlink_to("somebody@somewhere.1234:1")  # Emacs, while the file is changed
    for name in (".yard.yaml.swp", "yard.yaml~", "#yard.yaml#", ".yard.yaml", "yard.yaml.dpkg-old"):
        (folder / name).write_text("half a wr[")
    (folder / ".git.yaml").mkdir()
    assert list(load(path, {}).streams) == ["gate", "yard"]


def test_what_is_no_file_is_told_and_not_waited_for(tmp_path: Path) -> None:
    path = write(tmp_path, main=MAIN)
    folder = tmp_path / "streams.d"
    os.mkfifo(folder / "a.yaml")
    (folder / "b.yaml").symlink_to("/dev/zero")
    (folder / "c.yaml").mkdir()
    (folder / "d.yaml").symlink_to("nowhere")
    with (folder / "e.yaml").open("wb") as file:
        file.truncate(40 << 30)
    assert problems(path) == [
        "streams.d/a.yaml: cannot be read: it is a FIFO, not a regular file",
        "streams.d/b.yaml: cannot be read: it is a device, not a regular file",
        "streams.d/c.yaml: cannot be read: Is a directory",
        "streams.d/d.yaml: cannot be read: No such file or directory",
        "streams.d/e.yaml: cannot be read: it is larger than 512 KB",
    ]


def test_the_file_itself_must_be_one(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "c.yaml")
    assert problems(tmp_path / "c.yaml") == ["c.yaml: cannot be read: it is a FIFO, not a regular file"]


def test_a_folder_holds_so_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MAX_FILES", 2)
    path = write(tmp_path, main=MAIN, **{f"f{i}": f"s{i}: {{source: x}}" for i in range(3)})
    assert problems(path) == [f"c.yaml:1: streams_dir: more than 2 files in {tmp_path}/streams.d"]


def test_all_files_hold_so_many_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MAX_VALUES", 8)
    path = write(tmp_path, main=MAIN, **{f"f{i}": f"s{i}: {{source: x, ema: 9}}" for i in range(3)})
    assert problems(path) == [
        "c.yaml:1: streams_dir: more than 8 values in all files up to f1.yaml; the rest is not read",
        "streams.d/f0.yaml:1: streams.s0.ema: must be less than 1 (got 9)",
        "streams.d/f1.yaml:1: streams.s1.ema: must be less than 1 (got 9)",
    ]


@pytest.mark.parametrize("sign", ["*", "!"])
@pytest.mark.parametrize(
    "form", ["password: {}", "source: {{url: x, password: {}}}", "'token' :  {}  # mine"]
)
def test_an_unquoted_password_that_is_no_yaml_is_not_told(sign: str, form: str) -> None:
    with pytest.raises(ConfigError) as error:
        read_text(form.format(f"{sign}hunter2xyz"), "c.yaml")
    assert "c.yaml:1" in str(error.value)
    assert "hunter2xyz" not in str(error.value)
