"""Which licence holds for weights that began with other weights: the stricter one, or nobody can say.

Licences are SPDX ids, or several joined by AND. Only what can be told from the ids is told: permissive ones
ask for no more than a notice; of Creative Commons' the parts (BY, NC, SA, ND) are compared. Everything else
must be named by the recipe itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from streamseg.errors import TrainingError
from streamseg.inference.packages.lineage import Parent

_PERMISSIVE = set(map(str.casefold, (
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC-BY-3.0", "CC-BY-4.0", "CC0-1.0",
    "CDLA-Permissive-1.0", "CDLA-Permissive-2.0", "ISC", "MIT", "MIT-0", "ODC-By-1.0", "PDDL-1.0",
    "Unlicense", "Zlib",
)))  # fmt: skip
_CREATIVE_COMMONS = re.compile(r"CC-(?P<parts>BY(?:-(?:NC|SA|ND))*)-(?P<version>\d\.\d)")


def settle_license(own: str, parents: Sequence[Parent]) -> str:
    """The licence of a package.

    Args:
        own: What the recipe says (`data.license`).
        parents: What its weights began with.

    Returns:
        The recipe's, where it covers those of all parents; the one licence that is stricter than it, where
        the recipe's is permissive.

    Raises:
        TrainingError: Neither can be told; with what to write.
    """
    wanted = {part for parent in parents for part in _parts(parent.license) if not _is_permissive(part)}
    missing = sorted(part for part in wanted if not any(_covers(given, part) for given in _parts(own)))
    strictest = [part for part in missing if all(_covers(part, other) for other in missing)]
    if not missing:
        return own
    if strictest and all(map(_is_permissive, _parts(own))):
        return strictest[0]
    asked = "; ".join(f"{p.relation} {p.name} is {p.license}" for p in parents if _asks(p, missing))
    kept = [part for part in _parts(own) if not _is_permissive(part)]
    raise TrainingError(
        f"data.license: {own} does not cover what the weights begin with ({asked}): "
        f"write {' AND '.join([*kept, *missing])}"
    )


def _asks(parent: Parent, missing: Iterable[str]) -> bool:
    return not set(_parts(parent.license)).isdisjoint(missing)


def _parts(licence: str) -> list[str]:
    return [part.strip(" ()") for part in licence.split(" AND ")]


def _is_permissive(licence: str) -> bool:
    return licence.casefold() in _PERMISSIVE


def _covers(given: str, asked: str) -> bool:
    """Whether whoever keeps to `given` keeps to `asked` too."""
    given, asked = given.upper(), asked.upper()  # SPDX ids have no case
    if given == asked:
        return True
    one, other = _CREATIVE_COMMONS.fullmatch(given), _CREATIVE_COMMONS.fullmatch(asked)
    if one is None or other is None or one["version"] != other["version"]:
        return False
    wanted = set(other["parts"].split("-"))
    # share-alike and no-derivatives want the very same licence
    return wanted <= set(one["parts"].split("-")) and wanted.isdisjoint({"SA", "ND"})
