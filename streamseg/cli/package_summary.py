"""A model package in a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamseg.inference.packages.package import FoundPackage, Package


def line(found: FoundPackage) -> str:
    """One line about what was found on the search path, beginning with the name it is asked for by."""
    if found.package is not None:
        return _described(found.path.name, found.package)
    first, *more = found.problem.splitlines()
    rest = f" (and {len(more)} more: streamseg model info {found.path.name})" if more else ""
    return f"{found.path.name}: not usable: {first}{rest}"


def about(package: Package) -> str:
    """One line about a package, beginning with the name that its manifest gives it."""
    return _described(package.manifest.name, package)


def _described(name: str, package: Package) -> str:
    manifest = package.manifest
    width, height = manifest.size_wh
    alias = f" ({manifest.name})" if manifest.name != name else ""
    steady = "with stabiliser" if manifest.graphs.stabiliser else "without stabiliser"
    return (
        f"{name}{alias} {manifest.version}  {width}x{height}, {len(manifest.classes)} classes, {steady}, "
        f"{package.size / 1e6:.1f} MB, {manifest.license}"
    )
