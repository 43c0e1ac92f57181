"""Where segmentations lie, against the series they name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from builders import SHARED_DATA, needs_shared_data
from drawings import Drawing, draw
from hilum.check.segmentations import planes_of
from hilum.findings.segmentation_header import read_segmentation_dataset

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom.dataset import Dataset

    from hilum.check import Report

    Check = Callable[..., Report]


CHECKS = {"reference-off-grid", "reference-absent", "reference-other", "unreadable-object"}


def of_segmentation(report: Report, drawing: Drawing) -> dict[str, str]:
    place = str(drawing.path.parent)
    return {one.check: one.detail for one in report.findings if one.check in CHECKS and one.place == place}


def test_what_lies_on_its_series_is_clean(tmp_path: Path, checked: Check) -> None:
    drawing = draw(tmp_path)
    assert of_segmentation(checked(tmp_path), drawing) == {}


def _move(dataset: Dataset) -> None:
    for group in dataset.PerFrameFunctionalGroupsSequence:
        group.PlanePositionSequence[0].ImagePositionPatient[1] += 2.5


def _other_frame_of_reference(dataset: Dataset) -> None:
    dataset.FrameOfReferenceUID = "1.2.3"


def _other_image(dataset: Dataset) -> None:
    first, *_, last = dataset.PerFrameFunctionalGroupsSequence
    first.DerivationImageSequence = last.DerivationImageSequence


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_move, "frames of 15 x 17 pixels lie up to 2.50 mm from the slices of the series"),
        (_other_frame_of_reference, "its frame of reference is 1.2.3"),
        (_other_image, "which lies 6.00 mm from it"),
    ],
)
def test_what_lies_elsewhere_is_told_in_mm(
    change: Callable[[Dataset], None], words: str, tmp_path: Path, checked: Check
) -> None:
    drawing = draw(tmp_path)
    drawing.spoil(change)
    found = of_segmentation(checked(tmp_path), drawing)
    assert found.keys() == {"reference-off-grid"}
    assert words in found["reference-off-grid"]


def test_groups_of_fewer_frames_are_unreadable(tmp_path: Path, checked: Check) -> None:
    drawing = draw(tmp_path)
    drawing.spoil(lambda dataset: dataset.PerFrameFunctionalGroupsSequence.pop())
    found = of_segmentation(checked(tmp_path), drawing)
    assert found.keys() == {"unreadable-object"}
    assert "functional groups of 3 frames, NumberOfFrames 4" in found["unreadable-object"]


def test_a_plane_is_kept_once_whatever_segments_it_shows(tmp_path: Path) -> None:
    header = planes_of(read_segmentation_dataset(draw(tmp_path).path), "x")
    assert header is not None
    assert len(header.frames) == 3


@needs_shared_data
def test_slides_are_passed_over_and_real_segmentations_lie_where_they_say(checked: Check) -> None:
    slide = SHARED_DATA / "seg_sr_highdicom" / "seg_image_sm_control.dcm"
    assert planes_of(read_segmentation_dataset(slide), "x") is None
    report = checked(SHARED_DATA / "seg_sr_dcmqi")
    assert "reference-off-grid" not in {one.check for one in report.findings}
