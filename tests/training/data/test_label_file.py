"""Label files of all the kinds people have."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from streamseg.errors import TrainingError
from streamseg.training.config.recipe import Recipe, parse_recipe
from streamseg.training.data.data_checks import check_data
from streamseg.training.data.label_file import decode_label, label_path, read_palette
from streamseg.training.data.labels import Labelling, find_pairs, read_label
from streamseg.types import U8
from tests.training.conftest import recipe_document
from tests.training.palettes import write_palette_png

VOC = ((0, 0, 0), (128, 0, 0), (0, 128, 0), *((7, 7, i) for i in range(3, 255)), (224, 224, 192))
IDS: U8 = (np.arange(21 * 13).reshape(13, 21) % 3).astype(np.uint8)


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_a_palette_is_read_by_index(tmp_path: Path, bits: int) -> None:
    path = tmp_path / "a.png"
    write_palette_png(path, IDS, VOC[: 1 << bits], bits)
    found = read_palette(path)
    assert found is not None
    assert np.array_equal(found[0], IDS)
    assert [tuple(color) for color in found[1][:3].tolist()] == list(VOC[:3])
    assert np.array_equal(read_label(path, Labelling(3)), IDS)


def test_the_border_of_voc_is_ignored(tmp_path: Path) -> None:
    ids = np.where(IDS == 2, np.uint8(255), IDS)
    write_palette_png(tmp_path / "a.png", ids, VOC)
    assert np.array_equal(read_label(tmp_path / "a.png", Labelling(2)), ids)


def test_with_a_table_of_colours_a_palette_is_colours(tmp_path: Path) -> None:
    write_palette_png(tmp_path / "a.png", IDS, VOC)
    labelling = Labelling(3, colors={VOC[0]: 2, VOC[1]: 1, VOC[2]: 0}, color_table=True)
    assert np.array_equal(read_label(tmp_path / "a.png", labelling), 2 - IDS)


def test_plain_files_have_no_palette(tmp_path: Path) -> None:
    for name in ("a.png", "a.tif", "a.bmp", "a.webp"):
        cv2.imwrite(str(tmp_path / name), np.dstack([IDS] * 3))
        assert read_palette(tmp_path / name) is None, name
    assert read_palette(tmp_path / "gone.png") is None
    (tmp_path / "broken.png").write_bytes((tmp_path / "a.png").read_bytes()[:25] + b"\x03")
    assert read_palette(tmp_path / "broken.png") is None


def test_an_alpha_channel_that_says_nothing_is_dropped(tmp_path: Path) -> None:
    colors = np.zeros((2, 3, 4), np.uint8)
    colors[..., :3], colors[..., 3] = (30, 20, 10), 255  # BGRA
    cv2.imwrite(str(tmp_path / "a.png"), colors)
    decoded = decode_label(tmp_path / "a.png", by_index=True)
    assert decoded is not None
    assert decoded.shape == (2, 3, 3)
    assert (read_label(tmp_path / "a.png", Labelling(2, colors={(10, 20, 30): 1})) == 1).all()
    colors[0, 0, 3] = 0
    cv2.imwrite(str(tmp_path / "a.png"), colors)
    with pytest.raises(TrainingError, match="must not be transparent: save it without an alpha channel"):
        read_label(tmp_path / "a.png", Labelling(2, colors={(10, 20, 30): 1}))


def test_labels_and_pictures_may_be_of_other_kinds(recipe: Recipe) -> None:
    for folder, suffix in ((recipe.data.train[0].labels, ".tif"), (recipe.data.train[0].images, ".webp")):
        for path in list(folder.iterdir()):
            cv2.imwrite(str(path.with_suffix(suffix)), cv2.imread(str(path), cv2.IMREAD_UNCHANGED))
            path.unlink()
    assert check_data(recipe).problems == []
    pairs = find_pairs(recipe.data.train[0])
    assert {(pair.image.suffix, pair.label.suffix) for pair in pairs} == {(".webp", ".tif")}
    assert label_path(recipe.data.train[0].labels, "nothing").name == "nothing.png"


def problems(pictures: Path, **data: object) -> list[str]:
    document = recipe_document(pictures)
    document["data"] |= data
    return [line for line in check_data(parse_recipe(document, "test")).problems if line.startswith("train")]


def test_masks_of_0_and_255_are_told_how_and_then_taken(pictures: Path) -> None:
    document = recipe_document(pictures)
    document["classes"] = document["classes"][:2]
    for path in pictures.glob("*/labels/*.png"):
        ids = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        cv2.imwrite(str(path), np.where(ids == 1, 255, 0).astype(np.uint8))
    document["data"]["void"] = []
    (line, *_) = check_data(parse_recipe(document, "test")).problems
    assert line.startswith("train: labels hold only 0 and 255, and 255 means 'ignore'")
    assert "data.remap: {0: 0, 255: 1}" in line
    document["data"]["remap"] = {0: 0, 255: 1}
    recipe = parse_recipe(document, "test")
    assert check_data(recipe).problems == []


def test_what_to_do_is_told_where_labels_are_jpeg(pictures: Path) -> None:
    for path in list((pictures / "train/labels").iterdir()):
        cv2.imwrite(str(path.with_suffix(".jpg")), cv2.imread(str(path), cv2.IMREAD_UNCHANGED))
        path.unlink()
    (line, *_) = problems(pictures)
    assert "8 pictures in" in line
    assert "there are .jpg, but JPEG changes ids: export them as PNG: 00.png" in line


def test_grey_saved_as_three_channels_is_told(pictures: Path) -> None:
    for path in (pictures / "train/labels").iterdir():
        ids = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        cv2.imwrite(str(path), np.dstack([ids] * 3))
    lines = problems(pictures)
    assert sum("three channels that are all the same: save one alone" in line for line in lines) == 8


def test_a_palette_in_the_colours_of_other_classes_is_told(pictures: Path) -> None:
    colors = [(20, 30, 90), (230, 220, 60), (90, 90, 90), *[(0, 0, i) for i in range(253)]]
    path = pictures / "train/labels/00.png"
    write_palette_png(path, cv2.imread(str(path), cv2.IMREAD_UNCHANGED).astype(np.uint8), colors)
    (line,) = problems(pictures)
    assert "00.png: its palette shows index 0 in the colour of class 2" in line


def test_a_thousand_broken_files_are_not_a_thousand_lines(pictures: Path) -> None:
    image = (pictures / "train/images/00.png").read_bytes()
    for index in range(100, 140):
        (pictures / f"train/images/{index}.png").write_bytes(image)
        cv2.imwrite(str(pictures / f"train/labels/{index}.png"), np.zeros((4, index), np.uint8))
    lines = problems(pictures)
    assert len(lines) == 11
    assert lines[-1] == "train: and 30 more like these"


def test_pictures_of_a_kind_nobody_reads_are_told(recipe: Recipe) -> None:
    for path in list(recipe.data.val.images.iterdir()):
        path.rename(path.with_suffix(".heic"))
    (line,) = check_data(recipe).problems
    assert line.startswith(
        f"val: no pictures in {recipe.data.val.images} (3 .heic; read are .bmp, .jpeg, .jpg"
    )
    (recipe.data.train[0].images / "notes.txt").write_text("")
    assert any("notes.txt" not in line and "1 .txt" in line for line in check_data(recipe).warnings)
