"""The teacher at the segmenter's side."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from streamseg.errors import TrainingError
from streamseg.training.config.recipe import Recipe
from streamseg.training.config.stage_config import TeacherRecipe
from streamseg.training.loop import checkpoint
from streamseg.training.losses import distillation
from streamseg.training.networks.checkpoint_networks import new_segmenter
from streamseg.training.networks.distillation import Teacher
from streamseg.training.stages.segment import SegmentStage


@pytest.fixture
def stage(recipe: Recipe, tmp_path: Path) -> Path:
    """The folder of a wider network's stage, as a run leaves it."""
    wider = recipe.model_copy(update={"segment": recipe.segment.model_copy(update={"width": 24})})
    tensors = checkpoint.pack("average", new_segmenter(wider, pretrained=False).state_dict())
    checkpoint.save(tmp_path / "wide/checkpoint.safetensors", tensors, {"step": 1})
    settings = wider.model_dump(mode="json", include={"classes", "segment"})
    (tmp_path / "wide/recipe.json").write_text(json.dumps(settings))
    return tmp_path / "wide"


def taught(recipe: Recipe, stage: Path, **settings: float) -> Recipe:
    teacher = TeacherRecipe(stages=[stage], **settings)
    return recipe.model_copy(update={"segment": recipe.segment.model_copy(update={"teacher": teacher})})


def test_its_scores_are_a_weighted_term(recipe: Recipe, stage: Path) -> None:
    student = SegmentStage(taught(recipe, stage, weight=0.5, temperature=3))
    student.model.eval()
    image, label = next(student.batches(0))
    terms, logits = student.losses((image, label)), student.model(image)
    assert list(terms) == ["ce", "teacher"]
    assert student.teacher is not None
    expected = distillation(logits, student.teacher(image), 3)
    assert terms["teacher"].item() == pytest.approx(0.5 * expected.item(), rel=1e-4)
    assert expected.item() > 1e-5


def test_it_does_not_learn(recipe: Recipe, stage: Path) -> None:
    student = SegmentStage(taught(recipe, stage))
    total = torch.stack(list(student.losses(next(student.batches(0))).values())).sum()
    total.backward()  # type: ignore[no-untyped-call]
    assert student.teacher is not None
    (network,) = student.teacher._networks
    assert network.classifier.in_channels == 24  # its own width
    assert not network.training
    assert all(p.grad is None and not p.requires_grad for p in network.parameters())
    assert not [name for name, _ in student.model.named_parameters() if "teacher" in name]


def test_it_may_see_larger_pictures(recipe: Recipe, stage: Path) -> None:
    image = torch.randint(0, 256, (1, 3, 48, 64), dtype=torch.uint8)
    teacher = Teacher(TeacherRecipe(stages=[stage], scale=1.5), recipe)
    assert teacher(image).shape == (1, 3, 18, 24)


def test_several_teach_by_their_mean(recipe: Recipe, stage: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "recipe.json").write_text((stage / "recipe.json").read_text())
    tensors, counters = checkpoint.load(stage / "checkpoint.safetensors")
    changed = {name: t.roll(1, 0) if name.endswith("classifier.weight") else t for name, t in tensors.items()}
    checkpoint.save(other / "checkpoint.safetensors", changed, counters)
    image = torch.randint(0, 256, (1, 3, 48, 64), dtype=torch.uint8)
    each, both = [[stage], [other]], [stage, other]
    first, second = (Teacher(TeacherRecipe(stages=one), recipe)(image).softmax(1) for one in each)
    mean = Teacher(TeacherRecipe(stages=both), recipe)(image).softmax(1)
    assert not torch.allclose(first, second, atol=1e-3)
    assert torch.allclose(mean, (first + second) / 2, atol=1e-5)


def test_what_is_no_teacher_is_said(recipe: Recipe, stage: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"segment.teacher: .*json does not describe a run: train"):
        Teacher(TeacherRecipe(stages=[tmp_path / "nowhere"]), recipe)
    other = recipe.model_copy(update={"classes": recipe.classes[:2]})
    with pytest.raises(TrainingError, match="was made for other classes: ground, disc, bar"):
        Teacher(TeacherRecipe(stages=[stage]), other)
    (stage / "checkpoint.safetensors").unlink()
    with pytest.raises(TrainingError, match="holds no checkpoint"):
        Teacher(TeacherRecipe(stages=[stage]), recipe)
