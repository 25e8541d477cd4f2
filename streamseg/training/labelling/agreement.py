"""One label of what several packages say of a pixel: votes, which are sets of classes, and when they agree.

A vote is the set of target classes that a package's answer may stand for. Votes agree on a class where their
intersection holds that class and no other; so a coarse vote ({car, bicyclist}) supports a fine one ({car}).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from streamseg.training.config.recipe_data import IGNORE
from streamseg.types import BOOL, U8

_CODES = 512  # of a package's answer: 256 ids, sure or not


@dataclass(frozen=True, slots=True)
class Vote:
    """What a package says of a pixel.

    Attributes:
        classes: Ids of the target classes that it may be; empty: the package has nothing to say.
        confident: The package's confidence reaches the minimum it is held to.
    """

    classes: frozenset[int]
    confident: bool = True


@dataclass(frozen=True, slots=True)
class AgreementRules:
    """When a pixel counts; packages are numbers, in the order of the votes.

    Attributes:
        agree: How many packages must support a class; None: all that have something to say.
        trust: By class: the packages each of which is enough, whatever others say.
        require: By class: how many packages must support it at least.
    """

    agree: int | None = None
    trust: Mapping[int, frozenset[int]] = field(default_factory=dict)
    require: Mapping[int, int] = field(default_factory=dict)


def agreed_class(votes: Sequence[Vote], rules: AgreementRules) -> int | None:
    """The class of a pixel.

    A package *says* a class where its vote is that class alone, and *supports* it where its vote holds it;
    both only where it is confident. In turn:

    1. A class that a package says which is trusted for it. Two such classes: none.
    2. With `agree` None: the one class that every package supports that has something to say. One that is not
       confident supports nothing, so there is no such class.
       With a number: the class that most packages support, and at least so many. Two such classes: none.
    3. None, where `require` asks for more support than that class has.

    Args:
        votes: One a package.
        rules: What counts.

    Returns:
        Its id; None where the pixel does not count.
    """
    says = {place: vote.classes for place, vote in enumerate(votes) if vote.classes and vote.confident}
    trusted = {
        label
        for label, places in rules.trust.items()
        if any(says.get(place) == frozenset({label}) for place in places)
    }
    if trusted:
        return trusted.pop() if len(trusted) == 1 else None
    support = Counter(label for classes in says.values() for label in classes)
    most = max(support.values(), default=0)
    best = [label for label, count in support.items() if count == most]
    needed = sum(bool(vote.classes) for vote in votes) if rules.agree is None else rules.agree
    if len(best) != 1 or most < max(needed, rules.require.get(best[0], 0)):
        return None
    return best[0]


class LabelMerger:
    """Merges the label maps of several packages, combination by combination of what they say.

    Args:
        stands_for: For each package, by its class id: the target classes that it may be; empty: ignored.
        rules: What counts.
    """

    def __init__(self, stands_for: Sequence[Sequence[frozenset[int]]], rules: AgreementRules) -> None:
        self._stands_for, self._rules = stands_for, rules
        self._known: dict[tuple[int, ...], int] = {}

    def merge(self, labels: Sequence[U8], confident: Sequence[BOOL]) -> U8:
        """One label map.

        Args:
            labels: Class ids of each package, `[H, W]`.
            confident: Where each is confident enough, `[H, W]`.

        Returns:
            Ids of target classes `[H, W]`; 255 where the pixel does not count.
        """
        combinations: list[tuple[int, ...]] = [()]
        index = np.zeros(labels[0].size, np.int64)
        for ids, sure in zip(labels, confident, strict=True):
            codes = index * _CODES + 256 * sure.ravel() + ids.ravel()
            found, index = np.unique(codes, return_inverse=True)
            combinations = [(*combinations[code // _CODES], code % _CODES) for code in found.tolist()]
        table = np.array([self._label(combination) for combination in combinations], np.uint8)
        merged: U8 = table[index].reshape(labels[0].shape)
        return merged

    def _label(self, combination: tuple[int, ...]) -> int:
        """The label of one code a package, remembered."""
        if combination not in self._known:
            votes = [self._vote(place, code) for place, code in enumerate(combination)]
            label = agreed_class(votes, self._rules)
            self._known[combination] = IGNORE if label is None else label
        return self._known[combination]

    def _vote(self, place: int, code: int) -> Vote:
        classes, label = self._stands_for[place], code % 256
        return Vote(classes[label] if label < len(classes) else frozenset(), confident=code >= 256)
