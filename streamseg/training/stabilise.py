"""The second stage: train the stabiliser on the frozen segmenter, on clips filmed from stills."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 the name torch's own documentation uses
from torch import Tensor

from streamseg.models.rnn import RNNStabiliser
from streamseg.models.segmenter import Segmenter
from streamseg.models.stabiliser import ConvGRUStabiliser, Stabiliser, warp
from streamseg.temporal.motion import Motion, luma_of
from streamseg.training import losses, metrics
from streamseg.training.camera import cells
from streamseg.training.clips import film
from streamseg.training.data import class_shares, find_pairs, labelling_of, read_pair
from streamseg.training.fit import Schedule
from streamseg.training.loader import Order, Sample, batches
from streamseg.training.recipe import Recipe

PATCH = 6  # cells a side of the errors added to the scores


class StabiliseStage:
    """Cross-entropy on every frame, warping consistency between neighbours; the segmenter does not learn."""

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
        self.recipe, self.settings = recipe, recipe.stabilise
        self.labelling = labelling_of(recipe)
        self.train, self.val = find_pairs(recipe.data.train), find_pairs(recipe.data.val)
        self.segmenter = segmenter.eval().requires_grad_(requires_grad=False)
        torch.manual_seed(recipe.seed)
        self.model: Stabiliser = new_stabiliser(recipe)
        self.moving = recipe.class_ids(self.settings.moving)
        shares = torch.from_numpy(class_shares(self.train, self.labelling)).float()
        self.weights = losses.class_weights(shares)
        self.schedule = Schedule(self.settings.steps, self.settings.warmup_steps)
        self.validate_every = max(self.settings.steps // 2, 1)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """One group: the network is small."""
        return [{"params": list(self.model.parameters()), "lr": self.settings.lr, "weight_decay": 1e-4}]

    def batches(self, first_step: int) -> Iterator[Any]:
        """The fields of `Clip`, stacked: `[N, T, …]`."""
        order = Order(len(self.train), self.recipe.seed + 1)
        clips, steps = self.settings.clips, self.settings.steps
        return batches(order, self._sample, batch=clips, first_step=first_step, steps=steps)

    def _sample(self, index: int, rng: np.random.Generator) -> Sample:
        chosen = iter([index])

        def read(rng: np.random.Generator) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
            return read_pair(self.train[next(chosen, int(rng.integers(len(self.train))))], self.labelling)

        clip = film(read, self.settings, self.recipe.size, rng, self.moving)
        return tuple(torch.from_numpy(field) for field in astuple(clip))

    def losses(self, batch: Any) -> dict[str, Tensor]:
        """Run the clips frame by frame, memory passed along."""
        images, labels, guides, flows, truth, known, joined = batch
        logits = _unsure(self._logits(images), self.settings.unsure)
        memory = torch.zeros(len(images), self.model.memory_channels, *logits.shape[-2:])
        terms, probabilities = list[Tensor](), list[Tensor]()
        for t in range(images.shape[1]):
            kept = joined[:, t] & (torch.rand(len(images)) >= self.settings.dropout)
            # A cut is found by the daemon most of the time; half the time the network must find it.
            told = kept | (~joined[:, t] & (torch.rand(len(images)) < 0.5) & (t > 0))
            memory = self.model.step(
                logits[:, t], guides[:, t], flows[:, t], memory * told[:, None, None, None]
            )
            scores = self.model.scores(memory)
            probabilities.append(scores.softmax(1))
            terms.append(losses.cross_entropy(scores, labels[:, t], self.weights))
        known &= joined[:, :, None, None, None]
        consistency = self._consistency(probabilities, truth, known)
        return {"ce": torch.stack(terms).mean(), "warp": self.settings.consistency * consistency}

    @torch.no_grad()
    def _logits(self, images: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            logits: Tensor = self.segmenter(images.permute(0, 1, 4, 2, 3))
        return logits.float()

    def _consistency(self, probabilities: list[Tensor], truth: Tensor, known: Tensor) -> Tensor:
        parts = []
        for t in range(1, len(probabilities)):
            before, now = probabilities[t - 1], probabilities[t]
            inside = warp(torch.ones_like(before[:, :1]), truth[:, t]) > 0.99
            same = (inside & known[:, t]).float()
            parts.append(losses.warping_consistency(now, warp(before, truth[:, t]), same))
        return torch.stack(parts).mean()

    def validate(self, model: Stabiliser) -> dict[str, float]:
        """MIoU on the val pictures as a clip and, where they are one, steadiness; the score weighs both."""
        confusion, steady = self._play(model)
        measures = {
            "miou": confusion.mean_iou,
            "flicker": steady.flicker,
            "temporal_iou": steady.temporal_iou,
        }
        return {"score": confusion.mean_iou - 10 * steady.flicker, **measures}

    @torch.inference_mode()
    def _play(self, model: Stabiliser) -> tuple[metrics.Confusion, metrics.Steadiness]:
        confusion, steady = metrics.Confusion(model.classes), metrics.Steadiness(model.classes)
        motion, size = Motion(cells(self.recipe.size)), self.recipe.size
        memory = torch.zeros(1, model.memory_channels, *reversed(cells(size)))
        last: Any = None
        for pair in self.val:
            image, label = read_pair(pair, self.labelling)
            image = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
            label = cv2.resize(label, size, interpolation=cv2.INTER_NEAREST)
            luma = luma_of(image, size)
            flow = motion.still() if last is None else motion.flow(luma, last[0])
            logits = self._logits(torch.from_numpy(image)[None, None])[:, 0]
            labels, _, memory = model(
                logits, torch.from_numpy(motion.guide(luma)), torch.from_numpy(flow), memory
            )
            prediction = labels[0].numpy()
            confusion.add(label, prediction)
            if last is not None and self.recipe.data.val_is_clip:
                steady.add(metrics.measure_motion(last[1], image), (last[2], last[3]), (label, prediction))
            last = (luma, image, label, prediction)
        return confusion, steady


def _unsure(logits: Tensor, strength: float) -> Tensor:
    """Scores `[N, T, C, h, w]` as of pictures never seen: flatter, with patchy errors, new in each frame."""
    clips, frames, classes, h, w = logits.shape
    scale = 1 - 0.5 * strength * torch.rand(clips, 1, 1, 1, 1)
    patches = torch.randn(clips * frames, classes, -(-h // PATCH), -(-w // PATCH))
    errors = F.interpolate(patches, size=(h, w), mode="bilinear").view_as(logits)
    return logits * scale + errors * 1.5 * strength * torch.rand(clips, 1, 1, 1, 1)


def new_stabiliser(recipe: Recipe) -> Stabiliser:
    """The network a recipe describes."""
    settings, classes = recipe.stabilise, len(recipe.classes)
    if settings.cell == "rnn":
        return RNNStabiliser(classes, hidden=settings.hidden)
    return ConvGRUStabiliser(classes, hidden=settings.hidden, width=settings.width)
