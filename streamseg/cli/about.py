"""A model package in a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamseg.inference.package import FoundPackage, Package


def line(found: FoundPackage) -> str:
    """One line about what was found on the search path."""
    return about(found.package) if found.package else f"{found.path.name}: not usable: {found.problem}"


def about(package: Package) -> str:
    """One line about a package."""
    manifest = package.manifest
    width, height = manifest.size_wh
    steady = "with stabiliser" if manifest.graphs.stabiliser else "without stabiliser"
    size_mb = sum((package.path / graph.file).stat().st_size for graph in package.graphs.values()) / 1e6
    return (
        f"{manifest.name} {manifest.version}  {width}x{height}, {len(manifest.classes)} classes, {steady}, "
        f"{size_mb:.1f} MB, {manifest.license}"
    )
