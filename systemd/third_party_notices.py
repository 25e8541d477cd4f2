"""Writes third-party notices: each distribution of a Python environment, its licence, the texts it carries.

Run it with the environment's interpreter, or name a `site-packages` folder; it writes to standard output:

    /opt/streamseg/venv/bin/python -I systemd/third_party_notices.py > THIRD_PARTY_NOTICES.txt
    python3 systemd/third_party_notices.py --path /srv/venv/lib/python3.11/site-packages

It needs the standard library alone, so that it runs in an environment that holds only what is distributed.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path, PurePath

OURS = "streamseg"
_TABLE = Path(__file__).with_name("bundled_libraries.toml")
_TEXTS = re.compile(r"licen[cs]e|copying|copyright|notice|third[-_]?part|authors", re.IGNORECASE)
_NO_TEXTS = {".h", ".json", ".py", ".pyc", ".pyi", ".so"}
_LIBRARY = re.compile(r"^(lib.+?)(-[0-9a-f]{8})+\.")  # auditwheel puts a hash before the suffix
_FFMPEG = re.compile(rb"lib(?:av|sw)\w+ license: ([\w .,]+)\0")
_HEAD = """\
Third-party software in this installation of streamseg

{count} Python distributions, with the licences that their metadata names and the texts that they carry.
streamseg itself is not among them: its licences are in LICENSE, LICENSES/ and licences.md.

Shared libraries that a wheel carries are listed with their project, its licence and where its source is;
not every wheel carries the text of it. The GNU licences: https://www.gnu.org/licenses/, on Debian in
/usr/share/common-licenses.
"""


@dataclass(frozen=True, slots=True)
class Library:
    """A shared library within a wheel; its licence is an SPDX expression, or what FFmpeg says of itself."""

    file: str
    project: str
    license: str
    source: str


def third_parties(path: list[str]) -> list[Distribution]:
    """All distributions on a search path but our own, by name; of two with one name the first."""
    found: dict[str, Distribution] = {}
    for distribution in distributions(path=path):
        found.setdefault(re.sub(r"[-_.]+", "-", distribution.name).lower(), distribution)
    found.pop(OURS, None)
    return [found[name] for name in sorted(found)]


def license_of(distribution: Distribution) -> str:
    """What the metadata says: the SPDX expression, else the free field, else the classifiers (PEP 639)."""
    told = distribution.metadata.json
    for field in (told.get("license_expression"), told.get("license")):
        if isinstance(field, str) and field.strip() not in {"", "UNKNOWN"} and "\n" not in field.strip():
            return field.strip()
    trove = [line for line in told.get("classifier", []) if line.startswith("License ::")]
    return "; ".join(line.split(" :: ")[-1] for line in trove) or "not stated in the metadata"


def license_texts(distribution: Distribution) -> dict[str, str]:
    """Text by path within the environment; a text that is there twice is named once."""
    texts: dict[str, str] = {}
    for file in sorted(distribution.files or [], key=str):
        where = Path(str(distribution.locate_file(file)))
        if _holds_a_text(file) and where.is_file():
            text = where.read_text(encoding="utf-8", errors="replace").strip()
            if text and text not in texts.values():
                texts[str(file)] = text
    return texts


def _holds_a_text(file: PurePath) -> bool:
    return bool(_TEXTS.search(file.name)) and file.suffix not in _NO_TEXTS


def bundled_libraries(distribution: Distribution) -> Iterator[Library]:
    """What lies in `NAME.libs`; a library that the table lacks has an empty project."""
    table = _table()
    for file in sorted(distribution.files or [], key=str):
        if file.parts[0].endswith(".libs") and ".so" in file.suffixes:
            match = _LIBRARY.match(file.name)
            known = table.get(match[1] if match else file.name.partition(".")[0], {})
            own = _own_words(Path(str(distribution.locate_file(file)))) if "license" not in known else ""
            licence = known.get("license") or own or "not known"
            yield Library(str(file), known.get("project", ""), licence, known.get("source", ""))


def _table() -> dict[str, dict[str, str]]:
    entries = tomllib.loads(_TABLE.read_text(encoding="utf-8"))["library"]
    return {name: entry for entry in entries for name in entry["names"]}


def _own_words(library: Path) -> str:
    """What `avcodec_license()` and its like return, read from the file and so for any architecture."""
    found = _FFMPEG.search(library.read_bytes())
    return found[1].decode() if found else ""


def write_notices(parties: list[Distribution]) -> str:
    """The whole text."""
    return "\n".join([_HEAD.format(count=len(parties)), *map(_notice, parties)])


def _notice(distribution: Distribution) -> str:
    lines = ["=" * 100, f"{distribution.name} {distribution.version}", f"Licence: {license_of(distribution)}"]
    if home := _home(distribution):
        lines.append(f"Home: {home}")
    for library in bundled_libraries(distribution):
        known = (part for part in (library.project, library.license, library.source) if part)
        lines.append(f"Library: {library.file}: {'; '.join(known)}")
    texts = license_texts(distribution)
    if not texts:
        lines.append("It carries no licence text.")
    for path, text in texts.items():
        lines += ["", f"--- {path}", "", text]
    return "\n".join([*lines, ""])


def _home(distribution: Distribution) -> str:
    """Where its source is, as far as the metadata tells; may be empty."""
    pairs = [entry.partition(", ") for entry in distribution.metadata.get_all("Project-URL", [])]
    urls = {label.lower(): url for label, _, url in pairs}
    labels = ("source", "source code", "repository", "code", "github", "homepage", "home")
    named = [urls[label] for label in labels if label in urls]
    return next(iter([*named, *distribution.metadata.get_all("Home-page", []), *urls.values()]), "")


def main() -> None:
    """Write the notices of this interpreter's environment, or of `--path`, to standard output."""
    parser = argparse.ArgumentParser(description="Write third-party notices of a Python environment.")
    parser.add_argument("--path", action="append", help="a site-packages folder; default: this interpreter's")
    parties = third_parties(parser.parse_args().path or sys.path)
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]  # whatever the locale is
    sys.stdout.write(write_notices(parties))
    for party in parties:
        unknown = [library.file for library in bundled_libraries(party) if not library.project]
        if unknown:
            sys.stderr.write(f"not in {_TABLE.name}: {', '.join(unknown)}\n")


if __name__ == "__main__":
    main()
