"""RT structure sets filled on the grid of their series."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from pydicom.dataset import Dataset

from builders import SHARED_DATA, UID_ROOT, CtSeries, needs_shared_data
from damage import DAMAGES, damaged
from hilum.errors import FormatError, NotAVolumeError
from hilum.findings.rtstruct import RT_STRUCTURE_SET, is_rtstruct, read_rtstruct
from hilum.model.codes import Code
from hilum.volume.source import read_series

if TYPE_CHECKING:
    from pathlib import Path

    from damage import Damage
    from hilum.model.series import Series

CT = CtSeries(shape=(5, 12, 14), spacing_mm=(2.5, 0.5, 0.8), origin_mm=(-10.0, 20.0, -30.0))
FRAME_UID = f"{CT.study_uid}.9"

Corners = list[tuple[float, float]]

SQUARE: Corners = [(2, 3), (2, 9), (8, 9), (8, 3)]
HOLE: Corners = [(4, 5), (4, 7), (6, 7), (6, 5)]


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Series:
    folder = tmp_path_factory.mktemp("ct")
    CT.write(folder)
    return read_series(folder)


def contour(series: Series, index: float, corners: Corners, kind: str = "CLOSED_PLANAR") -> Dataset:
    item = Dataset()
    item.ContourGeometricType = kind
    points = series.geometry.to_mm([(index, row, column) for row, column in corners])
    item.NumberOfContourPoints = len(corners)
    item.ContourData = [round(float(value), 4) for value in points.ravel()]
    return item


def write(
    path: Path,
    rois: list[tuple[str, list[Dataset]]],
    *,
    frame_uid: str = FRAME_UID,
    types: dict[str, str] | None = None,
    numbers: list[int] | None = None,
) -> Path:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.Modality = RT_STRUCTURE_SET, f"{UID_ROOT}.5", "RTSTRUCT"
    dataset.StructureSetROISequence, dataset.ROIContourSequence, dataset.RTROIObservationsSequence = [], [], []
    for number, (name, contours) in zip(numbers or range(1, 99), rois, strict=False):
        roi, drawn, observed = Dataset(), Dataset(), Dataset()
        roi.ROINumber, roi.ROIName, roi.ReferencedFrameOfReferenceUID = number, name, frame_uid
        drawn.ReferencedROINumber, drawn.ROIDisplayColor, drawn.ContourSequence = number, [10, 20, 30], contours
        observed.ReferencedROINumber, observed.ObservationNumber = number, number
        observed.RTROIInterpretedType = (types or {}).get(name, "GTV")
        node = Dataset()
        node.CodeValue, node.CodingSchemeDesignator, node.CodeMeaning = "59441001", "SCT", "Lymph node"
        observed.RTROIIdentificationCodeSequence = [node]
        dataset.StructureSetROISequence.append(roi)
        dataset.ROIContourSequence.append(drawn)
        dataset.RTROIObservationsSequence.append(observed)
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset.save_as(path, enforce_file_format=True)
    return path


def test_contours_are_filled_slice_by_slice(series: Series, tmp_path: Path) -> None:
    path = write(tmp_path / "a", [("node", [contour(series, 1, SQUARE), contour(series, 3, SQUARE)])])
    found = read_rtstruct(path, series)
    assert found.mask is not None
    expected = np.zeros(series.geometry.shape, int)
    expected[[1, 3], 2:8, 3:9] = 1
    assert np.array_equal(found.mask.labels, expected)
    assert found.mask.geometry is series.geometry
    assert (found.exam_id, found.series_uid, found.frame_of_reference_uid) == (series.uid, series.uid, FRAME_UID)
    segment = found.mask.segments[1]
    assert (segment.name, segment.colour, segment.kind) == ("node", (10, 20, 30), Code("59441001", "SCT", ""))
    assert (found.refusals, found.warnings, found.lesions) == ((), (), ())


@pytest.mark.parametrize("kinds", [("CLOSED_PLANAR", "CLOSED_PLANAR"), ("CLOSEDPLANAR_XOR", "CLOSEDPLANAR_XOR")])
def test_an_inner_contour_is_a_hole(series: Series, tmp_path: Path, kinds: tuple[str, str]) -> None:
    contours = [contour(series, 2, SQUARE, kinds[0]), contour(series, 2, HOLE, kinds[1])]
    mask = read_rtstruct(write(tmp_path / "a", [("node", contours)]), series).mask
    assert mask is not None
    assert (int(mask.labels.sum()), int(mask.labels[2, 4:6, 5:7].sum())) == (36 - 4, 0)


def test_a_keyhole_is_a_hole(series: Series, tmp_path: Path) -> None:
    keyhole = [SQUARE[0], HOLE[0], *HOLE[::-1], SQUARE[0], *SQUARE[1:]]
    mask = read_rtstruct(write(tmp_path / "a", [("node", [contour(series, 2, keyhole)])]), series).mask
    assert mask is not None
    assert (int(mask.labels.sum()), int(mask.labels[2, 4:6, 5:7].sum())) == (36 - 4, 0)


def test_regions_that_overlap_stand_in_arrays_of_their_own(series: Series, tmp_path: Path) -> None:
    rois = [("a", [contour(series, 2, SQUARE)]), ("b", [contour(series, 2, HOLE)]), ("c", [contour(series, 0, HOLE)])]
    mask = read_rtstruct(write(tmp_path / "a", rois), series).mask
    assert mask is not None
    assert len(mask.layers) == 2
    assert [int(np.sum(np.stack(mask.layers) == label)) for label in (1, 2, 3)] == [36, 4, 4]


def test_numbers_that_cannot_be_labels_get_the_first_free_ones(series: Series, tmp_path: Path) -> None:
    rois = [(name, [contour(series, index, HOLE)]) for index, name in enumerate("abc")]
    mask = read_rtstruct(write(tmp_path / "a", rois, numbers=[0, 7, -3]), series).mask
    assert mask is not None
    assert {label: segment.name for label, segment in mask.segments.items()} == {1: "a", 7: "b", 2: "c"}


def test_a_point_is_a_lesion_and_an_isocentre_is_not(series: Series, tmp_path: Path) -> None:
    rois = [(name, [contour(series, 2, [(3, 4)], "POINT")]) for name in ("node", "beam")]
    found = read_rtstruct(write(tmp_path / "a", rois, types={"beam": "ISOCENTER"}), series)
    (lesion,) = found.lesions
    assert lesion.position_mm == pytest.approx(series.geometry.to_mm((2, 3, 4)))
    assert (lesion.lesion_id, lesion.label, found.mask) == ("1", "node", None)
    assert [refusal.reason for refusal in found.refusals] == ["a point of type ISOCENTER; expected one of the patient"]


@pytest.mark.parametrize(
    ("index", "kind", "reason"),
    [
        (1.2, "CLOSED_PLANAR", r"up to 0\.50 mm from slice 1 of the series; expected at most 0\.1 mm"),
        (7, "CLOSED_PLANAR", r"lies 7\.50 mm beyond the slices"),
        (2, "OPEN_PLANAR", "contours of type OPEN_PLANAR"),
    ],
)
def test_a_region_elsewhere_is_refused_and_the_others_kept(
    series: Series, tmp_path: Path, index: float, kind: str, reason: str
) -> None:
    rois = [("bad", [contour(series, index, SQUARE, kind)]), ("good", [contour(series, 2, SQUARE)])]
    found = read_rtstruct(write(tmp_path / "a", rois), series)
    assert found.mask is not None
    assert found.mask.present == {2}
    (refusal,) = found.refusals
    assert refusal.item == "a: region 1"
    with pytest.raises(FormatError, match=f"none of 1 regions can be read; .*{reason}"):
        read_rtstruct(write(tmp_path / "b", rois[:1]), series)


def test_a_region_without_voxels_is_told(series: Series, tmp_path: Path) -> None:
    tiny: Corners = [(2.2, 2.2), (2.2, 2.4), (2.4, 2.4)]
    found = read_rtstruct(write(tmp_path / "a", [("empty", []), ("tiny", [contour(series, 1, tiny)])]), series)
    assert found.warnings == (
        "a: region 1 'empty' has no contours; it has no voxels",
        "a: region 2 'tiny' goes round no voxel's centre; it has no voxels",
    )


def test_numbers_that_are_no_points_are_refused(series: Series, tmp_path: Path) -> None:
    bad = contour(series, 2, SQUARE)
    bad.ContourData = [1.0, 2.0]
    found = read_rtstruct(write(tmp_path / "a", [("bad", [bad]), ("good", [contour(series, 2, SQUARE)])]), series)
    assert [refusal.reason for refusal in found.refusals] == [
        "2 numbers in ContourData; expected finite x, y, z of each point"
    ]


def test_another_frame_of_reference_is_refused(series: Series, tmp_path: Path) -> None:
    path = write(tmp_path / "a", [("node", [contour(series, 2, SQUARE)])], frame_uid="1.2.3")
    with pytest.raises(FormatError, match=r"its frame of reference is 1\.2\.3"):
        read_rtstruct(path, series)


def test_what_is_needed_is_asked_for(series: Series, tmp_path: Path) -> None:
    path = write(tmp_path / "a", [("node", [contour(series, 2, SQUARE)])])
    with pytest.raises(FormatError, match="name the series it belongs to"):
        read_rtstruct(path, None)
    with pytest.raises(FormatError, match=r"SOP class 1.2.840.10008.5.1.4.1.1.2; expected an RT structure set"):
        read_rtstruct(series.instances.paths()[0], series)
    CtSeries(positions_mm=(0, 2, 4, 9)).write(tmp_path / "gap")
    with pytest.raises(NotAVolumeError):
        read_rtstruct(path, read_series(tmp_path / "gap"))
    assert is_rtstruct(path, path.read_bytes()[:4096])
    assert not is_rtstruct(path, series.instances.paths()[0].read_bytes()[:4096])


def test_a_set_without_regions_has_none(series: Series, tmp_path: Path) -> None:
    found = read_rtstruct(write(tmp_path / "a", []), series)
    assert (found.mask, found.lesions, found.refusals) == (None, (), ())


@needs_shared_data
def test_a_real_structure_set_is_filled(tmp_path: Path) -> None:
    path = SHARED_DATA / "pydicom_samples" / "rtstruct.dcm"
    source = pydicom.dcmread(path, force=True)
    frame_uid = source.ReferencedFrameOfReferenceSequence[0].FrameOfReferenceUID
    ct = CtSeries(shape=(5, 64, 96), spacing_mm=(10.0, 8.0, 8.0), origin_mm=(-380.0, -252.0, -210.0))
    replace(ct, override={"FrameOfReferenceUID": str(frame_uid)}).write(tmp_path)
    series = read_series(tmp_path)
    assert is_rtstruct(path, path.read_bytes()[:4096])
    found = read_rtstruct(path, series)
    assert found.mask is not None
    # A box of 400 x 300 mm on the slices at -200, -190 and -180 mm.
    expected = np.zeros(series.geometry.shape, int)
    expected[1:4, 13:51, 23:73] = 1
    assert np.array_equal(found.mask.labels, expected)
    assert found.mask.segments[1].name == "patient"
    assert [refusal.item for refusal in found.refusals] == ["rtstruct.dcm: region 2", "rtstruct.dcm: region 3"]


@given(damage=DAMAGES)
@settings(max_examples=60, deadline=None)
def test_damaged_bytes_are_read_or_refused(
    series: Series, tmp_path_factory: pytest.TempPathFactory, damage: Damage
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    path = write(folder / "a", [("a", [contour(series, 2, SQUARE)]), ("b", [contour(series, 1, HOLE)])])
    path.write_bytes(damaged(path.read_bytes(), damage))
    try:
        found = read_rtstruct(path, series)
    except FormatError as error:
        assert str(path) in str(error)  # noqa: PT017
    else:
        assert found.mask is None or len(found.mask.segments) <= 2
