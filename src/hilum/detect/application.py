"""A trained model applied to series, as a run of its own."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from hilum.cohort import Cohort, cohort_series
from hilum.config import Settings
from hilum.detect.detector import make_detector
from hilum.detect.execution import begun, finish, not_catalogued
from hilum.detect.runs import Plan, Run, RunSeries, run_folder
from hilum.detect.tasks import Detecting, Job, detect_batch
from hilum.errors import DetectorError
from hilum.work import map_batches, open_executor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from hilum.catalog import Archive
    from hilum.detect.detector import Detector
    from hilum.errors import Refusal
    from hilum.model.series import Series


def apply_model(
    archive: Archive,
    source: Cohort | Sequence[str],
    *,
    model: str,
    run_name: str,
    settings: Settings | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Run:
    """Find lesions in each series with the model of a training.

    Interrupted at any moment, the same call goes on where it was; a finished run is given as it is.

    Parameters
    ----------
    source
        A cohort, or SeriesInstanceUIDs of the archive.
    model
        Name of the run whose model is applied.
    run_name
        Name of the new run.
    settings
        Number of workers; the environment's when absent.
    on_progress
        Gets the number of series done since its last call.

    Returns
    -------
    The finished run. Its `seen_in_training` are series of persons the model was trained on; series that could not be
    read are its refusals.

    Raises
    ------
    NotFoundError
        There is no such run, or no series of that UID.
    DetectorError
        The run has no model, its files are damaged, or no series could be read.
    ArchiveError
        There is a run of that name with other settings.
    """
    settings = settings or Settings.from_environment()
    training = Run.load(archive, model)
    if training.plan.kind != "training":
        raise DetectorError(f"run {model!r} has no model: it applied that of run {training.plan.model!r}")
    detector = make_detector(training.plan.method, seed=training.plan.seed)
    detector.load(training.folder.model)
    series, members = _members(archive, source)
    plan = _plan(training, detector, source, members, run_name)
    folder = run_folder(archive, run_name)
    with begun(folder, plan) as finished:
        if finished is not None:
            return finished
        job = Job(folder, training.plan.method, training.plan.seed)
        refusals = [not_catalogued(member) for member in members if member.series_uid not in series]
        tests = [Detecting(training.folder.model, one) for one in series.values()]
        refusals += _detect(job, tests, settings, on_progress or (lambda _: None))
        return finish(folder, plan, (), refusals, seen_in_training=_seen(training, members))


def _detect(
    job: Job, tests: Iterable[Detecting], settings: Settings, on_progress: Callable[[int], None]
) -> list[Refusal]:
    refusals: list[Refusal] = []
    workers = settings.worker_count
    with open_executor(settings) as executor:
        work = partial(detect_batch, job)
        for found in map_batches(work, tests, executor=executor, batch_size=1, workers=workers):
            refusals += [refusal for refusal in found if refusal is not None]
            on_progress(len(found))
    return refusals


def _members(archive: Archive, source: Cohort | Sequence[str]) -> tuple[dict[str, Series], tuple[RunSeries, ...]]:
    """Series in the catalog by UID, and all that were asked for."""
    if isinstance(source, Cohort):
        members = tuple(RunSeries(entry.SeriesInstanceUID, entry.person_id) for entry in source.entries)
        return {series.uid: series for series in cohort_series(archive, source)}, members
    series = {uid: archive.series(uid) for uid in dict.fromkeys(source)}
    return series, tuple(RunSeries(uid, one.participant_id) for uid, one in series.items())


def _plan(
    training: Run, detector: Detector, source: Cohort | Sequence[str], members: tuple[RunSeries, ...], run_name: str
) -> Plan:
    cohort = source if isinstance(source, Cohort) else None
    return Plan(
        name=run_name,
        kind="application",
        method=detector.name,
        version=detector.version,
        parameters=detector.parameters(),
        cohort=cohort.name if cohort else "",
        cohort_id=cohort.cohort_id if cohort else "",
        snapshot_id=cohort.snapshot_id if cohort else "",
        lesions_sha256="",
        folds=0,
        seed=training.plan.seed,
        model=training.name,
        model_created_at=training.created_at.isoformat(),
        series=members,
    )


def _seen(training: Run, members: Iterable[RunSeries]) -> tuple[str, ...]:
    """Series of `members` that the model has seen: the same series, or another of the same person."""
    uids = {series.series_uid for series in training.series}
    persons = {series.person_id for series in training.series}
    return tuple(one.series_uid for one in members if one.series_uid in uids or one.person_id in persons)
