"""Third-party notices: each distribution with its licence, texts and the libraries in its wheel."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.tree
SCRIPT = Path(__file__).resolve().parents[2] / "systemd" / "third_party_notices.py"


def distribution(
    site: Path, name: str, *metadata: str, files: dict[str, bytes] | None = None, version: str = "1.0"
) -> None:
    """What pip leaves of a wheel: the metadata, a record, and the files."""
    info = f"{name}-{version}.dist-info"
    head = ["Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}", *metadata, ""]
    held = {f"{info}/METADATA": "\n".join(head).encode(), **(files or {})}
    for path, content in held.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_bytes(content)
    record = "".join(f"{path},,\n" for path in held)
    (site / info / "RECORD").write_text(record, encoding="utf-8")


def notices(*sites: Path) -> tuple[str, str]:
    """The notices, and what is told beside them."""
    paths = [word for site in sites for word in ("--path", str(site))]
    command = [sys.executable, "-I", str(SCRIPT), *paths]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=True)
    return done.stdout, done.stderr


def entry(text: str, title: str) -> str:
    (found,) = [part for part in text.split("=" * 100 + "\n") if part.startswith(f"{title}\n")]
    return found


def test_licences_are_told_as_the_metadata_has_them(tmp_path: Path) -> None:
    distribution(tmp_path, "new", "License-Expression: MIT AND 0BSD", "License: old words")
    distribution(tmp_path, "old", "License: Apache 2.0", "Classifier: License :: OSI Approved :: BSD License")
    distribution(tmp_path, "trove", "License: UNKNOWN", "Classifier: License :: OSI Approved :: BSD License")
    distribution(
        tmp_path, "pasted", "License: All of a text", "        of many lines",
        "Classifier: License :: Public Domain",
    )  # fmt: skip
    distribution(tmp_path, "silent")
    text, told = notices(tmp_path)
    assert told == ""
    assert "5 Python distributions" in text
    licences = {
        "new": "MIT AND 0BSD", "old": "Apache 2.0", "trove": "BSD License", "pasted": "Public Domain",
        "silent": "not stated in the metadata",
    }  # fmt: skip
    for name, licence in licences.items():
        assert f"Licence: {licence}\n" in entry(text, f"{name} 1.0")


def test_all_texts_are_carried_over_each_once(tmp_path: Path) -> None:
    texts = {
        "one-1.0.dist-info/licenses/LICENSE": b"terms of one",
        "one-1.0.dist-info/licenses/licensing/onetbb_third-party-programs.txt": b"terms of TBB",
        "one/ThirdPartyNotices.txt": b"terms of many, \xff",  # not UTF-8
        "one/COPYING": b"terms of one\n",  # the same again
        "one/license.py": b"code",
        "one/readme.txt": b"no terms",
    }
    distribution(tmp_path, "one", files=texts)
    distribution(tmp_path, "none")
    text, _ = notices(tmp_path)
    told = entry(text, "one 1.0")
    assert told.count("terms of one") == 1
    assert "--- one-1.0.dist-info/licenses/licensing/onetbb_third-party-programs.txt\n\nterms of TBB" in told
    assert "--- one/ThirdPartyNotices.txt\n\nterms of many, �" in told
    assert "code" not in told
    assert "no terms" not in told
    assert "carries no licence text" in entry(text, "none 1.0")


def test_libraries_within_a_wheel_are_told_with_their_own_licences(tmp_path: Path) -> None:
    libraries = {
        "av.libs/libx264-d6533a8d.so.165": b"",
        "av.libs/libxcb-shape-7716c890.so.0.0.0": b"",
        "av.libs/libgfortran-040039e1-0352e75f.so.5.0.0": b"",
        "av.libs/libavcodec-5e6b81c2.so.62": b"\0libavcodec license: LGPL version 3 or later\0",
        "av.libs/libsurprise-5e6b81c2.so.1": b"",
    }
    distribution(tmp_path, "av", "License-Expression: BSD-3-Clause", files=libraries)
    text, told = notices(tmp_path)
    lines = {
        line.split(": ")[1]: line.split(": ", 2)[2]
        for line in entry(text, "av 1.0").splitlines()
        if line.startswith("Library: ")
    }
    assert set(lines) == set(libraries)
    assert lines["av.libs/libx264-d6533a8d.so.165"].startswith("x264; GPL-2.0-or-later; https://")
    assert "; MIT; " in lines["av.libs/libxcb-shape-7716c890.so.0.0.0"]
    assert "GCC-exception-3.1" in lines["av.libs/libgfortran-040039e1-0352e75f.so.5.0.0"]
    assert lines["av.libs/libavcodec-5e6b81c2.so.62"].startswith("FFmpeg; LGPL version 3 or later; ")
    assert lines["av.libs/libsurprise-5e6b81c2.so.1"] == "not known"
    assert told == "not in bundled_libraries.toml: av.libs/libsurprise-5e6b81c2.so.1\n"


def test_streamseg_is_no_third_party_and_a_name_is_told_once(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    distribution(first, "streamseg")
    distribution(first, "two-words")
    distribution(second, "Two_Words", version="2.0")
    text, _ = notices(first, second)
    assert "1 Python distributions" in text
    assert entry(text, "two-words 1.0")
