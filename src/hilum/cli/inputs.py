"""What is assessed: the marks, lesions, exams and persons of a run or of files, and their columns."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hilum.cli.output import tell, tell_refusals
from hilum.errors import AssessmentError, ConfigError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hilum.catalog import Archive
    from hilum.detect.runs import Run
    from hilum.errors import Refusal
    from hilum.findings.lists import LesionFile
    from hilum.findings.of_series import SeriesLesions
    from hilum.model.findings import Lesion, Mark
    from hilum.model.series import Series

LesionsOption = Annotated[
    Path | None,
    typer.Option(
        help="File or folder of lesions, masks among them where the series are in the archive; a run has its own."
    ),
]
ExcludedOption = Annotated[Path | None, typer.Option(help="Findings whose marks count neither way.")]
ExamsOption = Annotated[
    Path | None, typer.Option(help="All exams that were read, one id a line; with participant_id if known.")
]
LenientOption = Annotated[
    bool,
    typer.Option(
        "--lenient/--strict",
        help="Go on after a malformed line, list all that are refused and end with status 1, or stop at the first with "
        "status 3.",
    ),
]
RunArchiveOption = Annotated[
    Path | None, typer.Option(envvar="HILUM_ARCHIVE", help="Archive of the run, or of the series.")
]

FOLD = "fold"
"""Column of a run's exams: the fold in which they were tested."""

REGION_PREFIXES = {"MED": "mediastinum", "ABD": "abdomen"}
"""How the names of the patients of CT Lymph Nodes begin, and the region whose nodes are annotated."""


@dataclass(frozen=True)
class Inputs:
    """What is assessed.

    Attributes
    ----------
    lesions, marks, exam_ids
        The findings, and all exams that were read.
    participants
        Exam to participant; None where unknown.
    is_scored
        Whether the marks have scores.
    lesion_ids
        The source's own word on each mark; None where it says nothing.
    warnings
        What must be said about them.
    refused_count
        How many series were refused.
    refusals
        Lines of files that were refused, in lenient reading.
    exam_columns
        Columns of a list of exams, by which results can be split.
    source
        The run and its archive; None for files.
    """

    lesions: Sequence[Lesion]
    marks: Sequence[Mark]
    exam_ids: Sequence[str]
    participants: Mapping[str, str] | None = None
    is_scored: bool = True
    lesion_ids: Sequence[str] | None = None
    warnings: tuple[str, ...] = ()
    refused_count: int = 0
    refusals: tuple[Refusal, ...] = ()
    exam_columns: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    source: tuple[Run, Archive] | None = None

    @property
    def is_whole(self) -> bool:
        """Whether no series and no line was refused."""
        return not self.refused_count and not self.refusals

    def only(self, prefix: str) -> Inputs:
        """The exams whose id begins with `prefix`, and their findings."""
        lesion_ids = self.lesion_ids or [""] * len(self.marks)
        chosen = [pair for pair in zip(self.marks, lesion_ids, strict=True) if pair[0].exam_id.startswith(prefix)]
        return replace(
            self,
            lesions=[lesion for lesion in self.lesions if lesion.exam_id.startswith(prefix)],
            marks=[mark for mark, _ in chosen],
            exam_ids=[exam_id for exam_id in self.exam_ids if exam_id.startswith(prefix)],
            lesion_ids=None if self.lesion_ids is None else [lesion_id for _, lesion_id in chosen],
        )


def names_of(methods: Sequence[str]) -> dict[str, str]:
    """What each of several methods is called, a file by its stem where that is unambiguous, and what the user wrote."""
    stems = {method: Path(method).stem if Path(method).exists() else method for method in methods}
    counts = Counter(stems.values())
    return {stem if counts[stem] == 1 else method: method for method, stem in stems.items()}


def inputs_of(
    marks: str,
    *,
    lesions: Path | None,
    excluded: Path | None,
    exams: Path | None,
    archive: Path | None,
    is_lenient: bool = False,
) -> Inputs:
    """Give what a command names: a file or folder of marks, or a run of the archive.

    Raises
    ------
    ConfigError
        There is no such file, and no archive is named.
    """
    if Path(marks).exists():
        if lesions is None:
            raise typer.BadParameter(f"marks of {marks} need lesions to be assessed against", param_hint="--lesions")
        return _inputs_of_files(Path(marks), lesions, excluded, exams, archive, is_lenient=is_lenient)
    if archive is None:
        raise ConfigError(f"{marks}: no such file or folder; to assess a run of that name, give --archive")
    if excluded or exams:
        raise typer.BadParameter("a run knows its exams and findings itself: leave --exams and --excluded out")
    return inputs_of_run(marks, archive, lesions, is_lenient=is_lenient)


def inputs_of_run(
    name: str, archive_path: Path, lesions_path: Path | None = None, *, is_lenient: bool = False
) -> Inputs:
    """Give the marks of a run and its own lesions, or those of a file instead."""
    from hilum.catalog import Archive
    from hilum.detect.runs import Run

    archive = Archive.open(archive_path)
    run = Run.load(archive, name)
    lesions: Sequence[Lesion] = run.lesions()
    warnings: list[str] = []
    refusals: tuple[Refusal, ...] = ()
    if lesions_path:
        file = _lesions_for_run(lesions_path, run, archive, is_lenient=is_lenient)
        lesions, warnings, refusals = file.lesions, list(file.warnings), file.refusals
    participants = {series.series_uid: series.person_id for series in run.series}
    assessed = [lesion for lesion in lesions if lesion.exam_id in participants]
    refused = run.refusals()
    if refused:
        lost = len(lesions) - len(assessed)
        warnings.append(f"{len(refused)} series of the run were refused and are not assessed, nor their {lost} lesions")
    if not lesions:
        warnings.append(f"the run {name} has no lesions, so that nothing can be hit or missed; name --lesions")
    if run.seen_in_training:
        warnings.append(f"{len(run.seen_in_training)} series are of persons the model was trained on: they flatter it")
    return Inputs(
        assessed,
        run.marks(),
        tuple(participants),
        participants,
        warnings=tuple(warnings),
        refused_count=len(refused),
        refusals=refusals,
        source=(run, archive),
    )


def exam_columns(inputs: Inputs, column: str) -> dict[str, Mapping[str, object]]:
    """The column of exams of that name, if there is one: of the run's archive, of the list of exams, or the region.

    Returns
    -------
    Name to exam to value; empty if no column of exams has that name.
    """
    if column in inputs.exam_columns:
        return {column: inputs.exam_columns[column]}
    if inputs.source is None:
        regions = {exam_id: REGION_PREFIXES.get(exam_id[:3]) for exam_id in inputs.exam_ids}
        return {column: regions} if column == "region" and any(regions.values()) else {}
    return _columns_of_run(*inputs.source, column)


def _columns_of_run(run: Run, archive: Archive, column: str) -> dict[str, Mapping[str, object]]:
    if column == FOLD and run.plan.folds:
        return {FOLD: {series.series_uid: series.fold for series in run.series}}
    name = "PatientID" if column == "region" else column
    series = [archive.series(one.series_uid) for one in run.series]
    if not series or name not in series[0].row:
        return {}
    values = {one.uid: one[name] for one in series}
    if column == "region":
        return {column: {uid: REGION_PREFIXES.get(str(value)[:3]) for uid, value in values.items()}}
    return {column: values}


def _lesions_for_run(path: Path, run: Run, archive: Archive, *, is_lenient: bool) -> SeriesLesions:
    """Lesions of a file, placed by the CTs of the run's series, and what must be said of taking them."""
    from hilum.findings.of_series import read_lesions_of

    file = read_lesions_of([archive.series(one.series_uid) for one in run.series], path, is_lenient=is_lenient)
    own = run.lesions()
    if not (excluded := sum(lesion.is_excluded for lesion in own)):
        return file
    changed = (
        f"the lesions of {path} stand in for the run's own, {excluded} of whose {len(own)} are excluded findings "
        "(small nodes, or another annotation of the same scan): figures by the two are not comparable"
    )
    return replace(file, warnings=(*file.warnings, changed))


def _inputs_of_files(
    marks_path: Path,
    lesions_path: Path,
    excluded_path: Path | None,
    exams_path: Path | None,
    archive_path: Path | None,
    *,
    is_lenient: bool,
) -> Inputs:
    from hilum.findings import read_exams, read_lesions, read_marks

    exams = read_exams(exams_path) if exams_path else None
    listed = exams.exam_ids if exams else None
    marks = read_marks(marks_path, exam_ids=listed, is_lenient=is_lenient)
    series = _series_of(listed or marks.exam_ids, lesions_path, archive_path)
    if series:
        files = [_lesions_of_series(lesions_path, series, is_lenient=is_lenient)]
    else:
        files = [read_lesions(lesions_path, exam_ids=listed, is_lenient=is_lenient)]
    if excluded_path:
        files.append(read_lesions(excluded_path, is_excluded=True, exam_ids=listed, is_lenient=is_lenient))
    warnings = [*marks.warnings, *(warning for file in files for warning in file.warnings)]
    named = [exam_id for file in files for exam_id in file.exam_ids]
    exam_ids = listed or tuple(dict.fromkeys([*named, *marks.exam_ids]))
    if listed is None and marks_path.is_file():
        warnings.append(
            f"no --exams: the {len(exam_ids)} exams that the files name are taken for all. Exams without marks and "
            "lesions are missing in the mean of false positives an exam"
        )
    return Inputs(
        [lesion for file in files for lesion in file.lesions],
        marks.marks,
        exam_ids,
        exams.participants or None if exams else None,
        marks.scored,
        marks.lesion_ids,
        tuple(warnings),
        refusals=(*marks.refusals, *(refusal for file in files for refusal in file.refusals)),
        exam_columns=exams.columns if exams else {},
    )


def _series_of(exam_ids: Sequence[str], lesions_path: Path, archive_path: Path | None) -> list[Series]:
    """Series of an archive that the exams are, where the lesions are files of one exam each; else none."""
    from hilum.catalog import Archive
    from hilum.findings.archives import unpacked
    from hilum.findings.exam_files import find_exam_files

    if archive_path is None:
        return []
    with unpacked(lesions_path) as place:
        if not find_exam_files(place).files:
            return []
    archive, found = Archive.open(archive_path), []
    for exam_id in exam_ids:
        with suppress(NotFoundError):
            found.append(archive.series(exam_id))
    return found


def _lesions_of_series(path: Path, series: Sequence[Series], *, is_lenient: bool) -> LesionFile:
    from hilum.findings.lists import LesionFile
    from hilum.findings.of_series import read_lesions_of

    found = read_lesions_of(series, path, is_lenient=is_lenient)
    exam_ids = tuple(dict.fromkeys(lesion.exam_id for lesion in found.lesions))
    return LesionFile(found.lesions, exam_ids, found.warnings, refusals=found.refusals)


def tell_inputs(inputs: Inputs, whose: str = "") -> None:
    """Say what is odd in the inputs, every refused line, and how many there are."""
    for warning in inputs.warnings:
        tell(f"warning: {whose}{warning}")
    tell_refusals(inputs.refusals)
    if inputs.refusals:
        tell(f"{whose}{len(inputs.refusals)} line(s) were refused and are not counted")


def refusals_json(*inputs: Inputs) -> dict[str, Any]:
    """The refused lines of inputs, each once, as a key of the JSON; no key where there are none."""
    refusals = dict.fromkeys(refusal for one in inputs for refusal in one.refusals)
    return {"refusals": [asdict(refusal) for refusal in refusals]} if refusals else {}


def require_scores(inputs: Inputs, name: str) -> None:
    """Refuse marks without scores.

    Raises
    ------
    AssessmentError
        They have none.
    """
    if not inputs.is_scored:
        raise AssessmentError(f"{name}: marks without scores have no FROC curve to compare; expected a score for each")
