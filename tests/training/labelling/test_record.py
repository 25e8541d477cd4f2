"""The record of a folder of labels: read strictly, and compared by what labels depend on."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamseg.errors import TrainingError
from streamseg.training.labelling.folder import LabelFolder, discard
from streamseg.training.labelling.record import Coverage, differences, read_record
from tests.training.labelling.test_folder import SETTINGS, fill, picture


def test_coverage() -> None:
    coverage = Coverage(2, 1000, {"road": 300, "sky": 0}, {"road": 2, "sky": 0})
    assert (coverage.labelled, coverage.share, coverage.never) == (300, 0.3, ["sky"])
    assert coverage.as_json()["classes"]["road"] == {"pixels": 300, "share": 0.3, "pictures": 2}
    assert Coverage(0, 0, {"road": 0}, {"road": 0}).share == 0


def test_the_same_settings_are_no_difference_in_whatever_order() -> None:
    two = SETTINGS.model_copy(update={"packages": {**SETTINGS.packages, "b": SETTINGS.packages["a"]}})
    turned = two.model_copy(update={"packages": dict(reversed(two.packages.items()))})
    assert differences(two, turned) == []


def test_nothing_is_no_record(tmp_path: Path) -> None:
    assert read_record(tmp_path / "nothing") is None
    (tmp_path / "label.lock").write_text("")
    (tmp_path / ".labels.json.part").write_text("a run was killed")
    assert read_record(tmp_path) is None


@pytest.mark.parametrize(
    ("update", "said"),
    [
        ({"classes": ["ground", "disc"]}, "classes: ground, disc, was ground, disc, bar"),
        ({"agree": 1}, "agree: 1, was all"),
        ({"trust": {"disc": ["a"]}}, "trust.disc: a, was nothing"),
        ({"packages": {}}, "packages.a: nothing, was 1"),
        (
            {"packages": {"a": SETTINGS.packages["a"].model_copy(update={"sha256": "1", "map": {"x": []}})}},
            "packages.a.sha256: 1, was 0\n  packages.a.map.x: ignored, was disc",
        ),
    ],
)
def test_what_was_labelled_otherwise_is_told(tmp_path: Path, update: dict[str, object], said: str) -> None:
    fill(tmp_path / "out", {"": picture(tmp_path / "in")})
    with pytest.raises(TrainingError) as told:
        LabelFolder(tmp_path / "out", SETTINGS.model_copy(update=update))
    assert said in str(told.value)
    assert "--fresh" in str(told.value)


@pytest.mark.parametrize(
    "content", ["{", '{"format": 2}', '{"pictures": {"../x": {"image": "a", "source": "b"}}}']
)
def test_a_damaged_record_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "labels.json").write_text(content)
    with pytest.raises(TrainingError, match=r"labels\.json is not what `streamseg label` wrote"):
        LabelFolder(tmp_path, SETTINGS)


@pytest.mark.parametrize("image", ["../../in/one.png", "..", "", "/etc/passwd", "a\\u0000"])
def test_a_record_cannot_lead_out_of_the_folder(tmp_path: Path, image: str) -> None:
    fill(tmp_path / "out", {"": picture(tmp_path / "in")})
    file = tmp_path / "out/labels.json"
    file.write_text(file.read_text().replace('"image": "one.png"', f'"image": "{image}"'))
    with pytest.raises(TrainingError, match="is not what"):
        discard(tmp_path / "out")
    assert (tmp_path / "in/one.png").exists()
