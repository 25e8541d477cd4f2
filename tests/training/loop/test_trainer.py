"""The training loop: it learns, it survives, and it stops in time."""

from __future__ import annotations

import os
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
from streamseg.training.loop import checkpoint
from streamseg.training.loop.base import Schedule, TrainingStage
from streamseg.training.loop.distributed import ALONE, Share
from streamseg.training.loop.step_log import read_log
from streamseg.training.loop.trainer import Trainer
from tests.training.line_run import MEASURING
from tests.waiting import time_limit


class Line(TrainingStage[nn.Linear]):
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
    whole = Trainer(Line(), tmp_path / "whole")
    whole.fit()
    for stop in (3, 7, None):
        torch.manual_seed(99)  # what a new process would have
        parted = Trainer(Line(), tmp_path / "parted")
        parted.fit(stop_after=stop)
    assert read_log(tmp_path / "parted") == read_log(tmp_path / "whole")
    assert torch.equal(parted.average.model.weight, whole.average.model.weight)


def in_its_own_process(folder: Path, *arguments: int, save_every_s: float = 0) -> tuple[int, str]:
    """Exit code of `line_run.py`, and what it printed."""
    script = Path(__file__).parents[1] / "line_run.py"
    done = subprocess.run(
        [sys.executable, str(script), str(folder), *map(str, arguments)],
        env={**os.environ, "SAVE_EVERY_S": str(save_every_s)},
        capture_output=True, text=True, timeout=time_limit(110), check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The log of a run that nobody stopped."""
    folder = tmp_path_factory.mktemp("whole")
    assert in_its_own_process(folder)[0] == 0
    return read_log(folder)


def steps_of(log: list[dict[str, Any]]) -> list[int]:
    return [entry["step"] for entry in log if "loss" in entry]


def test_a_run_that_was_killed_gives_the_curve_of_one_that_was_not(
    tmp_path: Path, whole: list[dict[str, Any]]
) -> None:
    assert in_its_own_process(tmp_path, 5, signal.SIGKILL)[0] == -signal.SIGKILL
    assert read_log(tmp_path)[-1]["step"] == 5
    assert in_its_own_process(tmp_path)[0] == 0
    assert read_log(tmp_path) == whole
    assert steps_of(whole) == list(range(1, 9))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_the_step_in_hand(
    tmp_path: Path, whole: list[dict[str, Any]], number: signal.Signals
) -> None:
    code, said = in_its_own_process(tmp_path, 1, number, save_every_s=1e9)
    assert code == 128 + number
    assert "stopping after the step in hand, which is saved" in said
    stopped = " ".join(said.split())
    assert f"curve: stopped by {number.name} after step 2 of 8, saved in {tmp_path}" in stopped
    assert "the same command goes on from there" in stopped
    assert checkpoint.load(tmp_path / "checkpoint.safetensors")[1]["step"] == 2
    assert in_its_own_process(tmp_path)[0] == 0
    assert read_log(tmp_path) == whole


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_measurement_that_is_cut_short_costs_no_step(
    tmp_path: Path, whole: list[dict[str, Any]], number: signal.Signals
) -> None:
    assert in_its_own_process(tmp_path, MEASURING + 4, number, save_every_s=1e9)[0] != 0
    assert checkpoint.load(tmp_path / "checkpoint.safetensors")[1]["step"] == 4
    assert in_its_own_process(tmp_path)[0] == 0
    assert read_log(tmp_path) == whole, "and the measurement is there, once"


def test_a_stop_before_the_first_checkpoint_leaves_no_step_twice(
    tmp_path: Path, whole: list[dict[str, Any]]
) -> None:
    assert in_its_own_process(tmp_path, 3, signal.SIGKILL, save_every_s=1e9)[0] == -signal.SIGKILL
    assert not (tmp_path / "checkpoint.safetensors").exists()
    assert steps_of(read_log(tmp_path)) == [1, 2, 3]
    assert in_its_own_process(tmp_path)[0] == 0
    assert read_log(tmp_path) == whole


def test_a_longer_schedule_goes_on_and_a_shorter_one_is_refused(tmp_path: Path) -> None:
    Trainer(Line(8), tmp_path).fit()
    longer = Trainer(Line(12), tmp_path)
    longer.fit()
    assert longer.step == 12
    assert steps_of(read_log(tmp_path)) == list(range(1, 13))
    with pytest.raises(TrainingError, match=r"12 steps are done.* now ends at 8.*--fresh line"):
        Trainer(Line(8), tmp_path).fit()


def test_steps_after_the_last_checkpoint_are_done_again(tmp_path: Path) -> None:
    Trainer(Line(), tmp_path).fit(stop_after=5)
    with (tmp_path / "log.jsonl").open("a") as log:
        log.write('{"step": 6, "loss": 123.0}\n{"step": 7, "lo')  # killed while writing
    run = Trainer(Line(), tmp_path)
    run.fit()
    steps = [entry["step"] for entry in read_log(tmp_path) if "step" in entry]
    assert steps == list(range(1, 13))
    assert 123.0 not in [entry.get("loss") for entry in read_log(tmp_path)]


def test_a_finished_run_does_nothing_more(tmp_path: Path) -> None:
    Trainer(Line(), tmp_path).fit()
    before = (tmp_path / "log.jsonl").read_bytes()
    again = Trainer(Line(), tmp_path)
    again.fit()
    assert again.step == 12
    assert (tmp_path / "log.jsonl").read_bytes() == before


def test_best_and_last_are_kept(tmp_path: Path) -> None:
    run = Trainer(Line(), tmp_path)
    run.fit()
    assert run.best == max(entry["score"] for entry in run.history)
    assert run.load_best().weight.item() == pytest.approx(2 + run.best, abs=1e-6) or run.best < 0
    assert run.checkpoint_path.exists()


def test_nan_stops_with_advice_and_keeps_the_checkpoint(tmp_path: Path) -> None:
    Trainer(Line(), tmp_path).fit(stop_after=5)
    with pytest.raises(TrainingError, match=r"loss is nan at step 9.*learning rate"):
        Trainer(Line(poison=8), tmp_path).fit()
    run = Trainer(Line(), tmp_path)
    run.resume()
    assert run.step == 8, "that of the last measurement"
    assert torch.isfinite(run.stage.model.weight).all()
