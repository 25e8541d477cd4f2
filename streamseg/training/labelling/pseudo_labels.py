"""Pictures labelled by packages (pseudo-labels, Lee 2013): engines run, votes merged, results written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from streamseg.errors import EngineError, TrainingError
from streamseg.inference.engine import InferenceEngine, Masks
from streamseg.training.config.recipe_data import IGNORE
from streamseg.training.data.unlabelled import Still, read_still
from streamseg.training.evaluation.evaluator import resize_mask
from streamseg.training.labelling.agreement import AgreementRules, LabelMerger
from streamseg.training.labelling.class_maps import Teacher
from streamseg.training.labelling.folder import LabelFolder, image_bytes
from streamseg.training.loop.interruption import StopRequest
from streamseg.training.loop.progress import StageProgress
from streamseg.types import BOOL, U8


class PictureLabeller:
    """Labels single pictures by what several packages say.

    Args:
        teachers: The packages and what their classes stand for.
        engines: Their engines, in the same order; used by this thread alone.
        rules: When a pixel counts.

    Raises:
        TrainingError: A package that is held to a minimum confidence gives none.
    """

    def __init__(
        self, teachers: Sequence[Teacher], engines: Sequence[InferenceEngine], rules: AgreementRules
    ) -> None:
        self._teachers, self._engines = teachers, engines
        self._merger = LabelMerger([teacher.stands_for for teacher in teachers], rules)
        for teacher, engine in zip(teachers, engines, strict=True):
            if teacher.min_confidence > 0 and _black_picture(engine).confidence is None:
                raise TrainingError(
                    f"{teacher.name}: the package gives no confidence: it cannot have a min_confidence"
                )

    def label(self, image: U8) -> U8:
        """Target class ids of a picture, 255 where it has no label.

        Each package sees the picture at its own size; its mask is enlarged to the picture's, as
        `streamseg evaluate` does.

        Args:
            image: RGB `[H, W, 3]` uint8, of any size.

        Returns:
            `[H, W]` uint8.

        Raises:
            EngineError: A package fails on it.
        """
        sizes = [engine.package.manifest.size_wh for engine in self._engines]
        scaled = [cv2.resize(image, size, interpolation=cv2.INTER_AREA) for size in sizes]
        runs = [engine.start(one[None]) for engine, one in zip(self._engines, scaled, strict=True)]
        masks = [run.readout() for run in runs]
        labels = [resize_mask(one.labels[0], image.shape[:2]) for one in masks]
        confident = [
            _confident(one, teacher.min_confidence, image.shape[:2])
            for one, teacher in zip(masks, self._teachers, strict=True)
        ]
        return self._merger.merge(labels, confident)


def _confident(masks: Masks, least: float, shape: tuple[int, ...]) -> BOOL:
    if masks.confidence is None or least <= 0:
        return np.ones(shape, np.bool_)
    reached: BOOL = resize_mask(masks.confidence[0], shape) >= round(255 * least)
    return reached


def _black_picture(engine: InferenceEngine) -> Masks:
    width, height = engine.package.manifest.size_wh
    return engine.start(np.zeros((1, height, width, 3), np.uint8)).readout()


def label_pictures(
    labeller: PictureLabeller,
    folder: LabelFolder,
    planned: Mapping[str, Still],
    request: StopRequest,
    progress: StageProgress,
) -> list[str]:
    """Label pictures one by one until all are done or somebody asks to stop.

    Args:
        labeller: What labels them.
        folder: Where they go.
        planned: The pictures by name.
        request: Looked at after each picture.
        progress: Shows how many are done, and the share that has a label.

    Returns:
        A line for each picture that could not be read or labelled; they are left out.

    Raises:
        TrainingError: The folder cannot be written.
    """
    failures = []
    labelled = pixels = 0
    for number, (name, still) in enumerate(planned.items(), start=1):
        if request.number:
            break
        try:
            image = read_still(still)
            labels, content = labeller.label(image), image_bytes(still, image)
        except TrainingError as error:
            failures.append(str(error))
            continue
        except (EngineError, OSError) as error:
            failures.append(f"{still}: {error}")
            continue
        folder.write(name, content, labels)
        labelled, pixels = labelled + int(np.count_nonzero(labels != IGNORE)), pixels + labels.size
        progress.update(number, {"labelled": labelled / pixels}, None)
    return failures
