"""Train the stabiliser on the frozen segmenter, on clips filmed from stills."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 the name torch's own documentation uses
from torch import Tensor

from streamseg.networks.discriminator import TemporalDiscriminator
from streamseg.networks.rnn import RNNStabiliser
from streamseg.networks.segmenter import Segmenter
from streamseg.networks.stabiliser import ConvGRUStabiliser, Stabiliser, warp
from streamseg.temporal.optical_flow import OpticalFlow, luma_of
from streamseg.training import losses
from streamseg.training.augment.camera_motion import cells
from streamseg.training.augment.synthetic_clips import film
from streamseg.training.config.recipe import Recipe
from streamseg.training.data.dataset import main_dataset
from streamseg.training.data.loader import Sample, batches
from streamseg.training.data.train_pictures import TrainPictures
from streamseg.training.evaluation import metrics
from streamseg.training.loop.amp import autocast
from streamseg.training.loop.base import Schedule, TrainingStage
from streamseg.training.loop.distributed import ALONE, Share
from streamseg.training.stages.adversarial_loss import AdversarialLoss, drawn_map
from streamseg.training.stages.segment import members_of

PATCH = 6  # cells a side of the errors added to the scores


class StabiliseStage(TrainingStage[Stabiliser]):
    """Cross-entropy on every frame, warping consistency between neighbours; the segmenter does not learn.

    With a critic, pairs of neighbouring maps should also pass as drawn by a person.
    """

    name = "stabilise"
    ema_decay = 0.98

    def __init__(self, recipe: Recipe, segmenter: Segmenter) -> None:
        """Find the data and build the network.

        Args:
            recipe: The run.
            segmenter: Trained; put in evaluation mode and frozen.

        Raises:
            TrainingError: The data cannot be used.
        """
        super().__init__()
        self.recipe, self.settings, self.seed = recipe, recipe.stabilise, recipe.seed + 1
        self.train, self.val = TrainPictures(recipe, self.settings.sets), main_dataset(recipe)
        self.segmenter = segmenter.eval().requires_grad_(requires_grad=False)
        torch.manual_seed(recipe.seed)
        self.model = new_stabiliser(recipe)
        self.judging = self._new_judging()
        self.moving = recipe.class_ids(self.settings.moving)
        self.members = members_of(self.train.space)
        shares = torch.from_numpy(self.train.shares()).float()
        self.weights = losses.class_weights(shares, self.members)
        self.schedule = Schedule(self.settings.steps, self.settings.warmup_steps)
        self.validate_every = max(self.settings.steps // 2, 1)

    def _new_judging(self) -> AdversarialLoss | None:
        if self.settings.critic is None:
            return None
        self.critic = TemporalDiscriminator(len(self.recipe.classes))
        return AdversarialLoss(self.critic, self.settings.critic)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """One group: the network is small."""
        return [{"params": list(self.model.parameters()), "lr": self.settings.lr, "weight_decay": 1e-4}]

    def batches(self, first_step: int, share: Share = ALONE) -> Iterator[Any]:
        """The fields of `Clip`, stacked: `[N, T, …]`."""
        order = self.train.order(self.seed)
        clips, steps = self.settings.clips, self.settings.steps
        return batches(order, self._sample, batch=clips, first_step=first_step, steps=steps, share=share)

    def _sample(self, index: int, rng: np.random.Generator) -> Sample:
        chosen = iter([index])

        def read(rng: np.random.Generator) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
            return self.train.read(next(chosen, int(rng.integers(len(self.train)))))

        clip = film(read, self.settings, self.recipe.size, rng, self.moving)
        return tuple(torch.from_numpy(field) for field in astuple(clip))

    def losses(self, batch: Any) -> dict[str, Tensor]:
        """Run the clips frame by frame, memory passed along."""
        images, labels, guides, flows, truth, known, joined = batch
        logits = _unsure(self._logits(images), self.settings.unsure)
        with torch.autocast(logits.device.type, enabled=False):  # flow needs more bits than bfloat16 has
            scores = self._run(logits, guides, flows, joined)
            terms = [
                losses.cross_entropy(s, labels[:, t], self.weights, members=self.members)
                for t, s in enumerate(scores)
            ]
            maps = [s.softmax(1) for s in scores]
            now, before = _pairs(maps, truth)
            same = _same(truth, known & joined[:, :, None, None, None])
            consistency = losses.warping_consistency(now, before, same)
        values = {"ce": torch.stack(terms).mean(), "warp": self.settings.consistency * consistency}
        if self.judging is not None:
            values["fool"] = self._fool(self.judging, maps, labels, truth, same)
        return values

    def _run(self, logits: Tensor, guides: Tensor, flows: Tensor, joined: Tensor) -> list[Tensor]:
        """Scores `[N, C, h, w]` of every frame."""
        clips, device = len(logits), logits.device
        memory = torch.zeros(clips, self.model.memory_channels, *logits.shape[-2:], device=device)
        scores = list[Tensor]()
        for t in range(logits.shape[1]):
            kept = joined[:, t] & (torch.rand(clips, device=device) >= self.settings.dropout)
            # A cut is found by the daemon most of the time; half the time the network must find it.
            told = kept | (~joined[:, t] & (torch.rand(clips, device=device) < 0.5) & (t > 0))
            memory = self.model.step(
                logits[:, t], guides[:, t], flows[:, t], memory * told[:, None, None, None]
            )
            scores.append(self.model.scores(memory))
        return scores

    def _fool(
        self, judging: AdversarialLoss, maps: list[Tensor], labels: Tensor, truth: Tensor, same: Tensor
    ) -> Tensor:
        """The loss of pairs of maps for not passing as drawn ones; both are judged where both are known."""
        size = maps[0].shape[-2], maps[0].shape[-1]
        drawn, labelled = zip(
            *(drawn_map(m, losses.subsample(labels[:, t], size)) for t, m in enumerate(maps)), strict=True
        )
        counts = (same > 0) & torch.cat(labelled[1:])
        return judging.fool((*_pairs(maps, truth), same), (*_pairs(drawn, truth), same), counts, self.step)

    def critic_groups(self) -> list[dict[str, Any]]:
        """One group; none without a critic."""
        if self.critic is None or self.settings.critic is None:
            return []
        parameters = list(self.critic.parameters())
        return [{"params": parameters, "lr": self.settings.critic.lr, "weight_decay": 0.0}]

    def critic_losses(self, batch: Any) -> dict[str, Tensor]:
        """How far its verdicts are from the truth, on the pairs the stabiliser just made."""
        assert self.judging is not None, "there is a critic"  # noqa: S101 asked for by the loop alone
        terms = self.judging.losses()
        self.noted["critic_accuracy"] = torch.tensor(self.judging.accuracy, device=batch[0].device)
        return terms

    def remark(self) -> str | None:
        """That the discriminator has collapsed, if there is one and it has."""
        return self.judging.remark() if self.judging is not None else None

    @torch.no_grad()
    def _logits(self, images: Tensor) -> Tensor:
        with autocast(images.device.type):
            logits: Tensor = self.segmenter.to(images.device)(images.permute(0, 1, 4, 2, 3))
        return logits.float()

    def validate(self, model: Stabiliser) -> dict[str, float]:
        """MIoU on the val pictures; where they are a clip also steadiness, and the score weighs both."""
        confusion, steady = self._play(model)
        if not self.recipe.data.val_is_clip:
            return {"score": confusion.mean_iou, "miou": confusion.mean_iou}
        measures = {
            "miou": confusion.mean_iou,
            "flicker": steady.flicker,
            "temporal_iou": steady.temporal_iou,
        }
        return {"score": confusion.mean_iou - 10 * steady.flicker, **measures}

    @torch.inference_mode()
    def _play(self, model: Stabiliser) -> tuple[metrics.Confusion, metrics.TemporalConsistency]:
        classes = [c.name for c in self.recipe.classes]
        data = self.val.matched(classes)
        measured = len(data.classes(classes))
        confusion, steady = metrics.Confusion(measured), metrics.TemporalConsistency(measured)
        motion, size = OpticalFlow(cells(self.recipe.size)), self.recipe.size
        device = next(model.parameters()).device
        memory = nothing = torch.zeros(1, model.memory_channels, *reversed(cells(size)), device=device)
        last: Any = None
        for pair in data.pairs:
            image, label = data.read(pair, len(classes))
            image = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
            label = cv2.resize(label, size, interpolation=cv2.INTER_NEAREST)
            luma = luma_of(image, size)
            flow = motion.still() if last is None else motion.flow(luma, last[0])
            logits = self._logits(torch.from_numpy(image)[None, None].to(device))[:, 0]
            guide = torch.from_numpy(motion.guide(luma)).to(device)
            labels, _, memory = model(logits, guide, torch.from_numpy(flow).to(device), memory)
            prediction = labels[0].numpy(force=True)
            if data.map is not None:
                prediction = data.map.measured(prediction, label)
            confusion.add(label, prediction)
            if not self.recipe.data.val_is_clip:
                memory = nothing  # a still has no past
                continue
            if last is not None:
                steady.add(metrics.measure_motion(last[1], image), (last[2], last[3]), (label, prediction))
            last = (luma, image, label, prediction)
        return confusion, steady


def _unsure(logits: Tensor, strength: float) -> Tensor:
    """Scores `[N, T, C, h, w]` as of pictures never seen: flatter, with patchy errors, new in each frame."""
    clips, frames, classes, h, w = logits.shape
    scale, size = (torch.rand(clips, 1, 1, 1, 1, device=logits.device) for _ in range(2))
    patches = torch.randn(clips * frames, classes, -(-h // PATCH), -(-w // PATCH), device=logits.device)
    errors = F.interpolate(patches, size=(h, w), mode="bilinear").view_as(logits)
    return logits * (1 - 0.5 * strength * scale) + errors * 1.5 * strength * size


def _pairs(maps: Sequence[Tensor], truth: Tensor) -> tuple[Tensor, Tensor]:
    """Every map but the first, and the one before it carried along: `[(T - 1) · N, C, h, w]` each."""
    before = [warp(earlier, truth[:, t]) for t, earlier in enumerate(maps[:-1], 1)]
    return torch.cat(list(maps[1:])), torch.cat(before)


def _same(truth: Tensor, known: Tensor) -> Tensor:
    """1 where a cell of a pair shows what its earlier frame showed too, `[(T - 1) · N, 1, h, w]`."""
    inside = [warp(torch.ones_like(flow[:, :1]), flow) > 0.99 for flow in truth.unbind(1)[1:]]
    return (torch.cat(inside) & torch.cat(known.unbind(1)[1:])).float()


def new_stabiliser(recipe: Recipe) -> Stabiliser:
    """The network a recipe describes."""
    settings, classes = recipe.stabilise, len(recipe.classes)
    if settings.cell == "rnn":
        return RNNStabiliser(classes, hidden=settings.hidden)
    return ConvGRUStabiliser(classes, hidden=settings.hidden, width=settings.width)
