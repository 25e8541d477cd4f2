"""The one training loop all stages share: steps, schedule, moving average, checkpoints, log, resume."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol

import torch
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from torch import Tensor, nn

from streamseg.errors import TrainingError
from streamseg.training import checkpoint
from streamseg.training.ema import M, WeightAverage


@dataclass(frozen=True, slots=True)
class Schedule:
    """Linear warm-up, then the polynomial decay of DeepLab (Chen et al. 2017)."""

    steps: int
    warmup: int
    power: float = 0.9

    def factor(self, step: int) -> float:
        """What the base learning rates are multiplied by at `step`."""
        decay: float = (1 - step / self.steps) ** self.power
        return min(1.0, (step + 1) / max(self.warmup, 1)) * decay


class Stage(Protocol[M]):
    """What a training stage must know; the loop knows the rest."""

    name: str
    model: M
    schedule: Schedule
    ema_decay: float
    validate_every: int  # steps

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Parameters with their base learning rates, for AdamW."""

    def batches(self, first_step: int) -> Iterator[Any]:
        """Batches from `first_step` on; the same ones whether the run was resumed or not."""

    def losses(self, batch: Any) -> dict[str, Tensor]:
        """Terms of the loss, already weighted; their sum is minimised."""

    def validate(self, model: M) -> dict[str, float]:
        """Measures of the averaged model; `score` decides which weights are kept as best."""


class Run(Generic[M]):
    """One stage in one folder: `checkpoint.safetensors`, `best.safetensors` and `log.jsonl`."""

    def __init__(self, stage: Stage[M], folder: Path, *, save_every_s: float = 120.0) -> None:
        self.stage, self.folder, self.save_every_s = stage, folder, save_every_s
        self.average = WeightAverage(stage.model, stage.ema_decay)
        self.optimiser = torch.optim.AdamW(stage.parameter_groups())
        self.base_lr = [group["lr"] for group in self.optimiser.param_groups]
        self.step, self.best, self.history = 0, -math.inf, list[dict[str, float]]()

    @property
    def checkpoint_path(self) -> Path:
        """Everything needed to go on."""
        return self.folder / "checkpoint.safetensors"

    @property
    def best_path(self) -> Path:
        """The averaged weights with the best score so far."""
        return self.folder / "best.safetensors"

    def fit(self, *, stop_after: int | None = None) -> None:
        """Train to the end of the schedule, from the checkpoint if there is one.

        Args:
            stop_after: Stop (and save) when this many steps are done in all.

        Raises:
            TrainingError: The loss is no longer finite, or the disk is full. The last good checkpoint stays.
        """
        self.resume()
        end = min(stop_after or self.stage.schedule.steps, self.stage.schedule.steps)
        if self.step >= end:
            return
        with _progress() as progress:
            task = progress.add_task(
                self.stage.name, total=self.stage.schedule.steps, completed=self.step, note=""
            )
            saved_at = time.monotonic()
            for batch in self.stage.batches(self.step):
                losses = self._train_step(batch)
                progress.update(task, completed=self.step, note=_note(losses, self.history))
                if self.step % self.stage.validate_every == 0 or self.step == self.stage.schedule.steps:
                    self._validate()
                if self.step >= end or time.monotonic() - saved_at > self.save_every_s:
                    self.save()
                    saved_at = time.monotonic()
                if self.step >= end:
                    break

    def _train_step(self, batch: Any) -> dict[str, float]:
        factor = self.stage.schedule.factor(self.step)
        for group, lr in zip(self.optimiser.param_groups, self.base_lr, strict=True):
            group["lr"] = lr * factor
        self.stage.model.train()
        losses = self.stage.losses(batch)
        total = torch.stack(list(losses.values())).sum()
        if not torch.isfinite(total):
            raise TrainingError(
                f"{self.stage.name}: the loss is {total.item()} at step {self.step + 1}; the last "
                f"checkpoint in {self.folder} is kept. Lower the learning rate, or look for broken labels"
            )
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.stage.model.parameters(), 5.0)
        self.optimiser.step()
        self.step += 1
        self.average.update(self.stage.model, self.step)
        values = {name: loss.item() for name, loss in losses.items()}
        self._log({"step": self.step, "lr": factor * self.base_lr[-1], "loss": total.item(), **values})
        return values

    def _validate(self) -> None:
        measures = {"step": float(self.step), **self.stage.validate(self.average.model)}
        self.history.append(measures)
        self._log({"validation": measures})
        if measures["score"] > self.best:
            self.best = measures["score"]
            checkpoint.save(
                self.best_path, checkpoint.pack("model", self.average.model.state_dict()), measures
            )

    def save(self) -> None:
        """Write the checkpoint.

        Raises:
            TrainingError: It cannot be written.
        """
        tensors = {
            **checkpoint.pack("model", self.stage.model.state_dict()),
            **checkpoint.pack("average", self.average.model.state_dict()),
            **checkpoint.pack_optimiser(self.optimiser),
            "rng": torch.get_rng_state(),
        }
        checkpoint.save(
            self.checkpoint_path, tensors, {"step": self.step, "best": self.best, "history": self.history}
        )

    def resume(self) -> None:
        """Go back to the state of the checkpoint, if there is one.

        Raises:
            TrainingError: The checkpoint is unreadable or made by another recipe.
        """
        if not self.checkpoint_path.exists():
            return
        tensors, counters = checkpoint.load(self.checkpoint_path)
        checkpoint.load_model(self.stage.model, tensors, "model", self.checkpoint_path)
        checkpoint.load_model(self.average.model, tensors, "average", self.checkpoint_path)
        checkpoint.unpack_optimiser(self.optimiser, tensors)
        torch.set_rng_state(tensors["rng"])
        self.step, self.best, self.history = counters["step"], counters["best"], counters["history"]
        self._forget_log_after(self.step)

    def load_best(self) -> M:
        """The averaged model with the best score, in evaluation mode."""
        tensors, _ = checkpoint.load(self.best_path)
        checkpoint.load_model(self.average.model, tensors, "model", self.best_path)
        self.average.model.eval()
        return self.average.model

    def _log(self, entry: Mapping[str, Any]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

    def _forget_log_after(self, step: int) -> None:
        """Drop entries of steps that will be done again, so that the curve has each step once."""
        path = self.folder / "log.jsonl"
        if path.exists():
            kept = [
                e
                for e in read_log(self.folder)
                if e.get("step", e.get("validation", {}).get("step", 0)) <= step
            ]
            part = path.with_suffix(".part")
            part.write_text("".join(json.dumps(e) + "\n" for e in kept), encoding="utf-8")
            part.replace(path)


def read_log(folder: Path) -> list[dict[str, Any]]:
    """Entries of a run's log; a last line cut short by a kill is left out."""
    entries = []
    for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines():
        try:
            entries.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return entries


def _progress() -> Progress:
    columns = (
        TextColumn("{task.description:9}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
    )
    return Progress(*columns, TimeRemainingColumn(), TextColumn("{task.fields[note]}"), refresh_per_second=1)


def _note(losses: Mapping[str, float], history: list[dict[str, float]]) -> str:
    text = " ".join(f"{name} {value:.3f}" for name, value in losses.items())
    return f"{text}  last score {history[-1]['score']:.3f}" if history else text
