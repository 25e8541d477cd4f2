"""The model packages of all engines, opened and checked before anything is started or changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from streamseg.config.schema import Config
from streamseg.errors import PackageError
from streamseg.inference.package import Package, open_package
from streamseg.temporal.stage import check_mode

Packages: TypeAlias = Mapping[str, Package]  # by engine


def open_packages(config: Config) -> Packages:
    """The packages of all engines.

    Raises:
        PackageError: One is not there or not whole, or cannot do what a stream wants of it.
    """
    packages = {name: open_package(engine.package) for name, engine in config.engines.items()}
    for name, stream in config.streams.items():
        try:
            check_mode(stream.temporal, packages[stream.engine].manifest)
        except PackageError as error:
            raise PackageError(f"stream {name}: {error}") from error
    return packages
