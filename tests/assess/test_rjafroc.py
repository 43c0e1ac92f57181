"""RJafroc's Excel file, read back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import openpyxl
import pytest

from builders import SHARED_DATA, needs_shared_data
from hilum.assess import LUNA16, Policy, WithinDistance, WithinLesionRadius, assess
from hilum.assess.rjafroc import rjafroc_sheets, write_rjafroc
from hilum.errors import AssessmentError
from hilum.findings import read_exams, read_lesions, read_marks
from hilum.model.findings import Lesion, Mark

if TYPE_CHECKING:
    from pathlib import Path

    from hilum.assess import Assessment

EXAMS = ["b", "a", "c"]
LESIONS = [
    Lesion("a", "second", (50.0, 0.0, 0.0)),
    Lesion("a", "first", (0.0, 0.0, 0.0)),
    Lesion("b", "1", (0.0, 0.0, 0.0)),
    Lesion("b", "x", (90.0, 0.0, 0.0), is_excluded=True),
]
MARKS = [
    Mark("c", (0.0, 0.0, 0.0), 0.3),
    Mark("a", (51.0, 0.0, 0.0), 0.7),
    Mark("b", (40.0, 0.0, 0.0), 0.8),
    Mark("a", (50.5, 0.0, 0.0), 0.65),
    Mark("c", (9.0, 0.0, 0.0), 0.2),
    Mark("b", (90.0, 0.0, 0.0), 0.95),
]


def result(marks: list[Mark] = MARKS, lesions: list[Lesion] = LESIONS, policy: Policy | None = None) -> Assessment:
    return assess(lesions, marks, EXAMS, hit=WithinDistance(5), bootstraps=0, policy=policy)


def read(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    book = openpyxl.load_workbook(path)
    return {sheet.title: [tuple(row) for row in sheet.iter_rows(values_only=True)] for sheet in book.worksheets}


def test_the_sheets_as_rjafroc_wants_them(tmp_path: Path) -> None:
    write_rjafroc(tmp_path / "froc.xlsx", {"my method": result()})
    sheets = read(tmp_path / "froc.xlsx")
    assert sorted(name.upper() for name in sheets)[:3] == ["FP", "TP", "TRUTH"]
    assert sheets["FP"] == [
        ("ReaderID", "ModalityID", "CaseID", "FP_Rating"),
        ("1", "my_method", 1, 0.8),
        ("1", "my_method", 3, 0.2),
        ("1", "my_method", 3, 0.3),
    ]
    assert sheets["TP"] == [
        ("ReaderID", "ModalityID", "CaseID", "LesionID", "TP_Rating"),
        ("1", "my_method", 2, 2, 0.7),
    ]
    assert sheets["Truth"] == [
        ("CaseID", "LesionID", "Weight", "ReaderID", "ModalityID", "Paradigm"),
        (1, 1, 0, "1", "my_method", "FROC"),
        (2, 1, 0, "1", "my_method", "FCTRL"),
        (2, 2, 0, "1", "my_method", None),
        (3, 0, 0, "1", "my_method", None),
    ]
    assert ("LesionID", 2, "second", "a") in sheets["Where from"]
    assert ("CaseID", 3, "c", None) in sheets["Where from"]


def test_counts_are_those_of_the_result(tmp_path: Path) -> None:
    for policy in (Policy(), Policy(redundant="false-positive")):
        one = result(policy=policy)
        write_rjafroc(tmp_path / "froc.xlsx", {"one": one})
        sheets = read(tmp_path / "froc.xlsx")
        redundant = one.counts.redundant if policy.redundant == "false-positive" else 0
        assert len(sheets["FP"]) - 1 == one.counts.false_positives + redundant
        assert len(sheets["TP"]) - 1 == one.counts.true_positives
        assert sum(row[1] != 0 for row in sheets["Truth"][1:]) == one.counts.lesions
        assert len({row[0] for row in sheets["Truth"][1:]}) == one.counts.exams


def test_methods_are_modalities_and_lesions_keep_their_numbers_in_any_order() -> None:
    other = assess(LESIONS[::-1], MARKS[1:3], EXAMS[::-1], hit=WithinDistance(5), bootstraps=0)
    sheets = rjafroc_sheets({"one": result(), "two": other})
    assert sheets["Truth"][1][4] == "one, two"
    assert [row for row in sheets["TP"] if row[1] == "two"] == [("1", "two", 2, 2, 0.7)]
    assert [row for row in sheets["FP"] if row[1] == "two"] == [("1", "two", 1, 0.8)]


@needs_shared_data
def test_areas_are_those_of_rjafroc_itself() -> None:
    # What RJafroc 2.1.3 (DfReadDataFile, UtilFigureOfMerit) says of the file that these sheets make.
    folder = SHARED_DATA / "luna16" / "annotations"
    exams = read_exams(folder / "seriesuids.csv").exam_ids
    lesions = [
        *read_lesions(folder / "annotations.csv").lesions,
        *read_lesions(folder / "annotations_excluded.csv", is_excluded=True).lesions,
    ]
    marks = read_marks(SHARED_DATA / "luna16" / "dpn26_submission_realuids.csv").marks
    one = assess(lesions, marks, exams, hit=WithinLesionRadius(), bootstraps=0, policy=LUNA16)
    sheets = rjafroc_sheets({"dpn26": one})
    assert [len(sheets[name]) - 1 for name in ("FP", "TP")] == [46078, 1136]
    said = {"wAFROC": 0.8544434, "AFROC": 0.8361694, "wAFROC1": 0.8395767, "AFROC1": 0.8201901}
    areas = {kind: curve.area for kind, curve in one.afroc_curves.items() if curve}
    assert areas == pytest.approx(said, abs=5.1e-8)


@pytest.mark.parametrize(
    ("assessments", "message"),
    [
        ({"one": result(), "two": result(lesions=LESIONS[1:])}, "lesions"),
        ({"one": result(lesions=[])}, "no lesions"),
        ({"one": result(MARKS[:1])}, "sheet TP has 0 rows"),
        ({"one": result(MARKS[1:2])}, "sheet FP has 0 rows"),
        ({"a b": result(), "a,b": result()}, "same ModalityID"),
    ],
)
def test_what_rjafroc_could_not_read_is_refused(assessments: dict[str, Assessment], message: str) -> None:
    with pytest.raises(AssessmentError, match=message):
        rjafroc_sheets(assessments)
