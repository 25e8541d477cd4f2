"""The training loop: it learns, it survives, and it stops in time."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from streamseg.errors import TrainingError
from streamseg.training.fit import Run, read_log
from streamseg.training.processes import ALONE, Share
from streamseg.training.stage import Schedule, Stage


class Line(Stage[nn.Linear]):
    """Learns y = 2x from random x, which shows that a resumed run draws what it would have drawn."""

    name = "line"
    ema_decay = 0.9
    validate_every = 4
    seed = 3

    def __init__(self, steps: int = 12, *, poison: int = -1) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.model = nn.Linear(1, 1)
        self.schedule = Schedule(steps, 2)
        self.poison = poison

    def parameter_groups(self) -> list[dict[str, Any]]:
        return [{"params": list(self.model.parameters()), "lr": 0.1}]

    def batches(self, first_step: int, share: Share = ALONE) -> Iterator[Any]:
        yield from range(first_step, self.schedule.steps)

    def losses(self, batch: Any) -> dict[str, Tensor]:
        x = torch.rand(8, 1)
        loss = (self.model(x) - 2 * x).square().mean()
        return {"mse": loss * float("nan") if batch == self.poison else loss}

    def validate(self, model: nn.Linear) -> dict[str, float]:
        return {"score": -abs(model.weight.item() - 2)}


def test_a_run_that_was_stopped_gives_the_curve_of_one_that_was_not(tmp_path: Path) -> None:
    whole = Run(Line(), tmp_path / "whole")
    whole.fit()
    for stop in (3, 7, None):
        torch.manual_seed(99)  # what a new process would have
        parted = Run(Line(), tmp_path / "parted")
        parted.fit(stop_after=stop)
    assert read_log(tmp_path / "parted") == read_log(tmp_path / "whole")
    assert torch.equal(parted.average.model.weight, whole.average.model.weight)


def in_its_own_process(folder: Path, *killed_at: int) -> int:
    script = Path(__file__).parent / "line_run.py"
    command = [sys.executable, str(script), str(folder), *map(str, killed_at)]
    return subprocess.run(command, timeout=110, check=False).returncode


def test_a_run_that_was_killed_gives_the_curve_of_one_that_was_not(tmp_path: Path) -> None:
    assert in_its_own_process(tmp_path / "whole") == 0
    assert in_its_own_process(tmp_path / "killed", 5) == -signal.SIGKILL
    assert read_log(tmp_path / "killed")[-1]["step"] == 5
    assert in_its_own_process(tmp_path / "killed") == 0
    whole, killed = (read_log(tmp_path / name) for name in ("whole", "killed"))
    assert killed == whole
    assert [entry["step"] for entry in whole if "loss" in entry] == list(range(1, 9))


def test_steps_after_the_last_checkpoint_are_done_again(tmp_path: Path) -> None:
    Run(Line(), tmp_path).fit(stop_after=5)
    with (tmp_path / "log.jsonl").open("a") as log:
        log.write('{"step": 6, "loss": 123.0}\n{"step": 7, "lo')  # killed while writing
    run = Run(Line(), tmp_path)
    run.fit()
    steps = [entry["step"] for entry in read_log(tmp_path) if "step" in entry]
    assert steps == list(range(1, 13))
    assert 123.0 not in [entry.get("loss") for entry in read_log(tmp_path)]


def test_a_finished_run_does_nothing_more(tmp_path: Path) -> None:
    Run(Line(), tmp_path).fit()
    before = (tmp_path / "log.jsonl").read_bytes()
    again = Run(Line(), tmp_path)
    again.fit()
    assert again.step == 12
    assert (tmp_path / "log.jsonl").read_bytes() == before


def test_best_and_last_are_kept(tmp_path: Path) -> None:
    run = Run(Line(), tmp_path)
    run.fit()
    assert run.best == max(entry["score"] for entry in run.history)
    assert run.load_best().weight.item() == pytest.approx(2 + run.best, abs=1e-6) or run.best < 0
    assert run.checkpoint_path.exists()


def test_nan_stops_with_advice_and_keeps_the_checkpoint(tmp_path: Path) -> None:
    Run(Line(), tmp_path).fit(stop_after=5)
    with pytest.raises(TrainingError, match=r"loss is nan at step 9.*learning rate"):
        Run(Line(poison=8), tmp_path).fit()
    run = Run(Line(), tmp_path)
    run.resume()
    assert run.step == 5
    assert torch.isfinite(run.stage.model.weight).all()
