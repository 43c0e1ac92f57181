"""Findings linked to the series whose volume they lie in: a patient, study or series becomes a SeriesInstanceUID."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, TypeVar

from hilum.errors import FormatError
from hilum.model.findings import Lesion, Mark

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hilum.model.series import Series

Finding = TypeVar("Finding", Lesion, Mark)


@dataclass(frozen=True, slots=True)
class Linked(Generic[Finding]):
    """Findings whose exam is a series.

    Attributes
    ----------
    findings
        Those of the series given; ``exam_id`` and ``series_uid`` are the SeriesInstanceUID.
    unlinked
        Those that no series given belongs to, unchanged.
    """

    findings: tuple[Finding, ...]
    unlinked: tuple[Finding, ...]


def link_to_series(findings: Iterable[Finding], series: Sequence[Series]) -> Linked[Finding]:
    """Replace the exam of findings, a SeriesInstanceUID, StudyInstanceUID or PatientID, by the series it means.

    Parameters
    ----------
    series
        The series that can be meant: those of a cohort, one an exam. Findings of other exams come back as `unlinked`.

    Raises
    ------
    FormatError
        An exam means more than one of the series: which one the position belongs to cannot be known.
    """
    names = SeriesNames(series)
    linked: list[Finding] = []
    unlinked: list[Finding] = []
    for finding in findings:
        meant = names.meant_by(finding.exam_id)
        if meant is None:
            unlinked.append(finding)
        else:
            linked.append(replace(finding, exam_id=meant.uid, series_uid=meant.uid))
    return Linked(tuple(linked), tuple(unlinked))


class SeriesNames:
    """Series by what an exam can be called: their SeriesInstanceUID, StudyInstanceUID or PatientID."""

    def __init__(self, series: Iterable[Series]) -> None:
        self._found: dict[str, dict[str, Series]] = {}
        for one in series:
            for name in (one.uid, one.study_uid, one.participant_id):
                self._found.setdefault(name, {})[one.uid] = one

    def meant_by(self, exam_id: str) -> Series | None:
        """Give the series that an exam means; None where there is none.

        Raises
        ------
        FormatError
            It means more than one.
        """
        series = self._found.get(exam_id, {})
        if len(series) > 1:
            raise FormatError(
                f"exam {exam_id!r} has {len(series)} series ({', '.join(sorted(series)[:3])}, ...); a finding "
                "belongs to one. Give only the series that was annotated, as a cohort with one series an exam does"
            )
        return next(iter(series.values()), None)
