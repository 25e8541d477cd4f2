from __future__ import annotations

import os
import shutil
from pathlib import Path

import onnx
import pytest

from streamseg.config.deprecated import renamed
from streamseg.errors import PackageError
from streamseg.inference.packages import package as package_module
from streamseg.inference.packages.manifest import GraphRole
from streamseg.inference.packages.package import Package, find_packages, graphs_in, open_package, search_path
from tests.fakes.int8 import add_int8
from tests.fakes.packages import Tiny, make_package, write_manifest


def complaint(name_or_path: str | Path, search: list[Path]) -> list[str]:
    with pytest.raises(PackageError) as caught:
        open_package(name_or_path, search)
    return str(caught.value).splitlines()


def test_a_package_is_opened_by_name(tmp_path: Path, package: Package) -> None:
    assert open_package("tiny", [tmp_path]) == package


@pytest.mark.parametrize("form", ["path", "text"])
def test_a_package_is_opened_by_its_folder(package: Package, form: str) -> None:
    folder: str | Path = package.path if form == "path" else str(package.path)
    assert open_package(folder, []) == package


def test_its_graphs(package: Package, tmp_path: Path) -> None:
    assert package.graph("stabiliser") == package.path / "stabiliser.onnx"
    assert list(package.graphs) == [GraphRole.SEGMENTER, GraphRole.STABILISER, GraphRole.READOUT]
    alone = make_package(tmp_path, Tiny(stabiliser=False, readout=False), "alone")
    assert alone.graph("stabiliser") is None


def test_a_discriminator_is_of_the_package_and_not_of_its_engine(package: Package, tmp_path: Path) -> None:
    judged = make_package(tmp_path, Tiny(discriminator=True), "judged")
    assert list(judged.graphs) == list(GraphRole)
    assert dict(judged.engine_graphs) == dict(package.graphs)
    assert judged.sha256 == package.sha256, "the masks are the same"
    (judged.path / "discriminator.onnx").write_bytes(b"something else")
    (line,) = complaint(judged.path, [])
    assert "discriminator.onnx: sha256 is " in line


def test_its_hash_tells_graphs_apart_and_nothing_else(package: Package, tmp_path: Path) -> None:
    assert make_package(tmp_path, name="again").sha256 == package.sha256
    assert make_package(tmp_path, Tiny(seed=1), "other").sha256 != package.sha256


def test_what_runs_in_int8_is_another_model(package: Package) -> None:
    both = add_int8(package)
    assert (both.sha256, both.sha256_in("bf16")) == (package.sha256, package.sha256)
    assert both.sha256_in("int8") != both.sha256
    assert both.running("int8")[GraphRole.SEGMENTER].file == "segmenter-int8.onnx"
    assert both.running("int8")[GraphRole.READOUT] == package.graphs[GraphRole.READOUT]


@pytest.mark.parametrize(
    ("loss", "asked", "expected"),
    [
        (0.5, "auto", ("f32", "int8")),
        (-0.2, "auto", ("f32", "int8")),
        (0.51, "auto", ("f32",)),
        (9.0, "int8", ("int8",)),
        (0.0, "bf16", ("f32",)),
    ],
)
def test_which_graphs_may_run(package: Package, loss: float, asked: str, expected: tuple[str, ...]) -> None:
    assert add_int8(package, loss=loss, allowed=0.5).precisions(asked) == expected


def test_its_graph_in_int8_is_verified_too(package: Package) -> None:
    both = add_int8(package)
    assert open_package(both.path) == both
    (both.path / "segmenter-int8.onnx").write_bytes(b"something else")
    (line,) = complaint(both.path, [])
    assert "segmenter-int8.onnx: sha256 is " in line


@pytest.mark.parametrize("asked", ["tinny", "TINY", "tiny0"])
def test_an_unknown_name_gets_a_hint(tmp_path: Path, package: Package, asked: str) -> None:
    (line,) = complaint(asked, [tmp_path])
    assert f"no model package named '{asked}'" in line
    assert "known: tiny;" in line
    assert str(tmp_path) in line
    assert ("did you mean 'tiny'?" in line) == (asked != "TINY")


def test_an_unknown_name_where_there_is_nothing(tmp_path: Path) -> None:
    assert complaint("tiny", [tmp_path]) == [
        f"no model package named 'tiny' (known: none; looked in {tmp_path})"
    ]
    assert complaint("tiny", []) == ["no model package named 'tiny' (known: none; looked in no folder)"]


def test_a_folder_without_a_package(tmp_path: Path) -> None:
    (line,) = complaint(tmp_path / "nothing", [])
    assert "no model package there" in line


def test_a_wrong_hash(package: Package) -> None:
    (package.path / "stabiliser.onnx").write_bytes(b"something else")
    (line,) = complaint(package.path, [])
    assert "stabiliser.onnx: sha256 is " in line
    assert "copy the whole package again" in line


def test_every_bad_graph_is_told(package: Package) -> None:
    (package.path / "segmenter.onnx").unlink()
    (package.path / "stabiliser.onnx").write_bytes(b"")
    (package.path / "readout.onnx").unlink()
    (package.path / "readout.onnx").mkdir()
    missing, wrong, unreadable = complaint(package.path, [])
    assert "the segmenter graph is missing" in missing
    assert "sha256" in wrong
    assert "the readout graph cannot be read: Is a directory" in unreadable


def test_weights_that_no_hash_covers_are_refused(package: Package) -> None:
    model = onnx.load(package.path / "segmenter.onnx")
    options = {"save_as_external_data": True, "location": "weights.bin", "size_threshold": 0}
    onnx.save_model(model, package.path / "segmenter.onnx", **options)
    assert (package.path / "weights.bin").stat().st_size > 0
    write_manifest(package.path, Tiny(), "tiny", list(package.graphs))
    (line,) = complaint(package.path, [])
    assert "segmenter.onnx: keeps weights in another file, which its sha256 says nothing of" in line
    onnx.save(onnx.load(package.path / "segmenter.onnx"), package.path / "segmenter.onnx")
    write_manifest(package.path, Tiny(), "tiny", list(package.graphs))
    assert open_package(package.path, []).problems() == []


def test_a_tensor_may_be_called_like_what_is_refused(package: Package) -> None:
    model = onnx.load(package.path / "segmenter.onnx")
    model.graph.value_info.append(onnx.helper.make_tensor_value_info("location", 1, ["N", 3]))
    onnx.save(model, package.path / "segmenter.onnx")
    write_manifest(package.path, Tiny(), "tiny", list(package.graphs))
    assert open_package(package.path, []).problems() == []


def test_a_graph_is_read_as_the_bytes_it_was_promised_to_be(package: Package) -> None:
    entry = package.graphs[GraphRole.READOUT]
    content = (package.path / entry.file).read_bytes()
    assert package.read("readout", entry) == content
    (package.path / entry.file).write_bytes(content + b" ")
    with pytest.raises(PackageError, match=r"readout\.onnx: sha256 is "):
        package.read("readout", entry)


def test_a_bad_manifest(package: Package) -> None:
    (package.path / "model.yaml").write_text("schema_version: 1\n", encoding="utf-8")
    assert len(complaint(package.path, [])) > 5


def test_packages_are_found_and_the_first_of_a_name_wins(tmp_path: Path) -> None:
    near, far = tmp_path / "near", tmp_path / "far"
    first = make_package(near, name="same")
    make_package(far, Tiny(seed=1), name="same")
    make_package(far, name="other")
    (far / "broken").mkdir()
    (far / "broken" / "model.yaml").write_text("name: [", encoding="utf-8")
    found = {entry.path.name: entry for entry in find_packages([near, far])}
    assert list(found) == ["broken", "other", "same"]
    assert found["same"].package == first
    assert found["broken"].package is None
    assert "not valid YAML" in found["broken"].problem


def test_the_search_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two, tmp_path / "engines"):
        folder.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(package_module, "SYSTEM_ENGINES", system := tmp_path / "system")
    system.mkdir()
    monkeypatch.setenv(
        "STREAMSEG_MODEL_PATH", os.pathsep.join([str(one), str(two), str(tmp_path / "absent"), str(one)])
    )
    found = search_path()
    assert found[:2] == [one, two]
    assert found[-2:] == [system, tmp_path / "engines"], "the working folder is anybody's, and comes last"


def test_a_package_of_the_working_folder_takes_no_shipped_ones_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    shipped = make_package(tmp_path / "system", name="same")
    other = make_package(tmp_path / "engines", Tiny(seed=1), "same")
    mine = make_package(tmp_path / "engines", Tiny(seed=2), "mine")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STREAMSEG_MODEL_PATH", raising=False)
    monkeypatch.setattr(package_module, "SYSTEM_ENGINES", tmp_path / "system")
    assert open_package("same") == shipped
    assert f"engine same: taken from {shipped.path}; not from {other.path}" in caplog.text
    caplog.clear()
    assert open_package("mine") == mine
    assert not caplog.text


@pytest.mark.tree
def test_the_source_trees_engines_are_on_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STREAMSEG_MODEL_PATH", raising=False)
    assert Path(__file__).resolve().parents[3] / "engines" in search_path()


def test_the_environment_names_a_package(
    package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(package.path, tmp_path / "else" / "mine")
    monkeypatch.setenv("STREAMSEG_MODEL_PATH", str(tmp_path / "else"))
    assert open_package("mine").sha256 == package.sha256


def test_the_service_s_own_packages_are_looked_for_by_everybody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command in a shell has not the `$STREAMSEG_MODEL_PATH` of the unit."""
    monkeypatch.setattr("streamseg.inference.packages.package.SERVICE_ENGINES", tmp_path)
    assert tmp_path in search_path({})
    assert search_path({"STREAMSEG_MODEL_PATH": str(tmp_path.parent)})[0] == tmp_path.parent


def test_the_former_variable_is_read_after_the_present_one_with_one_notice(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (new := tmp_path / "new").mkdir()
    (old := tmp_path / "old").mkdir()
    package_module._tell_former_variable.cache_clear()
    for _ in range(2):
        assert search_path({"STREAMSEG_ENGINES": str(old)})[0] == old
    alone = f"configuration: {renamed('$STREAMSEG_ENGINES', '$STREAMSEG_MODEL_PATH')}"
    assert caplog.messages == [alone]
    caplog.clear()
    both = {"STREAMSEG_ENGINES": str(old), "STREAMSEG_MODEL_PATH": str(new)}
    for _ in range(2):
        assert search_path(both)[:2] == [new, old]
    assert caplog.messages == [f"{alone}; $STREAMSEG_MODEL_PATH is set too and comes first"]
    caplog.clear()
    assert search_path({"STREAMSEG_MODEL_PATH": str(new)})[0] == new
    assert not caplog.messages


def test_a_package_by_its_folder_needs_no_search(
    package: Package, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Else every process that compiles one would repeat the notice about the former variable."""
    monkeypatch.setenv("STREAMSEG_ENGINES", "/nowhere")
    package_module._tell_former_variable.cache_clear()
    open_package(package.path)
    assert not caplog.messages


def test_what_is_being_written_is_no_package_yet(tmp_path: Path, package: Package) -> None:
    shutil.copytree(package.path, tmp_path / ".tiny.part")
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    assert [found.path for found in find_packages([tmp_path, tmp_path / "gone"])] == [package.path]


def test_a_broken_one_of_a_name_is_not_passed_over(tmp_path: Path, package: Package) -> None:
    """Else another package of the name, from a folder less trusted, would run in its place."""
    near = make_package(tmp_path / "near")
    (near.path / "model.yaml").unlink()
    (near.path / "model.yaml").symlink_to("nowhere")
    (line,) = complaint("tiny", [tmp_path / "near", tmp_path])
    assert line == f"{near.path}/model.yaml: cannot be read: No such file or directory"


def test_the_graphs_of_a_manifest_are_known_whether_they_are_there_or_not(package: Package) -> None:
    hashes = graphs_in(package.path)
    assert len(hashes) == 3
    (package.path / "segmenter.onnx").unlink()
    assert graphs_in(package.path) == hashes
    (package.path / "model.yaml").write_text("")
    assert graphs_in(package.path) == frozenset()


def test_its_size_is_that_of_all_its_graphs(package: Package) -> None:
    assert package.size == sum(path.stat().st_size for path in package.path.glob("*.onnx"))
    (package.path / "readout.onnx").unlink()
    with pytest.raises(PackageError, match="the readout graph is missing"):
        _ = package.size


@pytest.mark.parametrize("name", ["~nobody-of-this-name/tiny", "a\0b", "x/a\0b", "x" * 300])
def test_a_name_that_can_be_none(tmp_path: Path, name: str) -> None:
    (line,) = complaint(name, [tmp_path])
    assert line.isprintable()
