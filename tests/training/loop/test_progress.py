"""The progress bar on terminals of several widths."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from streamseg.training.loop.progress import StageProgress

LOSSES = {"ce": 0.123, "lovasz": 0.456, "fool": 0.012, "critic": 0.69, "critic_accuracy": 0.5, "teacher": 1.2}


@pytest.mark.parametrize("width", [60, 80, 200])
def test_bar_step_and_time_come_first_and_losses_as_far_as_they_fit(width: int) -> None:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=True, color_system=None)
    with StageProgress("adversarial", 12345, 11000, shown=True, console=console) as progress:
        progress.update(11023, LOSSES, 0.612)
    line = [found for found in re.split(r"[\r\n]+", out.getvalue()) if "11023" in found][-1]
    line = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line)
    assert len(line) <= width
    assert re.match(r"adversarial +━{5,}.* +11023/12345 +[-:\d]+ left", line), line
    assert ("teacher 1.200" in line) == (width == 200)
    assert ("val 0.612" in line) == (width > 60)


def test_it_can_be_left_out() -> None:
    out = io.StringIO()
    with StageProgress("segment", 5, 0, shown=False, console=Console(file=out)) as progress:
        progress.update(1, LOSSES, None)
    assert out.getvalue() == ""
