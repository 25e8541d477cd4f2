from __future__ import annotations

import pytest

from streamseg.convert.options import ConvertOptions, Output
from streamseg.errors import PackageError

TWO = ("background", "person")


@pytest.mark.parametrize(
    "asked",
    [
        {"classes": TWO},
        {"classes": TWO, "mean": (104.0, 117.0, 123.0), "scale": 1.0},
        {"classes": TWO, "mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5), "output": Output.SIGMOID},
        {"classes": tuple(map(str, range(255))), "output": Output.LABELS},
    ],
)
def test_what_makes_sense_is_taken(asked: dict[str, object]) -> None:
    ConvertOptions(**asked)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"classes": ()}, "1 to 255 of them, not 0"),
        ({"classes": tuple(map(str, range(256)))}, "not 256"),
        ({"classes": ("a", "b", "a")}, "classes: a is there more than once"),
        ({"classes": TWO, "scale": 0.0}, "scale and std: must be above 0"),
        ({"classes": TWO, "std": (1.0, 0.0, 1.0)}, "scale and std: must be above 0"),
        ({"classes": TWO, "mean": (104.0, 117.0, 123.0)}, "104, 117, 123 is of bytes, .* add --scale 1"),
        ({"classes": ("a", "b", "c"), "output": Output.SIGMOID}, "output sigmoid makes two, .* not 3"),
        ({"classes": ("a",), "output": Output.LOGIT}, "output logit makes two, .* not 1"),
        ({"classes": ("a",), "output": Output.TWO_CLASS}, "output two-class makes two, .* not 1"),
    ],
)
def test_what_makes_none_is_told(asked: dict[str, object], problem: str) -> None:
    with pytest.raises(PackageError, match=problem):
        ConvertOptions(**asked)  # type: ignore[arg-type]


def test_all_is_told_at_once() -> None:
    with pytest.raises(PackageError) as caught:
        ConvertOptions((), scale=0.0)
    assert len(str(caught.value).splitlines()) == 2
