"""What a training run may say: a YAML recipe, checked as a whole before anything runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from streamseg.errors import ConfigError
from streamseg.inference.packages.manifest import ClassName, Version, check_class_names
from streamseg.training.config.recipe_data import DataRecipe, unknown
from streamseg.training.config.recipe_source import RecipeSource, complaints, read_source
from streamseg.training.config.stage_config import (
    Adversarial,
    AdversarialRecipe,
    SegmentRecipe,
    SemiRecipe,
    Size,
    StabiliseRecipe,
    StageName,
    StrictModel,
)
from streamseg.types import NAME


class ClassRecipe(StrictModel):
    """One class; its id is its place in the list."""

    name: ClassName
    color: tuple[int, int, int] = Field(description="display colour, r g b, 0…255")


class CardRecipe(StrictModel):
    """What the model's card says that nobody can measure."""

    subject: str = Field(default="", description="what the pictures show, e.g. street scenes")
    limits: str = Field(
        default="It was measured on pictures of the same kind as those it learnt from, and on no others.",
        description="where it is weak, and what it has never seen; whole sentences",
    )


class Recipe(StrictModel):
    """A whole training run, from pictures to a model package."""

    name: str = Field(pattern=f"^{NAME.pattern}$")
    version: Version
    seed: int = 0
    size: Size = Field(description="width and height of the network's input, pixels, multiples of 8")
    classes: list[ClassRecipe] = Field(min_length=2, max_length=254)
    stages: list[StageName] = Field(
        default=["segment", "stabilise"], min_length=1, description="what is trained, one after the other"
    )
    start: Path | list[Path] | None = Field(
        default=None,
        description="folder of a package or of a finished stage (runs/<name>/<stage>) to go on from; of "
        "several the mean of their weights; relative to the working folder, as --runs is",
    )
    checkpoint_every_s: float = Field(
        default=120.0,
        ge=0,
        allow_inf_nan=False,
        description="seconds between checkpoints; one more at each measurement, and when the run is stopped",
    )
    card: CardRecipe = CardRecipe()
    data: DataRecipe
    segment: SegmentRecipe = SegmentRecipe()
    adversarial: AdversarialRecipe = AdversarialRecipe()
    semi: SemiRecipe = SemiRecipe()
    stabilise: StabiliseRecipe = StabiliseRecipe()

    @model_validator(mode="after")
    def _knows_its_classes(self) -> Self:
        named = {
            "stabilise.moving": self.stabilise.moving,
            "segment.paste_classes": self.segment.paste_classes,
            "segment.emphasis": list(self.segment.emphasis),
        }
        known = {c.name for c in self.classes}
        unknown = [
            f"{key}: no such class: {name}"
            for key, names in named.items()
            for name in names
            if name not in known
        ]
        if unknown:
            raise ValueError("; ".join(unknown))
        return self

    @model_validator(mode="after")
    def _stages_in_order(self) -> Self:
        if len(set(self.stages)) < len(self.stages):
            msg = f"stages: each at most once, not {', '.join(self.stages)}"
            raise ValueError(msg)
        if "segment" in self.stages[1:]:
            msg = "stages: segment, which begins from nothing, can only be the first"
            raise ValueError(msg)
        if self.stages[0] != "segment" and not self.starts:
            msg = f"stages: {self.stages[0]} goes on from a segmenter: begin with segment, or name a start"
            raise ValueError(msg)
        if "semi" in self.stages and not self.data.unlabelled:
            msg = "stages: semi learns from data.unlabelled, and there is none: name a folder or a video"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _has_a_way_to_go_back(self) -> Self:
        if self.segment.interpolate != 1 and not self.starts:
            msg = "segment.interpolate: lies between a start and the end of training, and there is no start"
            raise ValueError(msg)
        if self.segment.interpolate != 1 and "segment" not in self.stages:
            msg = (
                "segment.interpolate: is about the end of the stage segment, which is not among stages: set "
                "it to 1, which is the default"
            )
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _has_a_clip(self) -> Self:
        if self.data.val_is_clip and self.data.val.every > 1:
            msg = (
                f"data.val_is_clip: of val every {self.data.val.every} pictures one is taken, which are no "
                "consecutive frames: set data.val.every to 1, or data.val_is_clip to false"
            )
            raise ValueError(msg)
        return self

    @field_validator("name")
    @classmethod
    def _is_a_folder(cls, name: str) -> str:
        if name in (".", ".."):
            msg = "it names a folder too, so it must be more than dots"
            raise ValueError(msg)
        return name

    @model_validator(mode="after")
    def _labels_are_of_its_classes(self) -> Self:
        if problems := self.data.problems([c.name for c in self.classes]):
            raise ValueError("\n".join(problems))
        return self

    @model_validator(mode="after")
    def _stabiliser_has_its_sets(self) -> Self:
        names = [one.name for one in self.data.train]
        if problems := [unknown("data set", one, names) for one in self.stabilise.sets if one not in names]:
            raise ValueError("\n".join(f"stabilise.sets: {problem}" for problem in problems))
        return self

    @model_validator(mode="after")
    def _crops_lie_within(self) -> Self:
        crop = self.segment.augment.crop
        if crop and (crop[0] > self.size[0] or crop[1] > self.size[1]):
            msg = (
                f"segment.augment.crop {crop[0]}x{crop[1]} is larger than size {self.size[0]}x{self.size[1]}"
            )
            raise ValueError(msg)
        return self

    @field_validator("classes")
    @classmethod
    def _names_fit_a_manifest(cls, classes: list[ClassRecipe]) -> list[ClassRecipe]:
        check_class_names([entry.name for entry in classes])
        return classes

    @property
    def starts(self) -> list[Path]:
        """What `start` names, one or more; empty where it names nothing."""
        if self.start is None:
            return []
        return self.start if isinstance(self.start, list) else [self.start]

    @property
    def critic_loss(self) -> Adversarial:
        """What the discriminator last learnt by."""
        return (self.semi if "semi" in self.stages else self.adversarial).critic.loss

    def class_ids(self, names: Sequence[str]) -> list[int]:
        """Ids of the classes of these names."""
        known = [c.name for c in self.classes]
        return [known.index(name) for name in names]


def load_recipe(path: Path) -> Recipe:
    """Read a recipe; `${NAME:-default}` is replaced from the environment.

    `extends: other.yaml`, a path beside it, takes over all of another recipe but what this one says itself.

    Raises:
        ConfigError: Unreadable, not YAML, or invalid; every problem with file, line and key.
    """
    return _checked(read_source(path))


def parse_recipe(raw: Any, origin: str) -> Recipe:
    """Check a recipe already read; `origin` is named in errors."""
    return _checked(RecipeSource(raw, [(origin, None)]))


def _checked(source: RecipeSource) -> Recipe:
    try:
        recipe = Recipe.model_validate(source.document)
    except ValidationError as error:
        raise ConfigError([*source.problems, *complaints(error, source, Recipe)]) from error
    if source.problems:
        raise ConfigError(source.problems)
    return recipe
