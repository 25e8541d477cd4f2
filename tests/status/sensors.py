"""A sensor as psutil reports it."""

from __future__ import annotations

from typing import NamedTuple


class Sensor(NamedTuple):
    """What is used of psutil's `shwtemp`."""

    label: str
    current: float
