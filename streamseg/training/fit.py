"""The one training loop all stages share: steps, schedule, moving average, checkpoints, log, resume."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Generic

import numpy as np
import torch
from lightning_fabric import Fabric
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from torch import Tensor

from streamseg.errors import TrainingError
from streamseg.training import checkpoint
from streamseg.training.ema import M, WeightAverage
from streamseg.training.learner import Learner
from streamseg.training.processes import new_fabric, share_of
from streamseg.training.stage import Stage

_LOG = logging.getLogger(__name__)


class Run(Generic[M]):
    """One stage in one folder: `checkpoint.safetensors`, `best.safetensors` and `log.jsonl`.

    Of several processes each trains on its share of every batch; the first one measures, writes and shows.
    """

    def __init__(
        self, stage: Stage[M], folder: Path, fabric: Fabric | None = None, *, save_every_s: float = 120.0
    ) -> None:
        self.stage, self.folder, self.save_every_s = stage, folder, save_every_s
        self.fabric = fabric or new_fabric()
        self.learners = [
            Learner("model", stage.model, stage.parameter_groups(), stage.losses, self.fabric),
            *self._critics(stage),
        ]
        self.average = WeightAverage(stage.model, stage.ema_decay)
        self.step, self.best, self.history = 0, -math.inf, list[dict[str, float]]()

    def _critics(self, stage: Stage[M]) -> list[Learner]:
        if stage.critic is None:
            return []
        return [Learner("critic", stage.critic, stage.critic_groups(), stage.critic_losses, self.fabric)]

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
        with _progress(shown=self.fabric.is_global_zero) as progress:
            task = progress.add_task(
                self.stage.name, total=self.stage.schedule.steps, completed=self.step, note=""
            )
            saved_at = time.monotonic()
            for batch in self.stage.batches(self.step, share_of(self.fabric)):
                values = self._train_step(self.fabric.to_device(batch))
                progress.update(task, completed=self.step, note=_note(values, self.history))
                if self.step % self.stage.validate_every == 0 or self.step == self.stage.schedule.steps:
                    self._validate()
                if self.step >= end or time.monotonic() - saved_at > self.save_every_s:
                    self.save()
                    saved_at = time.monotonic()
                if self.step >= end:
                    break
        self.fabric.barrier()

    def _train_step(self, batch: Any) -> dict[str, float]:
        torch.manual_seed(_seed(self.stage.seed, self.step, self.fabric.global_rank))
        self.stage.step, factor = self.step, self.stage.schedule.factor(self.step)
        values: dict[str, Tensor] = {}
        for learner in self.learners:
            terms = learner.terms(batch)
            total = torch.stack(list(terms.values())).sum()
            self._refuse_infinite(total)
            learner.step(total, factor)
            values |= terms if values else {"loss": total, **terms}
        self.step += 1
        self.average.update(self.stage.model, self.step)
        means = self._means({**values, **self.stage.noted})
        self._log({"step": self.step, "lr": factor * self.learners[0].base_lr[-1], **means})
        return {name: value for name, value in means.items() if name != "loss"}

    def _refuse_infinite(self, total: Tensor) -> None:
        if not torch.isfinite(total):
            raise TrainingError(
                f"{self.stage.name}: the loss is {total.item()} at step {self.step + 1}; the last "
                f"checkpoint in {self.folder} is kept. Lower the learning rate, or look for broken labels"
            )

    def _means(self, values: Mapping[str, Tensor]) -> dict[str, float]:
        """Over the processes."""
        stacked = torch.stack([value.detach().float() for value in values.values()])
        means: Any = self.fabric.all_reduce(stacked, reduce_op="mean")
        return dict(zip(values, means.tolist(), strict=True))

    def _validate(self) -> None:
        if self.fabric.is_global_zero:
            measures = {"step": float(self.step), **self.stage.validate(self.average.model)}
            self.history.append(measures)
            self._log({"validation": measures})
            self._remark()
            self._keep_best(measures)
        self.fabric.barrier()

    def _remark(self) -> None:
        remark = self.stage.remark()
        if remark is not None:
            _LOG.warning("%s, step %d: %s", self.stage.name, self.step, remark)
            self._log({"remark": {"step": self.step, "text": remark}})

    def _keep_best(self, measures: Mapping[str, float]) -> None:
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
        if not self.fabric.is_global_zero:
            return
        tensors = checkpoint.pack("average", self.average.model.state_dict())
        for learner in self.learners:
            tensors |= learner.packed()
        checkpoint.save(
            self.checkpoint_path, tensors, {"step": self.step, "best": self.best, "history": self.history}
        )

    def resume(self) -> None:
        """Go back to the state of the checkpoint, if there is one; every process reads it.

        Raises:
            TrainingError: The checkpoint is unreadable or made by another recipe.
        """
        if not self.checkpoint_path.exists():
            return
        tensors, counters = checkpoint.load(self.checkpoint_path)
        checkpoint.load_model(self.average.model, tensors, "average", self.checkpoint_path)
        for learner in self.learners:
            learner.unpack(tensors, self.checkpoint_path)
        self.step, self.best, self.history = counters["step"], counters["best"], counters["history"]
        if self.fabric.is_global_zero:
            self._forget_log_after(self.step)

    def load_best(self) -> M:
        """The averaged model with the best score, in evaluation mode."""
        tensors, _ = checkpoint.load(self.best_path)
        checkpoint.load_model(self.average.model, tensors, "model", self.best_path)
        self.average.model.eval()
        return self.average.model

    def _log(self, entry: Mapping[str, Any]) -> None:
        if not self.fabric.is_global_zero:
            return
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


def _seed(seed: int, step: int, rank: int) -> int:
    """Of a step's randomness: a run that was stopped needs no random state to go on as if it had not been."""
    return int(np.random.SeedSequence([seed, step, rank]).generate_state(1)[0])


def _progress(*, shown: bool) -> Progress:
    columns = (
        TextColumn("{task.description:9}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
    )
    note = TextColumn("{task.fields[note]}")
    return Progress(*columns, TimeRemainingColumn(), note, refresh_per_second=1, disable=not shown)


def _note(values: Mapping[str, float], history: list[dict[str, float]]) -> str:
    text = " ".join(f"{name} {value:.3f}" for name, value in values.items())
    return f"{text}  last score {history[-1]['score']:.3f}" if history else text
