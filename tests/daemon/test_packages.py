"""Every engine's package is opened, and fits its streams."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from streamseg.config.schema import Config
from streamseg.daemon.packages import open_packages
from streamseg.errors import PackageError
from tests.fakes.packages import Tiny, make_package


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    made = {"whole": Tiny(), "bare": Tiny(stabiliser=False)}
    return {name: make_package(tmp_path_factory.mktemp(name), tiny).path for name, tiny in made.items()}


def config(folders: dict[str, Path], **gate: Any) -> Config:
    engines = {name: {"model": str(folder)} for name, folder in folders.items()}
    return Config.model_validate({"engines": engines, "streams": {"gate": {"source": "x.mp4", **gate}}})


def test_by_engine(folders: dict[str, Path]) -> None:
    packages = open_packages(config(folders, engine="whole"))
    assert {name: package.path for name, package in packages.items()} == folders


def test_a_package_must_do_what_its_streams_want(folders: dict[str, Path]) -> None:
    assert open_packages(config(folders, engine="bare", temporal="ema"))
    with pytest.raises(PackageError, match="stream gate: tiny: temporal mode convgru needs"):
        open_packages(config(folders, engine="bare"))


def test_a_damaged_one_is_told_though_no_stream_uses_it(folders: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="no model package there"):
        open_packages(config({**folders, "other": tmp_path}, engine="whole"))
