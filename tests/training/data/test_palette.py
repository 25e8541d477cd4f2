"""Tables of label colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from streamseg.errors import TrainingError
from streamseg.training.data.palette import ids_of, pack, read_color_table, unpack


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "colors.txt"
    path.write_text(text)
    return path


def test_a_table_is_read_line_by_line(tmp_path: Path) -> None:
    path = written(
        tmp_path, "# id r g b name\n\n0 128 64 128 road\n1 0 0 142 big car\n255 0 0 0\n1 0 0 70 lorry\n"
    )
    assert read_color_table(path) == {(128, 64, 128): 0, (0, 0, 142): 1, (0, 0, 0): 255, (0, 0, 70): 1}


def test_every_wrong_line_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, "0 1 2 3 road\nroad 1 2 3\n0 1 2\n0 1 2 256 car\n7 1 2 3 tram\n")
    with pytest.raises(TrainingError) as caught:
        read_color_table(path)
    assert str(caught.value).splitlines() == [
        f"{path}:2: expected `id r g b name`, found `road 1 2 3`",
        f"{path}:3: expected `id r g b name`, found `0 1 2`",
        f"{path}:4: id and colour must be 0…255, found `0 1 2 256 car`",
        f"{path}:5: colour 1 2 3 has the id 0 already",
    ]


def test_an_empty_or_absent_table_is_said(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no line `id r g b name`"):
        read_color_table(written(tmp_path, "# nothing\n"))
    with pytest.raises(TrainingError, match="cannot be read"):
        read_color_table(tmp_path / "gone.txt")


def test_colours_are_looked_up_and_unknown_ones_marked() -> None:
    image = np.array([[(255, 255, 255), (0, 0, 0)], [(1, 2, 3), (1, 2, 4)]], np.uint8)
    ids, known = ids_of(pack(image), {(1, 2, 3): 9, (255, 255, 255): 4, (200, 0, 0): 5})
    assert ids.tolist() == [[4, 0], [9, 0]]
    assert known.tolist() == [[True, False], [True, False]]


def test_unpacking_gives_the_colour_back() -> None:
    assert unpack(int(pack(np.array([[(200, 2, 30)]], np.uint8))[0, 0])) == "200 2 30"
