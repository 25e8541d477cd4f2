"""What the user says about a network; all of it together, so that every mistake is told at once."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from streamseg.errors import PackageError


class Layout(StrEnum):
    """Where a tensor has its channels."""

    NCHW = "nchw"
    NHWC = "nhwc"


class Output(StrEnum):
    """What a network says of each pixel."""

    LOGITS = "logits"  # a score for each class, or a probability (softmax)
    LABELS = "labels"  # a class id
    SIGMOID = "sigmoid"  # one channel: probability of the second of two classes; logit where it leaves 0…1
    LOGIT = "logit"  # one channel: its logit, whatever the values
    TWO_CLASS = "two-class"  # two channels: the logits or probabilities of both


_OF_TWO = (Output.SIGMOID, Output.LOGIT, Output.TWO_CLASS)


@dataclass(frozen=True, slots=True)
class ConvertOptions:
    """What the user says about a network.

    Attributes:
        classes: Their names; a class's id is its place.
        mean: Taken from each channel, after `scale`; one value for each channel as the network has them.
        std: What each channel is divided by after that.
        scale: What bytes are divided by first: 255 makes 0…1 of them, 1 leaves them.
        bgr: The network wants blue first.
        layout: Of the network's input; None: found out.
        output: What it says; None: found out.
        size_wh: Size of picture and mask; None: the network's own.
        tensor: Which output is meant; empty where there is but one.
        colors: Of each class, r g b; empty: hues far apart.
    """

    classes: tuple[str, ...]
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    scale: float = 255.0
    bgr: bool = False
    layout: Layout | None = None
    output: Output | None = None
    size_wh: tuple[int, int] | None = None
    tensor: str = ""
    colors: tuple[tuple[int, int, int], ...] = ()

    def __post_init__(self) -> None:
        if problems := self._problems():
            raise PackageError("\n".join(problems))

    @property
    def plain(self) -> bool:
        """Whether nothing is said about normalisation."""
        return (self.mean, self.std, self.scale) == ((0.0,) * 3, (1.0,) * 3, 255.0)

    def _problems(self) -> list[str]:
        found = []
        if not 1 <= len(self.classes) <= 255:
            found.append(f"classes: there must be 1 to 255 of them, not {len(self.classes)}")
        if twice := sorted({name for name in self.classes if self.classes.count(name) > 1}):
            found.append(f"classes: {', '.join(twice)} is there more than once")
        if self.scale <= 0 or min(self.std) <= 0:
            found.append("scale and std: must be above 0")
        if self.scale > 1 and max(map(abs, self.mean)) > 2:
            means = ", ".join(f"{value:g}" for value in self.mean)
            found.append(f"mean: {means} is of bytes, but scale {self.scale:g} comes first; add --scale 1")
        if self.output in _OF_TWO and len(self.classes) != 2:
            found.append(
                f"classes: output {self.output} makes two, background first, not {len(self.classes)}"
            )
        return found
