"""What the Debian package tells of licences, held against what it carries."""

from __future__ import annotations

import re
import subprocess
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from tests.systemd.test_copyright import check
from tests.waiting import time_limit

pytestmark = [pytest.mark.real, pytest.mark.timeout(time_limit(400))]
COPYRIGHT = "usr/share/doc/streamseg/copyright"
NOTICES = "opt/streamseg/share/doc/THIRD_PARTY_NOTICES.txt"


@dataclass
class Contents:
    """Paths within a package, and the texts of some of the files."""

    paths: set[str] = field(default_factory=set)
    texts: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="module")
def contents(deb: Path) -> Contents:
    """The package as a stream: unpacked it takes 700 MB."""
    found = Contents()
    command = ["dpkg-deb", "--fsys-tarfile", str(deb)]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE) as packed,
        tarfile.open(fileobj=packed.stdout, mode="r|") as archive,
    ):
        for member in archive:
            path = member.name.removeprefix("./")
            found.paths.add(path)
            if path in {COPYRIGHT, NOTICES} or path.endswith("/model.yaml"):
                content = archive.extractfile(member)
                assert content is not None
                found.texts[path] = content.read().decode()
    return found


def test_the_notices_name_every_distribution_and_every_library_of_its_wheel(contents: Contents) -> None:
    notices = contents.texts[NOTICES]
    titled = re.findall(r"^={100}\n(\S+) (\S+)\n", notices, re.MULTILINE)
    carried = [re.search(r"site-packages/(.+)-([^-]+)\.dist-info/METADATA$", path) for path in contents.paths]
    packages = {(match[1].replace("_", "-").lower(), match[2]) for match in carried if match}
    ours = {(name, version) for name, version in packages if name == "streamseg"}
    assert ours
    assert {(name.replace("_", "-").lower(), version) for name, version in titled} == packages - ours
    libraries = {path.partition("/site-packages/")[2] for path in contents.paths if ".libs/lib" in path}
    told = dict(re.findall(r"^Library: (\S+): (.+)$", notices, re.MULTILINE))
    assert set(told) == libraries
    unknown = [path for path, about in told.items() if about == "not known"]
    assert not unknown, f"name them in systemd/bundled_libraries.toml: {unknown}"


def test_the_copyright_file_names_the_licences_of_the_weights(contents: Contents) -> None:
    stanzas, texts = check(contents.texts[COPYRIGHT])
    manifests = {path: text for path, text in contents.texts.items() if path.endswith("/model.yaml")}
    assert manifests
    for path, text in manifests.items():
        (stanza,) = [found for found in stanzas if found["Files"] == path.replace("model.yaml", "*")]
        assert stanza["License"] == yaml.safe_load(text)["license"].replace(" AND ", " and ")
    assert "Apache-2.0" in texts
    referred = set(re.findall(r"/opt/streamseg/\S+\.(?:md|txt)", contents.texts[COPYRIGHT]))
    assert {path.removeprefix("/") for path in referred} <= contents.paths
