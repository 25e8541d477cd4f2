"""The one training loop all stages share: steps, schedule, moving average, checkpoints, log, resume."""

from __future__ import annotations

import logging
import math
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Generic

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor

from streamseg.errors import TrainingError
from streamseg.training.loop import checkpoint
from streamseg.training.loop.base import TrainingStage
from streamseg.training.loop.distributed import new_fabric, share_of
from streamseg.training.loop.ema import M, WeightAverage
from streamseg.training.loop.interruption import StopRequest, TrainingStoppedError
from streamseg.training.loop.progress import StageProgress
from streamseg.training.loop.step_log import StepLog
from streamseg.training.loop.trained_module import Learner

_LOG = logging.getLogger(__name__)


class Trainer(Generic[M]):
    """One stage in one folder: `checkpoint.safetensors`, `best.safetensors` and `log.jsonl`.

    Of several processes each trains on its share of every batch; the first one measures, writes and shows.
    """

    def __init__(
        self,
        stage: TrainingStage[M],
        folder: Path,
        fabric: Fabric | None = None,
        *,
        save_every_s: float = 120.0,
        request: StopRequest | None = None,
    ) -> None:
        """Set up the networks' optimisers and averages.

        Args:
            stage: What to train.
            folder: Where to keep it.
            fabric: Launched; None: a new one.
            save_every_s: Seconds between checkpoints, besides those at each measurement and at the end.
            request: Looked at after each step; None: nobody asks to stop.
        """
        self.stage, self.folder, self.save_every_s = stage, folder, save_every_s
        self.fabric, self.request = fabric or new_fabric(), request or StopRequest()
        self._log = StepLog(folder)
        self.learners = [
            Learner("model", stage.model, stage.parameter_groups(), stage.losses, self.fabric),
            *self._critics(stage),
        ]
        self.average = WeightAverage(stage.model, stage.ema_decay)
        self.step, self.best, self.history = 0, -math.inf, list[dict[str, float]]()

    def _critics(self, stage: TrainingStage[M]) -> list[Learner]:
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
            TrainingError: The loss is no longer finite, the disk is full, or more steps are done than the
                schedule has. The last good checkpoint stays.
            TrainingStoppedError: It was asked to stop, and has; all processes agree on the step.
        """
        self.resume()
        end = min(stop_after or self.stage.schedule.steps, self.stage.schedule.steps)
        with StageProgress(
            self.stage.name, self.stage.schedule.steps, self.step, shown=self._shown(end)
        ) as progress:
            self._train_to(end, progress)
        self.fabric.barrier()

    def _shown(self, end: int) -> bool:
        return self.fabric.is_global_zero and self.step < end

    def _train_to(self, end: int, progress: StageProgress) -> None:
        if self._is_due and not self._is_measured:  # stopped while it measured
            self._measure()
        if self.step >= end:
            self.stop_if_asked()  # what comes after this stage shall not begin
            return
        saved_at = time.monotonic()
        for batch in self.stage.batches(self.step, share_of(self.fabric)):
            values = self._train_step(self.fabric.to_device(batch))
            progress.update(self.step, values, self.history[-1]["score"] if self.history else None)
            if self._is_due:
                self._measure()
            stopped = self._agree_to_stop()
            last = stopped or self.step >= end
            if last or time.monotonic() - saved_at > self.save_every_s:
                self.save()
                saved_at = time.monotonic()
            if stopped:
                raise self._stopped()
            if last:
                break

    @property
    def _is_due(self) -> bool:
        """Whether the step last done is one to measure after."""
        at_end = self.step == self.stage.schedule.steps
        return at_end or (self.step > 0 and self.step % self.stage.validate_every == 0)

    @property
    def _is_measured(self) -> bool:
        return bool(self.history) and self.history[-1]["step"] == self.step

    def _measure(self) -> None:
        """Measure on val; what was learnt outlives a measurement that is cut short."""
        self.save()
        self._validate()
        self.save()

    def stop_if_asked(self) -> None:
        """End here where any process was asked to; called by all of them.

        Raises:
            TrainingStoppedError: It was.
        """
        if self._agree_to_stop():
            raise self._stopped()

    def _agree_to_stop(self) -> bool:
        """Whether any process was asked to; the same in all of them."""
        asked = torch.tensor(float(self.request.number > 0), device=self.fabric.device)
        total: Any = self.fabric.all_reduce(asked, reduce_op="sum")
        return float(total) > 0

    def _stopped(self) -> TrainingStoppedError:
        return TrainingStoppedError(
            f"{self.stage.name}: stopped by {self.request.name} after step {self.step} of "
            f"{self.stage.schedule.steps}, saved in {self.checkpoint_path}; "
            "the same command goes on from there",
            self.request.number or signal.SIGTERM,
        )

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
        self._write({"step": self.step, "lr": factor * self.learners[0].base_lr[-1], **means})
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
            self._write({"validation": measures})
            self._remark()
            self._keep_best(measures)
        self.fabric.barrier()

    def _remark(self) -> None:
        remark = self.stage.remark()
        if remark is not None:
            _LOG.warning("%s, step %d: %s", self.stage.name, self.step, remark)
            self._write({"remark": {"step": self.step, "text": remark}})

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
        if self.checkpoint_path.exists():
            self._load()
        if self.fabric.is_global_zero:
            self._log.truncate(self.step, {int(measured["step"]) for measured in self.history})

    def _load(self) -> None:
        tensors, counters = checkpoint.load(self.checkpoint_path)
        if counters["step"] > self.stage.schedule.steps:
            raise TrainingError(
                f"{self.folder}: {counters['step']} steps are done, and the schedule now ends at "
                f"{self.stage.schedule.steps}: lengthen it, or start the stage anew with --fresh "
                f"{self.stage.name}"
            )
        checkpoint.load_model(self.average.model, tensors, "average", self.checkpoint_path)
        for learner in self.learners:
            learner.unpack(tensors, self.checkpoint_path)
        self.step, self.best, self.history = counters["step"], counters["best"], counters["history"]

    def load_best(self) -> M:
        """The averaged model with the best score, in evaluation mode."""
        tensors, _ = checkpoint.load(self.best_path)
        checkpoint.load_model(self.average.model, tensors, "model", self.best_path)
        self.average.model.eval()
        return self.average.model

    def _write(self, entry: Mapping[str, Any]) -> None:
        if self.fabric.is_global_zero:
            self._log.append(entry)


def _seed(seed: int, step: int, rank: int) -> int:
    """Of a step's randomness: a run that was stopped needs no random state to go on as if it had not been."""
    return int(np.random.SeedSequence([seed, step, rank]).generate_state(1)[0])
