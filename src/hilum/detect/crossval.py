"""Cross-validation by person, and the model of all series that comes with it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from hilum.cohort.rows import cohort_series
from hilum.cohort.splits import fold_parts
from hilum.config import Settings
from hilum.detect.detector import make_detector
from hilum.detect.execution import begun, finish, lesions_digest, not_catalogued
from hilum.detect.runs import Plan, RunFolder, RunSeries, run_folder
from hilum.detect.tasks import Detecting, Job, Training, detect_batch, prepare_batch, train_batch
from hilum.errors import ConfigError, DetectorError
from hilum.work import map_batches, open_executor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Executor
    from pathlib import Path

    from hilum.catalog import Archive
    from hilum.cohort import Cohort
    from hilum.cohort.splits import Part
    from hilum.detect.detector import Detector
    from hilum.detect.runs import Run
    from hilum.errors import Refusal
    from hilum.model.findings import Lesion
    from hilum.model.series import Series


def cross_validate(
    archive: Archive,
    cohort: Cohort,
    lesions: Iterable[Lesion],
    *,
    run_name: str,
    detector: str = "classic",
    folds: int | Sequence[Part] = 4,
    seed: int = 0,
    settings: Settings | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Run:
    """Find lesions in each series with a detector that was trained on other persons; train one on all.

    Interrupted at any moment, the same call goes on where it was: a series that is done is not done again. A finished
    run is given as it is.

    Parameters
    ----------
    lesions
        Of the cohort's series; ``exam_id`` is the SeriesInstanceUID (`hilum.findings.linking.link_to_series`).
    run_name
        Name of the run in the archive.
    detector
        Name in the entry point group ``hilum.detectors``.
    folds
        How many parts the cohort is split into by person, or the parts of a split (`hilum.cohort.splits.Split.parts`);
        each is tested by a detector of all the others.
    seed
        Of the detector, and of the folds where their number is given.
    settings
        Number of workers; the environment's when absent.
    on_progress
        Gets the number of steps done since its last call; `step_count` says how many there are.

    Returns
    -------
    The finished run; series that could not be read are its refusals.

    Raises
    ------
    DetectorError
        A lesion belongs to no series of the cohort, no series could be read, or there is nothing to learn from.
    ArchiveError
        There is a run of that name with other settings.
    ConfigError
        `folds` is below 2 or above the number of persons.
    """
    settings = settings or Settings.from_environment()
    given = _by_series(cohort, lesions)
    method = make_detector(detector, seed=seed)
    parts = fold_parts(cohort, folds, seed) if isinstance(folds, int) else folds
    plan = _plan(cohort, given, method, run_name=run_name, parts=parts, seed=seed)
    folder = run_folder(archive, run_name)
    with begun(folder, plan) as finished:
        if finished is not None:
            return finished
        with open_executor(settings) as executor:
            crew = _Crew(executor, settings.worker_count, on_progress or (lambda _: None))
            validation = _Validation(plan, folder, Job(folder, detector, seed), given, crew)
            refusals = validation.work({series.uid: series for series in cohort_series(archive, cohort)})
        return finish(folder, plan, [lesion for series in given.values() for lesion in series], refusals)


def step_count(cohort: Cohort, folds: int | Sequence[Part]) -> int:
    """Steps that `cross_validate` reports: two a series, and one a training."""
    trainings = 1 + (folds if isinstance(folds, int) else len(folds))
    return 2 * len(cohort.entries) + trainings


@dataclass(frozen=True)
class _Crew:
    """The workers, and whom to tell how far they are."""

    executor: Executor
    size: int
    on_progress: Callable[[int], None]

    def each(self, function: Callable[[list[Any]], Any], items: Sequence[Any]) -> Iterator[Any]:
        """Results of `function` on each item, as they come."""
        for result in map_batches(function, items, executor=self.executor, batch_size=1, workers=self.size):
            self.on_progress(1)
            yield result


@dataclass(frozen=True)
class _Validation:
    """One cross-validation under way."""

    plan: Plan
    folder: RunFolder
    job: Job
    lesions: dict[str, tuple[Lesion, ...]]
    crew: _Crew

    def work(self, series: dict[str, Series]) -> list[Refusal]:
        """Prepare every series, train every fold, find lesions in every series; give the refused ones."""
        refusals = [not_catalogued(planned) for planned in self.plan.series if planned.series_uid not in series]
        self.crew.on_progress(2 * len(refusals))
        for found in self.crew.each(partial(prepare_batch, self.job), list(series.values())):
            refusals += [refusal for refusal in found if refusal is not None]
        refused = {refusal.item for refusal in refusals}
        members = [planned for planned in self.plan.series if planned.series_uid not in refused]
        if not members:
            return refusals
        for _ in self.crew.each(partial(train_batch, self.job), self._trainings(members, series)):
            pass
        tests = [Detecting(self._fold_model(planned), series[planned.series_uid]) for planned in members]
        for found in self.crew.each(partial(detect_batch, self.job), tests):
            refusals += [refusal for refusal in found if refusal is not None]
        return refusals

    def _trainings(self, members: Sequence[RunSeries], series: dict[str, Series]) -> list[Training]:
        """One training a fold, on the other folds, and one on all."""
        trainings = [self._training(self.folder.model, members, series)]
        for fold in sorted({planned.fold for planned in members if planned.fold is not None}):
            others = [planned for planned in members if planned.fold != fold]
            trainings.append(self._training(self.folder.fold_model(fold), others, series))
        return trainings

    def _training(self, model: Path, members: Sequence[RunSeries], series: dict[str, Series]) -> Training:
        uids = [planned.series_uid for planned in members]
        return Training(
            model,
            tuple(series[uid] for uid in uids),
            tuple(planned.person_id for planned in members),
            tuple(self.lesions.get(uid, ()) for uid in uids),
        )

    def _fold_model(self, planned: RunSeries) -> Path:
        if planned.fold is None:
            raise ValueError(f"series {planned.series_uid} is in no fold")
        return self.folder.fold_model(planned.fold)


def _plan(
    cohort: Cohort,
    lesions: dict[str, tuple[Lesion, ...]],
    detector: Detector,
    *,
    run_name: str,
    parts: Sequence[Part],
    seed: int,
) -> Plan:
    fold_of = {uid: number for number, part in enumerate(parts) for uid in part.series_uids}
    if set(fold_of) != set(cohort.series_uids):
        raise ConfigError(f"the split does not part the series of cohort {cohort.name!r}: split that cohort again")
    return Plan(
        name=run_name,
        kind="training",
        method=detector.name,
        version=detector.version,
        parameters=detector.parameters(),
        cohort=cohort.name,
        cohort_id=cohort.cohort_id,
        snapshot_id=cohort.snapshot_id,
        lesions_sha256=lesions_digest(lesion for series in lesions.values() for lesion in series),
        folds=len(parts),
        seed=seed,
        model="",
        model_created_at="",
        series=tuple(
            RunSeries(entry.SeriesInstanceUID, entry.person_id, fold_of[entry.SeriesInstanceUID])
            for entry in cohort.entries
        ),
    )


def _by_series(cohort: Cohort, given: Iterable[Lesion]) -> dict[str, tuple[Lesion, ...]]:
    """Lesions of each series, the series in the order of the cohort."""
    found: dict[str, list[Lesion]] = defaultdict(list)
    for lesion in given:
        found[lesion.exam_id].append(lesion)
    if strangers := sorted(set(found) - set(cohort.series_uids)):
        raise DetectorError(
            f"{len(strangers)} exams with lesions are no series of cohort {cohort.name!r} (first: {strangers[0]!r}); "
            "give exam_id as SeriesInstanceUID (hilum.findings.linking.link_to_series does that)"
        )
    if all(lesion.is_excluded for lesions in found.values() for lesion in lesions):
        raise DetectorError(
            f"no series of cohort {cohort.name!r} has a lesion that counts: there is nothing to learn from"
        )
    return {uid: tuple(found[uid]) for uid in cohort.series_uids if uid in found}
