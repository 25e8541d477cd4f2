"""How many of the layers that quantise worst must stay in float, so that no more is lost than may be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settled:
    """What was found.

    Attributes:
        left: Layers left in float, the most harmful first.
        loss: What the others cost in int8.
    """

    left: tuple[str, ...]
    loss: float


def find_float_layers(
    loss_of: Callable[[Sequence[str]], float], worst_first: Callable[[], Sequence[str]], allowed: float
) -> Settled | None:
    """Leave the most harmful layers in float: none, one, two, four …, until no more is lost than allowed.

    Between the last number that was too few and the first that was enough, the least is sought by halving.
    What is given back has been measured, however uneven the loss is on the way.

    Args:
        loss_of: Measures what is lost with some layers left in float.
        worst_first: Sorts all layers by their harm; asked for only if some must be left.
        allowed: The most that may be lost.

    Returns:
        None where not even one layer can be in int8.
    """

    def tried(left: Sequence[str]) -> Settled | None:
        loss = loss_of(left)
        return Settled(tuple(left), loss) if loss <= allowed else None

    if best := tried(()):
        return best
    order = worst_first()
    most, too_few = len(order) - 1, 0
    while best is None and too_few < most:
        count = min(max(2 * too_few, 1), most)
        best = tried(order[:count])
        too_few = too_few if best else count
    while best is not None and len(best.left) - too_few > 1:
        middle = (too_few + len(best.left)) // 2
        if fewer := tried(order[:middle]):
            best = fewer
        else:
            too_few = middle
    return best
