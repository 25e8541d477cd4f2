"""What a recipe says of its pictures: the sets they come in, and what the labels of each set stand for."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator

from streamseg.inference.packages.manifest import ClassName, DataStatement, License
from streamseg.training.config.stage_config import StrictModel

IGNORE = 255
LabelId = Annotated[int, Field(ge=0, le=255)]


class SplitRecipe(StrictModel):
    """A folder of pictures and a folder of label PNGs with the same file names.

    Said by one path alone, these are its `images/` and `labels/`.
    """

    images: Path
    labels: Path
    exclude: list[str] = Field(default=[], description="file name patterns left out, as in a shell")
    every: int = Field(default=1, ge=1, description="take every n-th picture, by name, of those left")

    @model_validator(mode="before")
    @classmethod
    def _of_one_folder(cls, raw: Any) -> Any:
        return {"images": f"{raw}/images", "labels": f"{raw}/labels"} if isinstance(raw, str | Path) else raw


class LabelledSet(SplitRecipe):
    """A data set, which may have labels of its own; what it does not say of them, `data` says."""

    name: str = Field(default="", max_length=64, description="of the set, in messages and tables")
    label_names: list[ClassName] | None = Field(
        default=None,
        max_length=255,
        description="names of the ids in its label files, in order; without it those in a classes.txt beside "
        "its folders, else those of the recipe's classes",
    )
    label_map: dict[ClassName, list[ClassName]] = Field(
        default={},
        description="label: the class it stands for, or a list of the classes it may be ([]: ignored); a "
        "label that is not in it stands for the class of its name",
    )
    void: list[LabelId] | None = Field(default=None, description="its own `void`")
    remap: dict[LabelId, LabelId] | None = Field(
        default=None, description="its own `remap`, in place of names"
    )
    colors: Path | None = Field(default=None, description="its own `colors`")

    @field_validator("label_map", mode="before")
    @classmethod
    def _one_class_is_a_list_of_one(cls, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        return {label: [stands] if isinstance(stands, str) else stands for label, stands in raw.items()}

    def problems(self, key: str, classes: Sequence[str]) -> Iterator[str]:
        """What contradicts itself or the recipe's classes, one line each."""
        for label, stands in self.label_map.items():
            for name in stands:
                if name not in classes:
                    yield f"{key}.label_map: {label}: {unknown('class', name, classes)}"
            if len(set(stands)) < len(stands):
                yield f"{key}.label_map: {label}: names a class twice"
        yield from self._problems_of_names(key)
        yield from remap_problems(f"{key}.remap", self.remap or {}, self.void or [], classes)

    def _problems_of_names(self, key: str) -> Iterator[str]:
        names = self.label_names
        if self.remap is not None and (self.label_map or names is not None):
            yield f"{key}.remap: says of the same ids what label_map or label_names says: leave one out"
        if names is None:
            return
        if twice := sorted({name for name in names if names.count(name) > 1}):
            yield f"{key}.label_names: {', '.join(twice)} is there more than once"
        if both := [f"{names[i]} ({i})" for i in self.void or [] if i < len(names)]:
            yield f"{key}.void: {', '.join(both)} is in label_names too: leave it out, or map it to []"
        for label in self.label_map:
            if label not in names:
                yield f"{key}.label_map: {unknown('label', label, names)}"


class TrainSet(LabelledSet):
    """A data set to learn from."""

    weight: int = Field(
        default=1,
        ge=1,
        le=1000,
        description="how many of its pictures are drawn for each `weight` of another set",
    )


class DataRecipe(StrictModel):
    """Where the labelled pictures are."""

    train: list[TrainSet] = Field(min_length=1, description="one data set, or a list of them")
    val: LabelledSet
    val_sets: list[LabelledSet] = Field(
        default=[], description="further sets to measure on, each in its own labels"
    )
    unlabelled: list[Path] = Field(
        default=[], description="folders of pictures, and video files, without labels, for the stage semi"
    )
    val_is_clip: bool = Field(
        False, description="the val pictures are consecutive frames: measure steadiness too"
    )
    statement: DataStatement = Field(description="what the data is, for the model's card")
    license: License = Field(description="licence of weights trained on it (SPDX id)")
    void: list[LabelId] = Field(default=[], description="label ids besides 255 that mean 'ignore'")
    remap: dict[LabelId, LabelId] = Field(
        default={}, description="id in the label files: class id, or 255; ids it does not name are faults"
    )
    colors: Path | None = Field(
        default=None,
        description="for labels drawn in colours: a text file of `id r g b name` lines; without it the "
        "colours of the classes count",
    )

    @field_validator("train", mode="before")
    @classmethod
    def _one_set_is_a_list_of_one(cls, raw: Any) -> Any:
        return raw if isinstance(raw, list) else [raw]

    @model_validator(mode="after")
    def _sets_have_names(self) -> Self:
        for key, sets in (("train", self.train), ("val_sets", self.val_sets)):
            names = [one.name for one in sets]
            if "" in names and (len(sets) > 1 or key == "val_sets"):
                msg = f"{key}: each set needs a name"
                raise ValueError(msg)
            if len(set(names)) < len(names):
                msg = f"{key}: two sets have the same name: {', '.join(names)}"
                raise ValueError(msg)
        return self

    def keyed(self) -> Iterator[tuple[str, LabelledSet]]:
        """Every set with its key in a recipe."""
        for index, one in enumerate(self.train):
            yield f"data.train.{index}" if len(self.train) > 1 else "data.train", one
        yield "data.val", self.val
        for index, other in enumerate(self.val_sets):
            yield f"data.val_sets.{index}", other

    def problems(self, classes: Sequence[str]) -> list[str]:
        """What contradicts itself or the recipe's classes, one line each with its key."""
        found = list(remap_problems("data.remap", self.remap, self.void, classes))
        for key, one in self.keyed():
            found += one.problems(key, classes)
        return found


def remap_problems(
    key: str, remap: dict[int, int], void: Sequence[int], classes: Sequence[str]
) -> Iterator[str]:
    """Ids that become no class, and ids that are ignored and a class at once."""
    last = len(classes) - 1
    if beyond := [f"{a}: {b}" for a, b in remap.items() if last < b < IGNORE]:
        yield f"{key}: {', '.join(beyond)}: classes are 0…{last}, and 255 is 'ignore'"
    if both := [f"{a}: {b}" for a, b in remap.items() if a in void and b != IGNORE]:
        yield f"{key}: {', '.join(both)}: void says that these ids are ignored"


def unknown(kind: str, name: str, known: Sequence[str]) -> str:
    """That there is no class or label of a name, with the nearest or all that there are."""
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"
    return f"no such {kind}: {name} ({hint})"
