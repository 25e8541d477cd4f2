"""Which licence holds for weights that began with other weights."""

from __future__ import annotations

import pytest

from streamseg.errors import TrainingError
from streamseg.inference.packages.lineage import Parent
from streamseg.training.export.license import settle_license


def parents(*licences: str) -> list[Parent]:
    return [
        Parent(relation="start", name=f"p{i}", version="1", license=licence, sha256="0" * 64)
        for i, licence in enumerate(licences)
    ]


@pytest.mark.parametrize(
    ("own", "theirs", "settled"),
    [
        ("LicenseRef-mine", [], "LicenseRef-mine"),
        ("LicenseRef-mine", ["MIT", "apache-2.0", "CC-BY-4.0"], "LicenseRef-mine"),
        ("MIT", ["CC-BY-NC-4.0"], "CC-BY-NC-4.0"),
        ("MIT", ["CC-BY-NC-4.0", "CC-BY-NC-ND-4.0"], "CC-BY-NC-ND-4.0"),
        ("CC0-1.0", ["CC-BY-NC-4.0", "CC-BY-NC-4.0", "MIT"], "CC-BY-NC-4.0"),
        ("CC-BY-NC-4.0", ["CC-BY-NC-4.0"], "CC-BY-NC-4.0"),
        ("cc-by-nc-4.0", ["CC-BY-NC-4.0"], "cc-by-nc-4.0"),
        ("CC-BY-NC-SA-4.0", ["CC-BY-NC-4.0"], "CC-BY-NC-SA-4.0"),
        ("MIT", ["CC-BY-NC-4.0", "CC-BY-NC-SA-4.0"], "CC-BY-NC-SA-4.0"),
        ("CC-BY-NC-SA-4.0", ["CC-BY-SA-4.0"], None),
        ("CC-BY-NC-4.0 AND GPL-3.0-only", ["CC-BY-NC-4.0", "GPL-3.0-only"], "CC-BY-NC-4.0 AND GPL-3.0-only"),
        ("LicenseRef-mine", ["CC-BY-NC-4.0"], None),
        ("MIT", ["CC-BY-NC-4.0", "GPL-3.0-only"], None),
        ("MIT", ["not stated"], "not stated"),
        ("CC-BY-NC-4.0", ["not stated"], None),
    ],
)
def test_the_stricter_one_holds_or_none(own: str, theirs: list[str], settled: str | None) -> None:
    if settled is None:
        with pytest.raises(TrainingError, match=r"data\.license: .* write "):
            settle_license(own, parents(*theirs))
    else:
        assert settle_license(own, parents(*theirs)) == settled


def test_what_to_write_is_said_and_is_taken() -> None:
    given = parents("CC-BY-NC-4.0", "GPL-3.0-only", "MIT")
    with pytest.raises(TrainingError) as caught:
        settle_license("LicenseRef-mine", given)
    said = str(caught.value)
    assert "start p0 is CC-BY-NC-4.0; start p1 is GPL-3.0-only" in said
    assert "p2" not in said, "a permissive one stands in nobody's way"
    written = said.partition("write ")[2]
    assert written == "LicenseRef-mine AND CC-BY-NC-4.0 AND GPL-3.0-only"
    assert settle_license(written, given) == written
