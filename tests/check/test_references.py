"""References of SEG, SR and RTSTRUCT objects."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from pydicom.dataset import Dataset

from builders import UID_ROOT, CtSeries
from hilum.catalog import Archive
from hilum.catalog.folder import index_folder
from hilum.check import Terms, check_archive
from hilum.config import Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hilum.check import Report

    Make = Callable[..., CtSeries]
    Check = Callable[..., Report]


def item(**values: Any) -> Dataset:
    found = Dataset()
    for keyword, value in values.items():
        setattr(found, keyword, value)
    return found


def report_on(folder: Path, source: CtSeries, sop_uids: list[str], *, series_uid: str = "", **fields: Any) -> None:
    """Write an SR that names instances as evidence."""
    named = [item(ReferencedSOPInstanceUID=uid) for uid in sop_uids]
    evidence = item(
        StudyInstanceUID=source.study_uid,
        ReferencedSeriesSequence=[item(SeriesInstanceUID=series_uid or source.series_uid, ReferencedSOPSequence=named)],
    )
    made = CtSeries(shape=(1, 2, 2), series_uid=f"{UID_ROOT}.1.7", **fields)
    dataset = made.datasets()[0]
    del dataset.PixelData
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.34"
    dataset.Modality = "SR"
    dataset.CurrentRequestedProcedureEvidenceSequence = [evidence]
    folder.mkdir(exist_ok=True)
    dataset.save_as(folder / "sr.dcm", enforce_file_format=True)


def of_references(report: Report) -> dict[str, str]:
    return {one.check: one.detail for one in report.findings if one.check.startswith("reference")}


def test_references_to_what_is_there_are_clean(tmp_path: Path, clean: Make, checked: Check) -> None:
    source = clean()
    source.write(tmp_path / "ct")
    report_on(tmp_path / "sr", source, [f"{source.series_uid}.1", f"{source.series_uid}.4"])
    assert of_references(checked(tmp_path)) == {}


def test_instances_that_are_not_here_are_told(tmp_path: Path, clean: Make, checked: Check) -> None:
    source = clean()
    source.write(tmp_path / "ct")
    report_on(tmp_path / "sr", source, [f"{source.series_uid}.1", "1.2.3"])
    detail = f"1 of 2 instances named are not here, of series {source.series_uid}"
    assert of_references(checked(tmp_path)) == {"reference-absent": detail}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"participant": "P2"}, "of participant P1, the object is of P2"),
        ({"study_uid": f"{UID_ROOT}.2"}, f"of study {UID_ROOT}.1, the object is of {UID_ROOT}.2"),
    ],
)
def test_instances_of_another_participant_or_study_are_told(
    fields: dict[str, str], words: str, tmp_path: Path, clean: Make, checked: Check
) -> None:
    source = clean()
    source.write(tmp_path / "ct")
    report_on(tmp_path / "sr", source, [f"{source.series_uid}.1"], **fields)
    assert of_references(checked(tmp_path)) == {"reference-other": f"1 of 1 instances named: {words}"}


def test_an_instance_of_another_series_than_said_is_told(tmp_path: Path, clean: Make, checked: Check) -> None:
    source = clean()
    source.write(tmp_path / "ct")
    report_on(tmp_path / "sr", source, [f"{source.series_uid}.1"], series_uid="1.2.9")
    assert "said to be of series 1.2.9" in of_references(checked(tmp_path))["reference-other"]


def test_in_an_archive_what_a_part_refers_to_may_lie_in_the_rest(tmp_path: Path, clean: Make) -> None:
    source = clean()
    source.write(tmp_path / "ct")
    report_on(tmp_path / "sr", source, [f"{source.series_uid}.1", "1.2.3"])
    archive = Archive.create(tmp_path / "archive")
    for name in ("ct", "sr"):
        index_folder(archive, tmp_path / name, name, settings=Settings(workers=1))
    reports = archive.series_where("collection_id = 'sr'")
    with ThreadPoolExecutor(1) as executor:
        report = check_archive(archive, reports, Terms(executor, 1), name="sr")
    assert of_references(report)["reference-absent"].startswith("1 of 2 instances")
