"""What a package's weights began with or learnt from: the section `lineage` of a `model.yaml`."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from streamseg.text import require_printable

MAX_PARENTS = 64  # entries of one package
_Text: TypeAlias = Annotated[str, AfterValidator(require_printable)]


class Parent(BaseModel):
    """A package, or a stage of a training run, whose weights went into a package.

    Attributes:
        relation: The weights began with it (`start`), learnt from what it says (`teacher`), or one of those
            did (`ancestor`).
        name: Of the package, or `run/stage`.
        version: Of the package, or of the run's recipe.
        license: Of its weights.
        sha256: Of the package's graphs as `model.sha256` on the wire, or of the stage's checkpoint file;
            hexadecimal.
        interpolation: Of a `start` (or of what was one): how far from it towards the end of training the
            weights lie (WiSE-FT, Wortsman et al. 2022), above 0 and at most 1; None: at the end.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    relation: Literal["start", "teacher", "ancestor"]
    name: _Text = Field(min_length=1, max_length=256)
    version: _Text = Field(max_length=256)
    license: _Text = Field(min_length=1, max_length=1024)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    interpolation: float | None = Field(default=None, gt=0, le=1)
