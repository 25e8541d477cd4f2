"""How many files there may be, and how many of them may be peers'."""

from __future__ import annotations

import subprocess
import sys

import pytest

from streamseg.publish.descriptors import DESCRIPTORS, MOST_PEERS, most_peers
from tests.waiting import time_limit

RAISE = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[2])))
from streamseg.publish.descriptors import raise_limit
print(raise_limit(), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(("soft", "hard", "raised"), [(64, 300, 300), (100, 100, 100)])
def test_the_limit_is_raised_as_far_as_it_may_be(soft: int, hard: int, raised: int) -> None:
    command = [sys.executable, "-c", RAISE, str(soft), str(hard)]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=time_limit(60)).stdout
    assert told.split() == [str(raised), str(raised), str(hard)]


@pytest.mark.parametrize(("limit", "most"), [(DESCRIPTORS, MOST_PEERS), (1024, 256), (80, 20), (3, 1)])
def test_peers_get_their_share_and_no_more(limit: int, most: int) -> None:
    assert most_peers(limit) == most
