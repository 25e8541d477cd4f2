"""A critic at work: what it is shown in a step, what it says of it, and whether it still teaches."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F  # noqa: N812 the name torch's own documentation uses
from torch import Tensor, nn

from streamseg.training.config.stage_config import Adversarial, DiscriminatorRecipe
from streamseg.training.losses import discriminator_accuracy, discriminator_loss, generator_loss

MASS = 0.9  # least probability of the true class in a drawn map
RECENT, ENOUGH = 100, 20  # steps the accuracy is averaged over, at most and at least
ALL_SEEING, GUESSING = 0.98, 0.55  # accuracies beyond which there is nothing to learn from a critic

Shown = tuple[Tensor, ...]  # arguments of the critic


class AdversarialLoss:
    """The adversarial losses of a model and of its critic, which is told apart from drawn maps."""

    def __init__(self, critic: nn.Module, settings: DiscriminatorRecipe) -> None:
        self.critic, self.settings = critic, settings
        self._case: tuple[Shown, Shown, Tensor] | None = None
        self._accuracies = deque[float](maxlen=RECENT)

    def fool(self, made: Shown, drawn: Shown, known: Tensor, step: int) -> Tensor:
        """The model's loss for not passing; remembers the case for the critic's own turn.

        Args:
            made: What the critic gets to see of the model's maps.
            drawn: The same of maps a person drew.
            known: Cells that count, bool `[N, 1, h, w]`.
            step: Of the stage; during the critic's warm-up the loss is 0.
        """
        self._case = tuple(x.detach() for x in made), tuple(x.detach() for x in drawn), known
        return self.pass_off(made, known, self.settings.weight if step >= self.settings.warmup_steps else 0.0)

    def pass_off(self, made: Shown, known: Tensor, weight: float) -> Tensor:
        """The loss for not passing, times `weight`; the critic does not learn from it."""
        with _frozen(self.critic):
            verdicts = self.critic(*made)[known]
        return weight * _mean_or_zero(verdicts, generator_loss(verdicts, self.settings.loss))

    def losses(self) -> dict[str, Tensor]:
        """The critic's own loss on the case last remembered, and the accuracy of its verdicts beside it."""
        assert self._case is not None, "the model has its turn first"  # noqa: S101 order of a step
        made, drawn, known = self._case
        real, guessed = self.critic(*drawn)[known], self.critic(*made)[known]
        self._accuracies.append(float(discriminator_accuracy(real, guessed, self.settings.loss)))
        loss = discriminator_loss(real, guessed, self.settings.loss, smoothing=self.settings.smoothing)
        return {"critic": _mean_or_zero(real, loss)}

    @property
    def accuracy(self) -> float:
        """Share of the last step's verdicts that were right; 0.5 is guessing."""
        return self._accuracies[-1]

    def believes(self, shown: Shown) -> Tensor:
        """How much like drawn each cell looks, 0…1, `[N, 1, h, w]`."""
        with torch.no_grad():
            verdicts: Tensor = self.critic(*shown).float()
        return realness(verdicts, self.settings.loss)

    def remark(self) -> str | None:
        """In words, that the two no longer compete; None while they do, or too little was seen."""
        if len(self._accuracies) < ENOUGH:
            return None
        accuracy = sum(self._accuracies) / len(self._accuracies)
        if accuracy > ALL_SEEING:
            return (
                f"the discriminator tells nearly every cell ({accuracy:.0%} right): the network can learn "
                "little from it. Lower critic.lr, or raise critic.smoothing"
            )
        if accuracy < GUESSING:
            return (
                f"the discriminator is guessing ({accuracy:.0%} right): it teaches nothing. Raise critic.lr "
                "or critic.warmup_steps"
            )
        return None


def realness(verdicts: Tensor, loss: Adversarial) -> Tensor:
    """A critic's verdicts as 0…1, 1 for "drawn by a person"; how to read them depends on its `loss`."""
    return verdicts.sigmoid() if loss == "bce" else verdicts.clamp(0, 1)


def drawn_map(probabilities: Tensor, cells: Tensor) -> tuple[Tensor, Tensor]:
    """Labels as a map that is not told from a network's by its hardness alone (Luc et al. 2016, "scaling").

    The true class gets the network's own probability, at least `MASS`; the others share the rest as the
    network would. Cells without a label are the network's.

    Args:
        probabilities: The network's, `[N, C, h, w]`.
        cells: Labels `[N, h, w]` uint8; 255, or an id of several classes, where none is known.

    Returns:
        The map `[N, C, h, w]`, and where it is drawn, bool `[N, 1, h, w]`.
    """
    given, known = probabilities.detach(), (cells < probabilities.shape[1])[:, None]
    classes = torch.where(known[:, 0], cells, 0).long()
    truth = F.one_hot(classes, given.shape[1]).permute(0, 3, 1, 2).to(given.dtype)
    sure = (given * truth).sum(1, keepdim=True)
    mass = sure.clamp(min=MASS)
    rest = given * (1 - truth) * ((1 - mass) / (1 - sure).clamp(min=1e-6))
    return torch.where(known, truth * mass + rest, given), known


def _mean_or_zero(verdicts: Tensor, loss: Tensor) -> Tensor:
    """`loss`, or 0 where no cell was judged: a mean over nothing is not a number."""
    return loss if verdicts.numel() else verdicts.sum()


@contextmanager
def _frozen(network: nn.Module) -> Iterator[None]:
    network.requires_grad_(requires_grad=False)
    try:
        yield
    finally:
        network.requires_grad_(requires_grad=True)
