"""A critic at work: who learns from what, what a drawn map is, and when the game is over."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from streamseg.training.config.stage_config import DiscriminatorRecipe
from streamseg.training.stages.adversarial_loss import ENOUGH, AdversarialLoss, drawn_map


class Constant(nn.Module):
    """Says the same of every cell: `weight` times the mean of what it is shown, plus `bias`."""

    def __init__(self, weight: float = 0.0, bias: float = 0.0) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.tensor(weight)), nn.Parameter(torch.tensor(bias))

    def forward(self, shown: Tensor) -> Tensor:
        return self.weight * shown.mean(1, keepdim=True) + self.bias


EVERYWHERE = torch.ones(1, 1, 2, 2, dtype=torch.bool)


def maps(value: float) -> tuple[Tensor]:
    return (torch.full((1, 3, 2, 2), value),)


def test_the_model_learns_to_pass_and_the_critic_does_not_learn_from_it() -> None:
    critic = Constant(weight=1.0)
    judging = AdversarialLoss(critic, DiscriminatorRecipe(weight=0.5, warmup_steps=0))
    made = torch.zeros(1, 3, 2, 2, requires_grad=True)
    fool = judging.fool((made,), maps(1.0), EVERYWHERE, 0)
    assert fool.item() == pytest.approx(0.5 * math.log(2))
    fool.backward()  # type: ignore[no-untyped-call]
    assert made.grad is not None
    assert (made.grad < 0).all(), "a higher value would pass better"
    assert critic.weight.grad is None
    assert critic.weight.requires_grad, "thawed for its own turn"


def test_the_critic_learns_and_the_model_does_not_learn_from_it() -> None:
    critic = Constant(weight=1.0)
    judging = AdversarialLoss(critic, DiscriminatorRecipe(smoothing=0.0))
    made = torch.zeros(1, 3, 2, 2, requires_grad=True)
    judging.fool((made,), maps(2.0), EVERYWHERE, 0)
    loss = judging.losses()["critic"]
    assert loss.item() == pytest.approx((math.log(1 + math.exp(-2)) + math.log(2)) / 2)
    loss.backward()  # type: ignore[no-untyped-call]
    assert critic.weight.grad is not None
    assert made.grad is None
    assert judging.accuracy == 1.0


def test_during_the_warm_up_the_critic_is_not_listened_to() -> None:
    judging = AdversarialLoss(Constant(weight=1.0), DiscriminatorRecipe(weight=1.0, warmup_steps=3))
    assert [judging.fool(maps(0.0), maps(1.0), EVERYWHERE, step).item() > 0 for step in (0, 2, 3)] == [
        False,
        False,
        True,
    ]


def test_unknown_cells_are_not_judged() -> None:
    judging = AdversarialLoss(Constant(weight=1.0), DiscriminatorRecipe(warmup_steps=0, smoothing=0.0))
    drawn, known = torch.full((1, 3, 2, 2), 2.0), EVERYWHERE.clone()
    drawn[..., 0, 0], known[..., 0, 0] = -50.0, False
    judging.fool(maps(0.0), (drawn,), known, 0)
    assert judging.losses()["critic"].item() == pytest.approx((math.log(1 + math.exp(-2)) + math.log(2)) / 2)
    judging.fool(maps(0.0), (drawn,), EVERYWHERE & False, 0)
    assert judging.losses()["critic"].item() == 0, "nothing known is nothing to learn, not NaN"


@pytest.mark.parametrize(("kind", "expected"), [("bce", 0.5), ("least_squares", 0.0)])
def test_belief_is_a_share_whatever_the_loss(kind: str, expected: float) -> None:
    judging = AdversarialLoss(Constant(), DiscriminatorRecipe.model_validate({"loss": kind}))
    assert judging.believes(maps(1.0)).flatten().tolist() == [expected] * 4


@pytest.mark.parametrize(
    ("critic", "drawn", "word"),
    [(Constant(weight=1.0), 9.0, "tells nearly every cell"), (Constant(bias=1.0), 1.0, "is guessing"),
     (Constant(weight=1.0, bias=-0.5), 1.0, None)],
)  # fmt: skip
def test_a_collapse_is_said_in_words(critic: Constant, drawn: float, word: str | None) -> None:
    judging = AdversarialLoss(critic, DiscriminatorRecipe())
    mixed = torch.linspace(-1, 1.7, 4).view(1, 1, 2, 2).expand(1, 3, 2, 2)
    made = mixed if word is None else maps(-1.0)[0]
    for step in range(ENOUGH):
        assert judging.remark() is None, "too early to say"
        judging.fool((made,), maps(drawn), EVERYWHERE, step)
        judging.losses()
    remark = judging.remark()
    assert remark is None if word is None else word in str(remark)


def test_a_drawn_map_is_as_soft_as_the_networks() -> None:
    given = torch.tensor([0.2, 0.5, 0.3]).view(1, 3, 1, 1).expand(1, 3, 1, 3)
    cells = torch.tensor([[[1, 0, 255]]], dtype=torch.uint8)
    drawn, known = drawn_map(given, cells)
    assert known.flatten().tolist() == [True, True, False]
    assert drawn[0, :, 0, 0].tolist() == pytest.approx([0.04, 0.9, 0.06])  # the rest shared 2 : 3
    assert drawn[0, :, 0, 1].tolist() == pytest.approx([0.9, 0.0625, 0.0375])
    assert drawn[0, :, 0, 2].tolist() == pytest.approx([0.2, 0.5, 0.3]), "the network's own"


def test_who_is_right_and_surer_stays_as_sure() -> None:
    given = torch.tensor([0.97, 0.02, 0.01]).view(1, 3, 1, 1)
    drawn, _ = drawn_map(given, torch.zeros(1, 1, 1, dtype=torch.uint8))
    assert drawn.flatten().tolist() == pytest.approx([0.97, 0.02, 0.01])
