"""What a training run may say: a YAML recipe, checked as a whole before anything runs."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from streamseg.errors import ConfigError
from streamseg.types import NAME

LossName = Literal["ce", "ohem", "mse", "dice", "lovasz"]
LabelId = Annotated[int, Field(ge=0, le=255)]
Weight = Annotated[float, Field(gt=0, allow_inf_nan=False)]

_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ClassRecipe(_Strict):
    """One class; its id is its place in the list."""

    name: str
    color: tuple[int, int, int] = Field(description="display colour, r g b, 0…255")


class SplitRecipe(_Strict):
    """A folder of pictures and a folder of label PNGs with the same file names.

    Said by one path alone, these are its `images/` and `labels/`.
    """

    images: Path
    labels: Path
    exclude: list[str] = Field(default=[], description="file name patterns left out, as in a shell")

    @model_validator(mode="before")
    @classmethod
    def _of_one_folder(cls, raw: Any) -> Any:
        return {"images": f"{raw}/images", "labels": f"{raw}/labels"} if isinstance(raw, str | Path) else raw


class DataRecipe(_Strict):
    """Where the labelled pictures are."""

    train: SplitRecipe
    val: SplitRecipe
    val_is_clip: bool = Field(
        False, description="the val pictures are consecutive frames: measure steadiness too"
    )
    statement: str = Field(description="what the data is, for the model's card")
    license: str = Field(description="licence of weights trained on it (SPDX id)")
    void: list[LabelId] = Field(default=[], description="label ids besides 255 that mean 'ignore'")
    remap: dict[LabelId, LabelId] = Field(
        default={}, description="id in the label files: class id, or 255; ids it does not name are faults"
    )
    colors: Path | None = Field(
        default=None,
        description="for labels drawn in colours: a text file of `id r g b name` lines; without it the "
        "colours of the classes count",
    )


class AugmentRecipe(_Strict):
    """Random changes of a training picture; geometry and colour."""

    scale: tuple[float, float] = (0.7, 2.0)
    rotate_deg: float = Field(default=8.0, ge=0)
    flip: bool = True
    colour: float = Field(
        default=0.3, ge=0, le=1, description="strength of brightness, contrast, saturation and hue changes"
    )
    noise: float = Field(default=0.2, ge=0, le=1, description="share of pictures with sensor noise or blur")
    rare_crops: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="share of pictures cropped around a pixel of a class rare in them",
    )
    paste: float = Field(
        default=0.0, ge=0, le=1, description="share of pictures with a thing of another one pasted in"
    )


class SegmentRecipe(_Strict):
    """The first stage: the per-frame network."""

    architecture: Literal["fpn", "fcn", "unet", "deeplab"] = Field(default="fpn", description="the decoder")
    encoder: Literal["lite0", "lite1", "lite2", "vgg"] = Field(
        default="lite0", description="EfficientNet-Lite0, 1 or 2, or a small VGG, which is never pretrained"
    )
    epochs: int = Field(default=32, ge=1)
    batch: int = Field(default=8, ge=1)
    lr_encoder: float = Field(default=5e-4, gt=0)
    lr_decoder: float = Field(default=2e-3, gt=0)
    weight_decay: float = Field(default=1e-2, ge=0)
    warmup_steps: int = Field(default=100, ge=0)
    ema_decay: float = Field(default=0.995, ge=0, lt=1)
    width: int = Field(default=96, ge=8, description="channels of the decoder")
    pretrained: bool = True
    losses: dict[LossName, Weight] = Field(
        default={"ce": 1.0},
        min_length=1,
        description="weights of the terms: class-weighted cross-entropy (ce), the same over the hardest "
        "quarter of the pixels (ohem), squared error (mse), soft Dice, Lovász-softmax",
    )
    validate_every: int = Field(default=4, ge=1, description="epochs between two measurements on val")
    augment: AugmentRecipe = AugmentRecipe()
    paste_classes: list[str] = Field(default=[], description="classes whose things augment.paste takes")

    @model_validator(mode="after")
    def _knows_what_to_paste(self) -> Self:
        if self.augment.paste and not self.paste_classes:
            msg = "augment.paste takes things of paste_classes, and there are none: name some classes"
            raise ValueError(msg)
        return self


class StabiliseRecipe(_Strict):
    """The second stage: the stabiliser on the frozen segmenter, on camera-path clips made from stills."""

    cell: Literal["gru", "rnn"] = Field(
        default="gru", description="gated, or the plain tanh recurrence to compare it with"
    )
    steps: int = Field(default=800, ge=1)
    clips: int = Field(default=4, ge=1, description="clips a batch")
    frames: int = Field(default=5, ge=2, description="frames a clip")
    lr: float = Field(default=2e-3, gt=0)
    warmup_steps: int = Field(default=50, ge=0)
    hidden: int = Field(default=8, ge=1, description="channels of memory beside one for each class")
    width: int = Field(default=32, ge=8, description="channels of the gates' first convolution; rnn has none")
    consistency: float = Field(default=1.0, ge=0, description="weight of the warping loss")
    flow_noise_cells: float = Field(
        default=1.0, ge=0, description="largest error added to the exact flow, in memory cells"
    )
    dropout: float = Field(
        default=0.05, ge=0, le=1, description="share of frames before which the memory is dropped"
    )
    unsure: float = Field(
        default=1.0,
        ge=0,
        description="strength of the random errors added to the scores: on pictures it has learnt from, the "
        "segmenter is surer than it will be on others",
    )
    moving: list[str] = Field(
        default=[], description="classes whose things move by themselves; pasted into the clips"
    )
    cuts: float = Field(default=0.15, ge=0, le=1, description="share of clips with a scene cut")
    lost_frames: float = Field(default=0.1, ge=0, le=1, description="share of frames lost (twice the motion)")


class Recipe(_Strict):
    """A whole training run, from pictures to a model package."""

    name: str = Field(pattern=f"^{NAME.pattern}$")
    version: str
    seed: int = 0
    size: tuple[int, int] = Field(
        description="width and height of the network's input, pixels, multiples of 8"
    )
    classes: list[ClassRecipe] = Field(min_length=2, max_length=254)
    data: DataRecipe
    segment: SegmentRecipe = SegmentRecipe()
    stabilise: StabiliseRecipe = StabiliseRecipe()

    @model_validator(mode="after")
    def _knows_its_classes(self) -> Self:
        named = {
            "stabilise.moving": self.stabilise.moving,
            "segment.paste_classes": self.segment.paste_classes,
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
    def _remaps_to_classes(self) -> Self:
        last = len(self.classes) - 1
        beyond = [f"{a}: {b}" for a, b in self.data.remap.items() if last < b < 255]
        if beyond:
            msg = f"data.remap: {', '.join(beyond)}: classes are 0…{last}, and 255 is 'ignore'"
            raise ValueError(msg)
        return self

    @field_validator("size")
    @classmethod
    def _suits_the_strides(cls, size: tuple[int, int]) -> tuple[int, int]:
        if any(side % 8 or side < 32 for side in size):
            msg = "width and height must be multiples of 8, 32 or more"
            raise ValueError(msg)
        return size

    def class_ids(self, names: Sequence[str]) -> list[int]:
        """Ids of the classes of these names."""
        known = [c.name for c in self.classes]
        return [known.index(name) for name in names]


def load_recipe(path: Path) -> Recipe:
    """Read a recipe; `${NAME:-default}` is replaced from the environment.

    Raises:
        ConfigError: Unreadable, not YAML, or invalid; every problem with its key.
    """
    try:
        raw = yaml.safe_load(_expand(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError([f"{path}: cannot read the recipe: {' '.join(str(error).split())}"]) from error
    return parse_recipe(raw, str(path))


def parse_recipe(raw: Any, origin: str) -> Recipe:
    """Check a recipe already read; `origin` is named in errors."""
    try:
        return Recipe.model_validate(raw)
    except ValidationError as error:
        problems = [
            f"{origin}: {'.'.join(map(str, e['loc'])) or 'recipe'}: {e['msg']}" for e in error.errors()
        ]
        raise ConfigError(problems) from error


def _expand(text: str) -> str:
    return _VARIABLE.sub(lambda m: os.environ.get(m[1], m[2] or ""), text)
