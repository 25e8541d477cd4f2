"""`streamseg label`: pictures labelled by packages, and what came of it told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing

from rich.console import Console

from streamseg.errors import TrainingError
from streamseg.inference.backends.registry import load_engine
from streamseg.inference.engine import InferenceEngine
from streamseg.training.data.labels import few
from streamseg.training.data.unlabelled import Still
from streamseg.training.evaluation import text_tables
from streamseg.training.labelling.class_maps import Teacher
from streamseg.training.labelling.contact_sheet import write_contact_sheet
from streamseg.training.labelling.folder import LabelFolder, discard
from streamseg.training.labelling.job import LabelJob, LabelOptions, prepare
from streamseg.training.labelling.pseudo_labels import PictureLabeller, label_pictures
from streamseg.training.labelling.record import LOCK_NAME, read_record
from streamseg.training.loop.interruption import StopRequest, TrainingStoppedError, stop_on_signals
from streamseg.training.loop.progress import StageProgress
from streamseg.training.loop.run_lock import run_lock


def label(options: LabelOptions, console: Console | None = None) -> None:
    """Label pictures by packages and show how much of them is labelled.

    Raises:
        ConfigError: Packages, classes or rules cannot be used; every problem found, the pictures' too.
        TrainingError: No usable pictures, a folder that cannot be used or written, some pictures that could
            not be read (all others are labelled), or no pixel that is labelled.
        EngineError: A package cannot be loaded.
        TrainingStoppedError: SIGINT or SIGTERM came; the picture in hand is done.
    """
    console = console or Console()
    job = prepare(options)
    read_record(options.out)  # refused before there is a lock in somebody else's folder
    with (
        run_lock(options.out / LOCK_NAME, "give another --out"),
        stop_on_signals(alone=True, unit="picture") as request,
    ):
        if options.fresh and (deleted := discard(options.out)):
            console.print(deleted, markup=False, highlight=False)
        folder = LabelFolder(options.out, job.settings)
        planned = folder.plan(job.stills)
        failures = _run(options, job, folder, planned, request, console)
        if folder.coverage().labelled:
            _report(job, folder, len(planned) - len(failures), console)
    if problems := [*_unlabelled(folder), *_left_out(failures)]:
        raise TrainingError("\n".join(problems))


def _run(
    options: LabelOptions,
    job: LabelJob,
    folder: LabelFolder,
    planned: Mapping[str, Still],
    request: StopRequest,
    console: Console,
) -> list[str]:
    """Label what is planned; a line for each picture that could not be."""
    if not planned:
        return []
    with ExitStack() as stack:
        engines = [
            stack.enter_context(closing(load_engine(one.package, options.backend, options.precision)))
            for one in job.teachers
        ]
        computed_on = _computed_on(job.teachers, engines)
        for name, where in computed_on.items():
            console.print(f"{name} on {where}", markup=False, highlight=False)
        labeller = PictureLabeller(job.teachers, engines, job.rules)
        shown = console.is_terminal
        with StageProgress("label", len(planned), 0, shown=shown, console=console) as progress:
            failures = label_pictures(labeller, folder, planned, request, progress)
    folder.save(computed_on)
    if request.number:
        done = folder.coverage().pictures
        message = (
            f"{options.out}: stopped, {done:,} pictures are labelled; the same command goes on from there"
        )
        raise TrainingStoppedError(message, request.number)
    return failures


def _computed_on(teachers: Sequence[Teacher], engines: Sequence[InferenceEngine]) -> dict[str, str]:
    infos = (engine.info for engine in engines)
    return {
        teacher.name: f"{info.backend} {info.version} {info.precision}"
        for teacher, info in zip(teachers, infos, strict=True)
    }


def _unlabelled(folder: LabelFolder) -> list[str]:
    """That pictures were labelled and no pixel has a label, in a line."""
    coverage = folder.coverage()
    if coverage.labelled or not coverage.pictures:
        return []
    what = f"{folder.path}: no pixel of {coverage.pictures:,} pictures has a label"
    why = "the packages agree nowhere, or say only what is ignored"
    return [f"{what}: {why}; change the class maps, agree, require or min_confidence, and begin with --fresh"]


def _left_out(failures: Sequence[str]) -> list[str]:
    """That pictures could not be labelled, in a line."""
    if not failures:
        return []
    return [f"{len(failures):,} pictures could not be labelled and are left out: {few(failures)}"]


def _report(job: LabelJob, folder: LabelFolder, count: int, console: Console) -> None:
    """Show what the folder holds now.

    Args:
        job: What was asked for.
        folder: Where it is.
        count: Pictures labelled in this run.
        console: Where it is shown.
    """
    coverage = folder.coverage()
    before = f", {coverage.pictures - count:,} were before" if coverage.pictures > count else ""
    share = f"{100 * coverage.share:.1f} % of the pixels have a label"
    console.print(f"{count:,} pictures labelled{before}; {share}", highlight=False)
    console.print(text_tables.by_coverage(coverage))
    if coverage.never:
        console.print(f"never labelled: {', '.join(coverage.never)}", markup=False, highlight=False)
    sheet = write_contact_sheet(folder, job.classes)
    console.print(f"training set:  {folder.path}\ncontact sheet: {sheet}", markup=False, highlight=False)
