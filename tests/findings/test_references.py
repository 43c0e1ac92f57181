"""What objects say they were made on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pydicom
import pytest
from pydicom.dataset import Dataset

from builders import SHARED_DATA, needs_shared_data
from hilum.errors import FormatError
from hilum.findings.references import Reference, references_of, referred_series
from viewer_example import write_viewer_example

if TYPE_CHECKING:
    from pathlib import Path


def item(**values: Any) -> Dataset:
    found = Dataset()
    for keyword, value in values.items():
        setattr(found, keyword, value)
    return found


def test_what_hilum_writes_names_its_series(tmp_path: Path) -> None:
    example = write_viewer_example(tmp_path)
    for path in (example.segmentation, example.lesions, example.marks):
        assert referred_series(path) == {example.series.uid}
    assert referred_series(next(example.ct.iterdir())) == frozenset()


def test_what_is_no_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="absent: cannot be read as DICOM"):
        referred_series(tmp_path / "absent")


def test_an_object_without_references_names_nothing() -> None:
    assert references_of(item(Modality="SR")) == frozenset()
    step = item(ReferencedSOPInstanceUID="1.2.3")
    assert references_of(item(ReferencedPerformedProcedureStepSequence=[step])) == frozenset()


@needs_shared_data
def test_references_of_real_objects() -> None:
    folder = SHARED_DATA / "seg_sr_highdicom"
    image = pydicom.dcmread(folder / "ct_image.dcm", stop_before_pixels=True)
    report = pydicom.dcmread(folder / "sr_document_with_multiple_groups.dcm")
    assert references_of(report) == {Reference(image.SOPInstanceUID, image.SeriesInstanceUID)}
    segmentation = pydicom.dcmread(folder / "seg_image_ct_binary.dcm")
    (series,) = segmentation.ReferencedSeriesSequence
    named = [one.ReferencedSOPInstanceUID for one in series.ReferencedInstanceSequence]
    assert references_of(segmentation) == {Reference(uid, series.SeriesInstanceUID) for uid in named}
    assert len(named) == 4
    plan = references_of(pydicom.dcmread(SHARED_DATA / "pydicom_samples" / "rtstruct.dcm", force=True))
    assert all(one.sop_uid for one in plan)
    assert referred_series(folder / "seg_image_ct_binary.dcm") == {series.SeriesInstanceUID}
