"""Findings linked to series."""

from __future__ import annotations

import pytest

from hilum.errors import FormatError
from hilum.findings.linking import link_to_series
from hilum.model.findings import Lesion, Mark
from hilum.model.series import Series


def series(uid: str, study: str, participant: str) -> Series:
    return Series({"SeriesInstanceUID": uid, "StudyInstanceUID": study, "PatientID": participant})


SERIES = [series("1.1.1", "1.1", "P1"), series("1.2.1", "1.2", "P2")]


@pytest.mark.parametrize("exam_id", ["P1", "1.1", "1.1.1"])
def test_a_patient_a_study_or_a_series_becomes_the_series(exam_id: str) -> None:
    lesion = Lesion(exam_id, "3", (1.0, 2.0, 3.0), short_axis_mm=8.0)
    linked = link_to_series([lesion], SERIES)
    assert linked.findings == (Lesion("1.1.1", "3", (1.0, 2.0, 3.0), short_axis_mm=8.0, series_uid="1.1.1"),)
    assert linked.unlinked == ()


def test_findings_of_other_exams_come_back() -> None:
    marks = [Mark("P1", (0.0, 0.0, 0.0), 0.5), Mark("P9", (0.0, 0.0, 0.0), 0.4)]
    linked = link_to_series(marks, SERIES)
    assert [mark.series_uid for mark in linked.findings] == ["1.1.1"]
    assert linked.unlinked == (marks[1],)


def test_an_exam_of_two_series_is_an_error() -> None:
    two = [*SERIES, series("1.1.2", "1.1", "P1")]
    for exam_id in ("P1", "1.1"):
        with pytest.raises(FormatError, match=f"'{exam_id}' has 2 series"):
            link_to_series([Mark(exam_id, (0.0, 0.0, 0.0), 0.5)], two)
    assert link_to_series([Mark("1.1.2", (0.0, 0.0, 0.0), 0.5)], two).findings[0].exam_id == "1.1.2"
