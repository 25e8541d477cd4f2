"""Writes the Debian package's `copyright` file (DEP-5, machine-readable) for a tree about to be packed.

    STAGE/opt/streamseg/venv/bin/python -IB systemd/debian/copyright.py STAGE

The licences of the weights are read from the model packages in the tree, the texts from the wheel's metadata.
https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import yaml

VENV = "opt/streamseg/venv"
AUTHORS = "the authors of streamseg"
_COMMON = "/usr/share/common-licenses"
_HEAD = f"""\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: streamseg
Comment: The weights in this package are for research and non-commercial use; the rest of streamseg is under
 Apache-2.0. The package also holds a virtual environment with software of others, parts of it under the GPL.
 /opt/streamseg/share/doc/licences.md says what that asks of whoever passes the package on.

Files: *
Copyright: {AUTHORS}
License: Apache-2.0

Files: {VENV}/*
Copyright: the authors of each Python distribution, see THIRD_PARTY_NOTICES.txt
License: third-party
 The licence of each distribution, and of each library that it carries, is named in
 /opt/streamseg/share/doc/THIRD_PARTY_NOTICES.txt, with the texts.
"""
_REFERENCES = {
    "Apache-2.0": f"On Debian systems the text is in {_COMMON}/Apache-2.0.",
    "GPL-2+": f"Version 2 or, at your option, any later one. On Debian: {_COMMON}/GPL-2.",
}


def copyright_file(stage: Path) -> str:
    """All of it; of the stanzas that match a file the last one holds.

    Args:
        stage: The root of the package, with streamseg installed in its environment.

    Raises:
        FileNotFoundError: The tree lacks streamseg, or the text of a licence that its weights name.
    """
    site = next((stage / VENV).glob("lib/python3*/site-packages/streamseg")).parent
    ours = [site / "streamseg", *site.glob("streamseg-*.dist-info")]
    weights = [_weights(stage, path) for path in sorted(site.glob("streamseg/_engines/*/model.yaml"))]
    stanzas = [_HEAD, *_gpl(stage, site), _stanza(stage, ours, AUTHORS, "Apache-2.0"), *weights]
    fields = re.findall(r"^License: (.+)$", "".join(stanzas), re.MULTILINE)
    named = {name for field in fields for name in field.split(" and ")} - {"third-party"}
    return "\n".join([*stanzas, *(_license(name, site) for name in sorted(named))])


def _gpl(stage: Path, site: Path) -> list[str]:
    """PyAV's wheel carries two encoders that are under the GPL; not on every architecture."""
    return [
        _stanza(stage, found, f"the authors of {name}", "GPL-2+")
        for name in ("x264", "x265")
        if (found := sorted(site.glob(f"av.libs/lib{name}-*")))
    ]


def _weights(stage: Path, manifest: Path) -> str:
    told = yaml.safe_load(manifest.read_text(encoding="utf-8"))
    licence = told["license"].replace(" AND ", " and ")
    return (
        _stanza(stage, [manifest.parent], AUTHORS, licence) + f"Comment: {' '.join(told['data'].split())}\n"
    )


def _stanza(stage: Path, paths: list[Path], authors: str, licence: str) -> str:
    files = "\n ".join(f"{path.relative_to(stage)}{'/*' if path.is_dir() else ''}" for path in paths)
    return f"Files: {files}\nCopyright: {authors}\nLicense: {licence}\n"


def _license(name: str, site: Path) -> str:
    if name in _REFERENCES:
        return f"License: {name}\n {_REFERENCES[name]}\n"
    (text,) = site.glob(f"streamseg-*.dist-info/licenses/LICENSES/{name}.txt")
    lines = [line.rstrip() or "." for line in text.read_text(encoding="utf-8").splitlines()]
    return "\n".join([f"License: {name}", *(f" {line}" for line in lines), ""])


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]  # whatever the locale is
    sys.stdout.write(copyright_file(Path(sys.argv[1])))
