"""What a recipe says of each stage."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from streamseg.training.config.stage_config import DiscriminatorRecipe, SemiRecipe


def test_semi_has_what_adversarial_has() -> None:
    settings = SemiRecipe.model_validate({"epochs": 3, "critic": {"loss": "least_squares"}})
    assert (settings.epochs, settings.critic.loss, settings.believed) == (3, "least_squares", 0.2)


@pytest.mark.parametrize("wrong", [{"loss": "hinge"}, {"smoothing": 0.5}, {"weight": -1}, {"rate": 1}])
def test_a_critic_of_no_kind_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        DiscriminatorRecipe.model_validate(wrong)
