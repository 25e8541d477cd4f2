"""All of it: quantise a package's segmenter, leave in float what must stay so, measure, write.

Only the segmenter is quantised. The stabiliser's memory and the coordinates it samples at must be exact, and
convolutions are a quarter of its time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from streamseg.errors import TrainingError
from streamseg.inference.backend import BackendName, Precision
from streamseg.inference.backends.registry import cpu_backends, load_engine
from streamseg.inference.engine import InferenceEngine
from streamseg.inference.packages.manifest import INT8_FILE, GraphFile, GraphRole, Int8
from streamseg.inference.packages.package import Package
from streamseg.quantise.accuracy import AccuracyMetric, by_agreement, by_labels
from streamseg.quantise.compare import Row, compare
from streamseg.quantise.frames import evenly
from streamseg.quantise.layer_search import Settled, find_float_layers
from streamseg.quantise.quantiser import Quantiser
from streamseg.quantise.sensitivity import worst_first
from streamseg.quantise.staging import StagedPackage, drafted
from streamseg.training.data.dataset import Dataset
from streamseg.types import U8

ALLOWED = {"miou": 0.5, "agreement": 2.0}  # points of each that may be lost, unless the user says otherwise
HELD_OUT = 5  # without labels, every so-manieth picture judges and does not calibrate
TELLING = 4  # pictures that tell how harmful a layer is

Step = Callable[[str, int], Callable[[], None]]  # what begins, of how many parts → called after each part


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What came of it.

    Attributes:
        package: Where it lies, with its graph in int8.
        rows: Backends and precisions side by side.
    """

    package: Package
    rows: Sequence[Row]


def calibrate(
    package: Package,
    pictures: Sequence[U8],
    folder: Path,
    step: Step,
    *,
    data: Dataset | None = None,
    allowed: float | None = None,
) -> Calibrated:
    """Make a package that also runs in int8.

    Args:
        package: In float.
        pictures: To calibrate on, at the network's size.
        folder: Where the new package goes; an older one there is replaced when the new one is whole.
        step: Told of every part of the work.
        data: Labelled pictures that judge; None: some of the pictures do, by agreement with float.
        allowed: Points that int8 may cost; None: see `ALLOWED`.

    Raises:
        PackageError, EngineError: The package cannot be quantised or run.
        TrainingError: It cannot be done within what is allowed, or not be written.
    """
    classes = len(package.manifest.classes)
    if data is not None:
        judge, learnt = by_labels(data, [c.name for c in package.manifest.classes]), list(pictures)
    else:
        judge = by_agreement(pictures[HELD_OUT - 1 :: HELD_OUT], classes)
        learnt = [picture for i, picture in enumerate(pictures) if i % HELD_OUT != HELD_OUT - 1]
    limit = ALLOWED[judge.measure] if allowed is None else allowed
    with drafted(package, folder) as draft:
        bench = _Bench(package, learnt, draft, judge, limit, step)
        settled = bench.find_float_layers()
        if settled is None:
            raise TrainingError(
                f"{package.manifest.name}: costs more than {limit:g} points even with one layer in int8; "
                "nothing was written. More pictures, or a larger --max-loss, may help"
            )
        made = bench.put(settled.left, settled.loss)
        rows = compare(made, judge, draft.workplace, tell=step("comparing precisions", 0))
        return Calibrated(draft.finish(made), rows)


class _Bench:
    """A segmenter and all that is needed to try it with these or those layers in float."""

    def __init__(
        self,
        package: Package,
        pictures: Sequence[U8],
        draft: StagedPackage,
        judge: AccuracyMetric,
        allowed: float,
        step: Step,
    ) -> None:
        self._draft, self._judge, self._allowed, self._step = draft, judge, allowed, step
        self._pictures = pictures
        self._backend = cast("BackendName", cpu_backends()[0].name)
        graph = package.path / package.graphs[GraphRole.SEGMENTER].file
        tell = step("measuring ranges", len(pictures))
        self._quantiser = Quantiser(graph, pictures, draft.workplace, tell)
        with closing(self._engine(package, "f32")) as engine:
            judge.refer(engine)

    def find_float_layers(self) -> Settled | None:
        """Leave in float what must stay so."""
        tell = self._step("judging int8", 0)

        def loss_of(left: Sequence[str]) -> float:
            package = self.put(left, 0.0)
            with closing(self._engine(package, "int8")) as engine:
                loss = self._judge.loss(self._judge.score(engine))
            tell()
            return loss

        return find_float_layers(loss_of, self._worst_first, self._allowed)

    def put(self, left: Sequence[str], loss: float) -> Package:
        """The package with these layers in float."""
        record = Int8(
            segmenter=GraphFile(file=INT8_FILE, sha256="0" * 64),
            measure=self._judge.measure,
            loss=round(loss, 4),
            allowed=self._allowed,
            frames=len(self._pictures),
            float_layers=tuple(left),
        )
        return self._draft.put(self._quantiser.quantised(left), record)

    def _worst_first(self) -> list[str]:
        telling = [self._pictures[index] for index in evenly(len(self._pictures), TELLING)]
        tell = self._step("finding the layers that quantise worst", len(self._quantiser.layers))
        return worst_first(self._quantiser, telling, tell)

    def _engine(self, package: Package, precision: Precision) -> InferenceEngine:
        # compiled graphs of trials are nothing to keep
        return load_engine(package, self._backend, precision, cache_dir=self._draft.workplace / "compiled")
