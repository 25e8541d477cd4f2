"""The Debian package's `copyright`: machine-readable, with the weights' licences and all texts."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.tree
ROOT = Path(__file__).resolve().parents[2]
SITE = "opt/streamseg/venv/lib/python3.11/site-packages"
Paragraph = dict[str, str]


def paragraphs(text: str) -> list[Paragraph]:
    """Fields of each paragraph, as Debian's control files have them (deb822)."""
    found = []
    for block in re.split(r"\n{2,}", text.strip()):
        fields = re.findall(r"^([A-Z][A-Za-z-]*): ?(.*(?:\n[ \t].+)*)", block, re.MULTILINE)
        assert "\n".join(f"{key}: {value}" for key, value in fields) == block, "a line that is no field"
        assert len(dict(fields)) == len(fields), "a field twice"
        found.append(dict(fields))
    return found


def check(text: str) -> tuple[list[Paragraph], dict[str, str]]:
    """Holds a file to DEP-5; gives its `Files` paragraphs, and the licence texts by short name."""
    head, *rest = paragraphs(text)
    assert head["Format"] == "https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/"
    stanzas = [paragraph for paragraph in rest if "Files" in paragraph]
    texts = dict(paragraph["License"].split("\n", 1) for paragraph in rest if "Files" not in paragraph)
    assert all({"Files", "Copyright", "License"} <= set(stanza) for stanza in stanzas)
    inline = {stanza["License"].split("\n")[0] for stanza in stanzas if "\n" in stanza["License"]}
    named = {name for stanza in stanzas for name in stanza["License"].split("\n")[0].split(" and ")}
    assert named == inline | set(texts), "a licence without a text, or a text that nothing refers to"
    return stanzas, texts


def staged(root: Path, licences: dict[str, str], libraries: tuple[str, ...] = ()) -> str:
    """A package's tree with model packages of these licences, and what the script writes of it."""
    site = root / SITE
    texts = site / "streamseg-1.0.dist-info/licenses/LICENSES"
    texts.mkdir(parents=True)
    for path in (ROOT / "LICENSES").glob("*.txt"):
        (texts / path.name).write_bytes(path.read_bytes())
    for name, licence in licences.items():
        folder = site / "streamseg/_engines" / name
        folder.mkdir(parents=True)
        manifest = f"name: {name}\nlicense: {licence}\ndata: >-\n  CamVid,\n  and more\n"
        (folder / "model.yaml").write_text(manifest, encoding="utf-8")
    for library in libraries:
        (site / "av.libs").mkdir(exist_ok=True)
        (site / "av.libs" / library).touch()
    command = [sys.executable, str(ROOT / "systemd/debian/copyright.py"), str(root)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_weights_have_the_licence_of_their_package(tmp_path: Path) -> None:
    licences = {"far": "CC-BY-NC-4.0", "street": "CC-BY-NC-4.0 AND LicenseRef-IDD-Lite"}
    stanzas, texts = check(staged(tmp_path, licences))
    found = {stanza["Files"].split("/")[-2]: stanza for stanza in stanzas if "_engines/" in stanza["Files"]}
    assert {name: stanza["License"] for name, stanza in found.items()} == {
        "far": "CC-BY-NC-4.0",
        "street": "CC-BY-NC-4.0 and LicenseRef-IDD-Lite",
    }
    assert found["far"]["Comment"] == "CamVid, and more"
    assert "NonCommercial" in texts["CC-BY-NC-4.0"]
    assert "not the text of a licence" in texts["LicenseRef-IDD-Lite"]


def test_of_the_stanzas_that_match_a_file_the_last_is_the_narrowest(tmp_path: Path) -> None:
    stanzas, _ = check(staged(tmp_path, {"far": "CC-BY-NC-4.0"}, ("libx264-d6533a8d.so.165",)))

    def licence(path: str) -> str:
        matching = [
            stanza["License"].split("\n")[0]
            for stanza in stanzas
            for pattern in stanza["Files"].split()
            if re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), path)
        ]
        return matching[-1]

    assert licence("usr/lib/systemd/system/streamseg.service") == "Apache-2.0"
    assert licence(f"{SITE}/cv2/__init__.py") == "third-party"
    assert licence(f"{SITE}/av.libs/libx264-d6533a8d.so.165") == "GPL-2+"
    assert licence(f"{SITE}/streamseg/cli.py") == "Apache-2.0"
    assert licence(f"{SITE}/streamseg/_engines/far/segmenter.onnx") == "CC-BY-NC-4.0"


def test_a_tree_without_gpl_libraries_names_no_gpl_licence(tmp_path: Path) -> None:
    stanzas, texts = check(staged(tmp_path, {"far": "CC-BY-NC-4.0"}))
    assert "GPL-2+" not in texts
    assert all("GPL" not in stanza["License"] for stanza in stanzas)
