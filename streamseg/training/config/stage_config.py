"""What a recipe says of each training stage."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

StageName = Literal["segment", "adversarial", "semi", "stabilise"]
LossName = Literal["ce", "ohem", "mse", "dice", "lovasz"]
Adversarial = Literal["bce", "least_squares"]
Share = Annotated[float, Field(gt=0, le=1)]
Weight = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def fits_strides(size: tuple[int, int]) -> tuple[int, int]:
    """A width and height that the network's strides divide.

    Raises:
        ValueError: They do not.
    """
    if any(side % 8 or side < 32 for side in size):
        msg = "width and height must be multiples of 8, 32 or more"
        raise ValueError(msg)
    return size


Size = Annotated[tuple[int, int], AfterValidator(fits_strides)]


class StrictModel(BaseModel):
    """A part of a recipe: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AugmentRecipe(StrictModel):
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
    crop: Size | None = Field(
        default=None,
        description="width and height of the part of a scaled picture to learn from; none: `size`",
    )


class TeacherRecipe(StrictModel):
    """Larger networks, trained before, whose scores the segmenter learns beside the labels."""

    stages: list[Path] = Field(
        min_length=1,
        description="folders of the stages they were trained in (runs/<name>/<stage>); of several their mean "
        "teaches",
    )
    weight: float = Field(default=1.0, gt=0, description="of the loss for scoring otherwise")
    temperature: float = Field(
        default=2.0, gt=0, description="above 1 the classes held for less likely count more"
    )
    scale: float = Field(default=1.0, ge=1, le=2, description="how much larger they get to see the pictures")


class SegmentRecipe(StrictModel):
    """The per-frame network, learnt from labelled pictures."""

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
    emphasis: dict[str, Weight] = Field(
        default={},
        description="factors on weights of classes in ce and ohem: below 1 for those it sees too often",
    )
    validate_every: int = Field(default=4, ge=1, description="epochs between two measurements on val")
    augment: AugmentRecipe = AugmentRecipe()
    teacher: TeacherRecipe | None = Field(default=None, description="none: the labels alone")
    paste_classes: list[str] = Field(default=[], description="classes whose things augment.paste takes")
    interpolate: Share | Literal["auto"] = Field(
        default=1.0,
        description="how far from `start` towards the end of training the exported weights lie (WiSE-FT): 1 "
        "is the end; auto: the share from 0.5 to 1 that does best on the val sets",
    )

    @model_validator(mode="after")
    def _knows_what_to_paste(self) -> Self:
        if self.augment.paste and not self.paste_classes:
            msg = "augment.paste takes things of paste_classes, and there are none: name some classes"
            raise ValueError(msg)
        return self


class DiscriminatorRecipe(StrictModel):
    """A discriminator that learns to tell drawn labels from the network's, which learns to pass."""

    weight: float = Field(default=0.01, ge=0, description="of the network's loss for not passing")
    loss: Adversarial = Field(
        default="bce", description="cross-entropy of the verdicts, or their squared error (least_squares)"
    )
    lr: float = Field(default=2e-4, gt=0)
    warmup_steps: int = Field(
        default=50, ge=0, description="first steps in which it learns and is not yet listened to"
    )
    smoothing: float = Field(default=0.1, ge=0, lt=0.5, description="taken off the target of drawn labels")


class AdversarialRecipe(StrictModel):
    """The segmenter goes on learning beside a discriminator; its losses and pictures are those of segment."""

    epochs: int = Field(default=8, ge=1)
    lr_encoder: float = Field(default=1e-4, gt=0)
    lr_decoder: float = Field(default=4e-4, gt=0)
    critic: DiscriminatorRecipe = DiscriminatorRecipe()


class SemiRecipe(AdversarialRecipe):
    """Pictures without labels join: the network's own labels count where the discriminator believes them.

    Hung et al. 2018; weights and threshold are the paper's.
    """

    weight: float = Field(default=0.1, ge=0, description="of the loss on the network's own labels")
    believed: float = Field(
        default=0.2, gt=0, lt=1, description="verdict above which a cell counts as labelled"
    )
    fool_weight: float = Field(
        default=0.001, ge=0, description="of the loss for not passing, on pictures without labels"
    )


class StabiliseRecipe(StrictModel):
    """The stabiliser on the frozen segmenter, on camera-path clips made from stills."""

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
    sets: list[str] = Field(
        default=[],
        description="names of the data sets whose pictures the clips are made of; none: all sets. Sets with "
        "coarse or missing labels teach a stabiliser to lose what is thin",
    )
    cuts: float = Field(default=0.15, ge=0, le=1, description="share of clips with a scene cut")
    lost_frames: float = Field(default=0.1, ge=0, le=1, description="share of frames lost (twice the motion)")
    critic: DiscriminatorRecipe | None = Field(
        default=None, description="a discriminator of pairs of consecutive label maps; none: no such loss"
    )
