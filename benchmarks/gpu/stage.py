"""Unpack the parts of a bundle: `python3 stage.py --into FOLDER PART_FOLDER …`.

A part is NAME.tar.xz with NAME.sha256 beside it. Each may come at another time; `missing` tells which did
not. Needs Python's own library only.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tarfile
from pathlib import Path

PARTS = ("packages", "onnxruntime")
PROJECT = "project"  # comes along where the source tree does not


class StageError(Exception):
    """A part that cannot be used; the message is one line."""


def stage(folders: list[Path], into: Path) -> list[str]:
    """Unpacks every part found in the folders.

    Args:
        folders: Where parts lie.
        into: The folder to unpack into; made where it is missing.

    Returns:
        The names of the parts that were unpacked.

    Raises:
        StageError: A part is damaged.
    """
    into.mkdir(parents=True, exist_ok=True)
    archives = [archive for folder in folders for archive in sorted(folder.glob("*.tar.xz"))]
    return [_unpack(archive, into) for archive in archives]


def missing(into: Path) -> list[str]:
    """Names of the parts that a check needs and that were not unpacked."""
    return [name for name in PARTS if not _mark(into, name).exists()]


def _mark(into: Path, name: str) -> Path:
    return into / f"{name}.staged"


def _unpack(archive: Path, into: Path) -> str:
    name = archive.name.removesuffix(".tar.xz")
    try:
        wanted = archive.with_name(f"{name}.sha256").read_text(encoding="ascii").split()[0]
    except (OSError, IndexError) as error:
        raise StageError(f"{archive}: its checksum {name}.sha256 is missing") from error
    if hashlib.sha256(archive.read_bytes()).hexdigest() != wanted:
        raise StageError(f"{archive}: damaged, the checksum differs; copy it again")
    with tarfile.open(archive, "r:xz") as tar:
        tar.extractall(into, filter="tar")
    _mark(into, name).touch()
    return name


def main() -> None:
    """Stages from the command line; exits 1 where a part is damaged or missing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--into", type=Path, required=True)
    asked = parser.parse_args()
    try:
        print(f"staged: {', '.join(stage(asked.folders, asked.into)) or 'nothing'}")
    except StageError as error:
        sys.exit(f"stage: {error}")
    if left := missing(asked.into):
        sys.exit(f"stage: not there yet: {', '.join(left)}")


if __name__ == "__main__":
    main()
