"""Each check on a series built to fail it, on one that is clean, and on real files."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from builders import SHARED_DATA, UID_ROOT, CtSeries, needs_shared_data
from hilum.catalog import Archive
from hilum.catalog.folder import index_folder
from hilum.check import RULES, Acceptance, Options, PixelReading, Report, Terms, check_archive
from hilum.config import Settings
from hilum.errors import NotFoundError
from hilum.index.checks import CHECKS

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., CtSeries]
    Check = Callable[..., Report]

CLEAN_CHECKS = {"identity-replaced"}
"""What is noted of a clean series: its PatientID, a dummy."""
SHAPE = (4, 16, 16)


def tissue(seed: int = 0) -> Any:
    """Stored values between air and bone, (slice, row, column)."""
    return np.random.default_rng(seed).integers(0, 2000, SHAPE, dtype=np.int16)


def with_value(value: int, count: int) -> Any:
    """Tissue with a value in the first `count` voxels of each slice."""
    pixels = tissue()
    pixels.reshape(4, -1)[:, :count] = value
    return pixels


def rewritten(path: Path, change: Callable[[Dataset], None]) -> None:
    dataset = pydicom.dcmread(path)
    change(dataset)
    dataset.save_as(path)


def sequence(keyword: str, **values: Any) -> Callable[[Dataset], None]:
    """Give a change that adds a sequence of one item."""

    def change(dataset: Dataset) -> None:
        item = Dataset()
        for name, value in values.items():
            setattr(item, name, value)
        setattr(dataset, keyword, [item])

    return change


def private(dataset: Dataset) -> None:
    dataset.private_block(0x0029, "SIEMENS CSA HEADER", create=True).add_new(0x10, "LO", "x")


def curve(dataset: Dataset) -> None:
    dataset.add_new(0x50003000, "OW", b"\0\0")


ATTRIBUTES: dict[str, dict[str, Any]] = {
    "wrong-rescale": {"RescaleIntercept": 0},
    "missing-type-1": {"RescaleSlope": None},
    "localizer-as-slices": {"ScanOptions": "SCOUT MODE"},
    "identity-not-removed": {"OperatorsName": "Doe"},
    "identity-not-replaced": {"PatientIdentityRemoved": None, "PatientName": "Doe"},
    "address": {"InstitutionAddress": "1 Main Street"},
    "not-declared": {"DeidentificationMethod": None},
    "burned-in-declared": {"BurnedInAnnotation": "YES"},
    "name-in-text": {"PatientName": "Doe^Jane", "ImageComments": "seen with jane"},
    "date-in-text": {"SeriesDescription": "chest 2001-02-03"},
    "contact-in-text": {"ImageComments": "ask a.b@example.org"},
    "empty-uid": {"IrradiationEventUID": ""},
    "identity-replaced": {},
    "not-ct": {"Modality": "MR"},
    "secondary-image": {"ImageType": ["DERIVED", "SECONDARY", "DOSE_INFO"]},
}
"""Attributes of every instance that make a check fire."""

FIELDS: dict[str, dict[str, Any]] = {
    "constant-slice": {"pixels": np.where(np.arange(4)[:, None, None] == 1, 7, tissue()).astype(np.int16)},
    "padding": {"pixels": with_value(-2000, 40), "is_signed": True, "override": {"PixelPaddingValue": -2000}},
    "undeclared-padding": {"pixels": with_value(-2000, 40), "is_signed": True},
    "clipped-range": {"pixels": np.clip(tissue(), 900, 1200)},
    "saturated": {"pixels": with_value(4095, 4), "override": {"BitsStored": 12, "HighBit": 11}},
    "flipped-order": {"override_at": {index: {"InstanceNumber": 9 - index} for index in range(4)}},
    "shuffled-order": {"override_at": {index: {"InstanceNumber": (2, 1, 4, 3)[index]} for index in range(4)}},
    "missing-slices": {"positions_mm": (0.0, 2.0, 4.0, 8.0)},
    "duplicated-positions": {"positions_mm": (0.0, 2.0, 2.0, 4.0)},
}
"""Fields of the series that make a check fire."""

CHANGES: dict[str, Callable[[Dataset], None]] = {
    "private-attribute": private,
    "curve-data": curve,
    "invalid-uid": sequence("SourceImageSequence", ReferencedSOPInstanceUID="1.02.3"),
}
"""Changes of one file that make a check fire."""


def found_in(report: Report) -> set[str]:
    return {finding.check for finding in report.findings}


def test_a_clean_series_has_no_finding_but_its_participant(tmp_path: Path, clean: Make, checked: Check) -> None:
    clean().write(tmp_path)
    report = checked(tmp_path, options=Options(PixelReading.ALL, with_thumbnails=True))
    assert found_in(report) == CLEAN_CHECKS
    assert report.is_clean
    assert (report.series_count, report.file_count, report.slices_read) == (1, 4, 4)
    (png,) = report.thumbnails.values()
    assert png.startswith(b"\x89PNG")


@pytest.mark.parametrize("check", ATTRIBUTES)
def test_an_attribute_makes_a_check_fire(check: str, tmp_path: Path, clean: Make, checked: Check) -> None:
    clean(ATTRIBUTES[check]).write(tmp_path)
    assert check in found_in(checked(tmp_path))


@pytest.mark.parametrize("check", FIELDS)
def test_a_flaw_of_the_series_makes_a_check_fire_and_no_other_of_its_kind(
    check: str, tmp_path: Path, clean: Make, checked: Check
) -> None:
    clean(**FIELDS[check]).write(tmp_path)
    assert found_in(checked(tmp_path, options=Options(PixelReading.ALL))) == CLEAN_CHECKS | {check}


@pytest.mark.parametrize("check", CHANGES)
@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
def test_a_change_of_one_file_makes_a_check_fire(check: str, tmp_path: Path, clean: Make, checked: Check) -> None:
    paths = clean().write(tmp_path)
    rewritten(paths[1], CHANGES[check])
    (finding,) = [one for one in checked(tmp_path).findings if one.check == check]
    assert "in 1 of 4 files" in finding.detail
    assert finding.place == str(tmp_path.resolve())


def test_another_media_uid_is_found(tmp_path: Path, clean: Make, checked: Check) -> None:
    paths = clean().write(tmp_path)

    def change(dataset: Dataset) -> None:
        dataset.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.UID("1.2.3")

    dataset = pydicom.dcmread(paths[0])
    change(dataset)
    dataset.save_as(paths[0], enforce_file_format=False)
    assert "other-media-uid" in found_in(checked(tmp_path))


def test_cut_pixels_are_a_finding_and_the_other_slices_are_read(tmp_path: Path, clean: Make, checked: Check) -> None:
    paths = clean().write(tmp_path)
    paths[0].write_bytes(paths[0].read_bytes()[:-100])
    report = checked(tmp_path)
    assert {"short-pixel-data", "unreadable-pixels"} <= found_in(report)
    assert report.slices_read == 3


def test_a_broken_header_is_a_finding(tmp_path: Path, clean: Make, checked: Check) -> None:
    clean().write(tmp_path)
    (tmp_path / "broken.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\x08\x00\x05\x00ZZ\xff\xff")
    report = checked(tmp_path)
    assert {finding.severity.value for finding in report.findings if "broken" in finding.detail} == {"error"}


def test_a_series_shown_under_two_ids_is_found_by_its_pixels(tmp_path: Path, clean: Make, checked: Check) -> None:
    clean().write(tmp_path / "a")
    other = {"participant": "P2", "study_uid": f"{UID_ROOT}.2", "series_uid": f"{UID_ROOT}.2.1"}
    clean(**other).write(tmp_path / "b")
    (finding,) = [one for one in checked(tmp_path).findings if one.check == "equal-scan"]
    assert (finding.item, finding.participant) == (f"{UID_ROOT}.2.1", "P2")
    assert f"{UID_ROOT}.1.1 of participant P1" in finding.detail


def test_equal_pixels_of_one_participant_are_a_warning(tmp_path: Path, clean: Make, checked: Check) -> None:
    clean().write(tmp_path / "a")
    clean(series_uid=f"{UID_ROOT}.1.2").write(tmp_path / "b")
    assert "equal-pixels" in found_in(checked(tmp_path))
    assert "equal-pixels" not in found_in(checked(tmp_path, options=Options(PixelReading.NONE)))


def test_other_pixels_on_one_grid_are_a_note_of_two_participants(tmp_path: Path, clean: Make, checked: Check) -> None:
    shape = (6, 16, 16)
    clean(shape=shape).write(tmp_path / "a")
    other = {"participant": "P2", "study_uid": f"{UID_ROOT}.2", "series_uid": f"{UID_ROOT}.2.1"}
    clean(shape=shape, seed=1, **other).write(tmp_path / "b")
    found = found_in(checked(tmp_path))
    assert "equal-grid" in found
    assert not {"equal-scan", "equal-pixels", "equal-study"} & found


def test_a_study_under_two_ids_is_an_error(tmp_path: Path, clean: Make, checked: Check) -> None:
    clean().write(tmp_path / "a")
    clean(participant="P2", seed=1, series_uid=f"{UID_ROOT}.1.2").write(tmp_path / "b")
    assert "equal-study" in found_in(checked(tmp_path))


def test_accepted_findings_are_shown_counted_and_do_not_count_against_it(
    tmp_path: Path, clean: Make, checked: Check
) -> None:
    clean({"InstitutionAddress": "1 Main Street"}).write(tmp_path)
    day = date(2026, 1, 31)
    accepted = (
        Acceptance("address", f"{UID_ROOT}.*", "a phantom", "A", day),
        Acceptance("localizer", "*", "none is here", "A", day),
    )
    assert not checked(tmp_path).is_clean
    report = checked(tmp_path, accepted=accepted)
    assert report.is_clean
    assert report.counts() == {"error": 0, "warning": 0, "note": 1, "accepted": 1}
    assert [one.check for one in report.unused] == ["localizer"]
    assert "address" in found_in(report)


def test_an_archive_gives_the_same_as_its_folder(tmp_path: Path, clean: Make, checked: Check) -> None:
    clean({"InstitutionAddress": "1 Main Street"}, positions_mm=(0.0, 2.0, 4.0, 8.0)).write(tmp_path / "in")
    archive = Archive.create(tmp_path / "archive")
    index_folder(archive, tmp_path / "in", "c", settings=Settings(workers=1))
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as executor:
        report = check_archive(archive, archive.series_where(), Terms(executor, 1), name="c")
    assert list(report.findings) == list(checked(tmp_path / "in").findings)
    assert {"address", "missing-slices"} <= found_in(report)


def test_a_folder_without_anything_is_refused(tmp_path: Path, checked: Check) -> None:
    with pytest.raises(NotFoundError, match="no DICOM file"):
        checked(tmp_path)


def test_every_check_is_made_to_fire_by_a_test() -> None:
    here = Path(__file__).parent
    told = "".join(path.read_text() for path in here.glob("test_*.py"))
    indexed = {check.name for check in CHECKS}
    assert [rule.check for rule in RULES if rule.check not in indexed and f'"{rule.check}"' not in told] == []


@needs_shared_data
def test_philips_dose_reports_are_found_and_their_text(checked: Check) -> None:
    report = checked(SHARED_DATA / "philips_ct_edge_cases", options=Options(PixelReading.ALL))
    of_dose = {one.check: one for one in report.findings if one.place.endswith("philips_ct_edge_cases/dose_report")}
    assert {"secondary-image", "burned-in-text", "burned-in-declared", "address"} <= set(of_dose)
    assert all(f"I{number}0 " in of_dose["burned-in-text"].detail for number in (4, 5, 6))
    assert all(f"I{number}0 " not in of_dose["burned-in-text"].detail for number in (1, 2, 3))
    elsewhere = {one.check for one in report.findings if not one.place.endswith("dose_report")}
    assert not {"secondary-image", "burned-in-text"} & elsewhere
    assert "localizer" in elsewhere
    # Its slices lie straight, by position and by GantryDetectorTilt, whatever its name says.
    assert "gantry-tilt" not in found_in(report)


@needs_shared_data
def test_gaps_and_equal_positions_are_found(checked: Check) -> None:
    findings = checked(SHARED_DATA / "slice_gaps").findings
    places = {one.check: Path(one.place).name for one in findings if one.severity.value == "error"}
    assert places["missing-slices"] == "missing_slice"
    assert places["duplicated-positions"] == "same_position"
    assert {Path(one.place).name for one in findings if one.check == "too-few-slices"} == {"same_position", "too_few"}


@needs_shared_data
def test_empty_uids_and_the_address_are_found_in_files_that_form_no_series(checked: Check) -> None:
    report = checked(SHARED_DATA / "totalsegmentator_ct")
    details = {one.check: one.detail for one in report.findings}
    assert details["empty-uid"] == "SOPClassUID, SOPInstanceUID, SeriesInstanceUID, StudyInstanceUID"
    assert details["address"] == "InstitutionAddress"
    assert details["missing-uid"].startswith("20 files, ")
    assert report.file_count == 20


@needs_shared_data
def test_a_real_chest_ct_has_no_error(checked: Check) -> None:
    report = checked(SHARED_DATA / "cmb_crc_chest")
    assert report.counts()["error"] == 0
    assert {one.check for one in report.findings if one.is_open} == {"private-attribute"}
