"""The model packages of all engines, opened and checked before anything is started or changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from streamseg.config.schema import Config
from streamseg.config.yaml_source import Location
from streamseg.errors import PackageError, WireError
from streamseg.inference.packages.package import Package, open_package
from streamseg.temporal.stage import check_mode
from streamseg.types import ModelInfo
from streamseg.wire.control_headers import InfoHeader
from streamseg.wire.message import dump_header, load_header
from streamseg.wire.topics import Kind

Packages: TypeAlias = Mapping[str, Package]  # by engine
Report: TypeAlias = Callable[[Location, PackageError], None]

_EPOCH = "000000"  # as long as every other


def open_packages(config: Config) -> Packages:
    """The packages of all engines.

    Raises:
        PackageError: One is not there or not whole, cannot do what a stream wants of it, or says more of
            itself than subscribers can be told.
    """
    return examine_packages(config, _refuse)


def examine_packages(config: Config, report: Report, search: Sequence[Path] | None = None) -> Packages:
    """The packages of all engines that are sound.

    Args:
        config: What names them, and what is wanted of them.
        report: Takes everything that is wrong, with its place in the configuration.
        search: Folders with packages by name; None: the search path.
    """
    packages: dict[str, Package] = {}
    for name, engine in config.engines.items():
        try:
            packages[name] = open_package(engine.model, search)
        except PackageError as error:
            report(("engines", name, "model"), error)
        except (OSError, RuntimeError) as error:  # RuntimeError: the home of a user who is not there
            report(("engines", name, "model"), PackageError(f"{engine.model}: cannot be read: {error}"))
    for name in packages:
        _check_precision(name, config, packages, report)
    for name in config.streams:
        _check_stream(name, config, packages, report)
    return packages


def _refuse(where: Location, error: PackageError) -> None:
    raise PackageError(f"stream {where[1]}: {error}" if where[0] == "streams" else str(error)) from error


def _check_precision(name: str, config: Config, packages: Packages, report: Report) -> None:
    try:
        packages[name].running(config.engines[name].precision)
    except PackageError as error:
        report(("engines", name, "precision"), error)


def _check_stream(name: str, config: Config, packages: Packages, report: Report) -> None:
    stream = config.streams[name]
    package = packages.get(stream.engine)
    if package is None:  # what is wrong with the engine is told of it
        return
    try:
        check_mode(stream.temporal, package.manifest)
    except PackageError as error:
        report(("streams", name, "temporal"), error)
    try:
        check_publishable(_announced(package), [name])
    except PackageError as error:
        report(("engines", stream.engine, "model"), error)


def check_publishable(model: ModelInfo, streams: Iterable[str]) -> None:
    """Check that subscribers of these streams can be told of a model (WIRE.md, kind = info).

    Raises:
        PackageError: They cannot.
    """
    for stream in streams:
        try:
            load_header(Kind.INFO, dump_header(InfoHeader(stream, _EPOCH, model)))
        except WireError as error:
            raise PackageError(f"{model.name}: subscribers cannot be told what it is: {error}") from error


def _announced(package: Package) -> ModelInfo:
    """What will be said of a package, before it is known what runs it."""
    manifest = package.manifest
    return ModelInfo(
        name=manifest.name,
        version=manifest.version,
        sha256=package.sha256,
        license=manifest.license,
        classes=manifest.class_infos(),
        backend="",
        precision="",
        mask_wh=manifest.size_wh,
    )
