import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from builders import SHARED_DATA, CtSeries, dicom_errors, needs_shared_data
from drawings import SHAPE, closed, ct, draw, two_nodes
from hilum.errors import FormatError
from hilum.findings import segmentation_writing
from hilum.findings.segment_items import Algorithm, AlgorithmType
from hilum.findings.segmentation import read_segmentation
from hilum.findings.segmentation_header import Kind
from hilum.findings.segmentation_writing import write_segmentation
from hilum.model.codes import Code
from hilum.model.findings import FindingSet, Lesion
from hilum.model.geometry import Geometry
from hilum.model.masks import LabelMask, Segment
from hilum.volume.axes import turn_grid
from hilum.volume.source import read_series

GRID = Geometry(SHAPE, (2.0, 0.7, 0.7), (-100.0, -120.0, -300.0))
"""Of the series that `ct` writes."""

KINDS = [Kind.BINARY, Kind.LABELMAP]
NODE = Code("59441001", "SCT", "Lymph node")
MEDIASTINUM = Code("72410000", "SCT", "Mediastinum")
UNKNOWN_OBJECT = "Error - Information Object Not found"
"""What dciodvfy says of label maps, which are younger than it."""


def as_highdicom(path: Path, grid: Geometry) -> dict[int, NDArray[Any]]:
    """Voxels of each segment as highdicom reads them, in the slices of a grid that it has frames of."""
    with closed(highdicom.seg.segread(path)) as found:
        numbers = list(found.segment_numbers)
        volume = found.get_volume(combine_segments=False, allow_missing_positions=True, segment_numbers=numbers)
    own = Geometry.from_affine(volume.affine, volume.array.shape[:3])
    voxels = {}
    for index, number in enumerate(numbers):
        turned, placed = turn_grid(volume.array[..., index], own, grid.direction)
        first = round(float(grid.to_voxels(placed.origin_mm)[0]))
        voxels[number] = np.zeros(grid.shape, np.uint8)
        voxels[number][first : first + len(turned)] = turned
    return voxels


@pytest.mark.parametrize("kind", KINDS)
def test_highdicom_reads_the_voxels_that_were_written(tmp_path: Path, kind: Kind) -> None:
    drawing = draw(tmp_path, kind=kind)
    voxels = as_highdicom(drawing.path, drawing.series.geometry)
    assert voxels.keys() == {1, 2}
    assert all(np.array_equal(voxels[number] != 0, drawing.labels == number) for number in voxels)


def test_frames_lie_bit_by_bit_where_the_standard_puts_them(tmp_path: Path) -> None:
    drawing = draw(tmp_path)
    dataset = pydicom.dcmread(drawing.path)
    bits = np.unpackbits(np.frombuffer(dataset.PixelData, np.uint8), bitorder="little")
    frames = bits[: dataset.NumberOfFrames * 255].reshape(-1, *SHAPE[1:])
    expected = [drawing.labels[index] == number for number, index in ((1, 1), (1, 2), (2, 2), (2, 4))]
    assert np.array_equal(frames, expected)
    assert len(dataset.PixelData) % 2 == 0
    values = [list(group.FrameContentSequence[0].DimensionIndexValues) for group in dataset[0x52009230].value]
    assert values == [[1, 1], [1, 2], [2, 2], [2, 3]]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_mask_comes_back(tmp_path: Path, kind: Kind, data: st.DataObject) -> None:
    shape = data.draw(st.tuples(st.integers(3, 5), st.integers(1, 9), st.integers(1, 9)))
    elements = st.sampled_from([0, 0, 0, 1, 2, 5, 255, 40_000])
    labels = data.draw(hnp.arrays(np.uint16, shape, elements=elements).filter(lambda values: bool(values.any())))
    drawing = draw(Path(tempfile.mkdtemp(dir=tmp_path)), labels, kind=kind)
    found = read_segmentation(drawing.path, drawing.series).mask
    assert found is not None
    assert np.array_equal(found.labels, labels)
    assert found.present == found.segments.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_what_segments_are_comes_back(tmp_path: Path, kind: Kind) -> None:
    segments = {
        1: Segment("Größe, zwölf", (12, 200, 99), Code("91723000", "SCT", "Anatomical Structure"), NODE, MEDIASTINUM),
        2: Segment("second", (0, 0, 255), Code("49755003", "SCT", "Morphologically Abnormal Structure"), NODE),
        4: Segment("of no voxel", (255, 255, 255), Code("91723000", "SCT", "Anatomical Structure"), NODE),
    }
    tracked = {
        label: replace(segment, tracking_id=f"T{label}", tracking_uid=f"1.2.{label}")
        for label, segment in segments.items()
    }
    drawing = draw(tmp_path, kind=kind, segments=tracked)
    found = read_segmentation(drawing.path, drawing.series).mask
    assert found is not None
    assert found.segments == tracked


def test_segments_that_overlap_come_back_in_layers(tmp_path: Path) -> None:
    over = np.zeros(SHAPE, np.uint8)
    over[2:5, 3:9, 5:12] = 9
    drawing = draw(tmp_path, over=(over,))
    found = read_segmentation(drawing.path, drawing.series)
    assert found.mask is not None
    assert np.array_equal(found.mask.labels, drawing.labels)
    assert np.array_equal(found.mask.overlaid[0], over)
    assert f"{np.count_nonzero(over & drawing.labels.astype(bool))} voxels belong" in found.warnings[0]
    assert pydicom.dcmread(drawing.path).SegmentsOverlap == "UNDEFINED"
    with pytest.raises(FormatError, match="voxels have two labels, and this format holds one"):
        draw(tmp_path / "map", over=(over,), kind=Kind.LABELMAP)


def test_what_mask_and_lesions_leave_open_is_filled_in(tmp_path: Path) -> None:
    series = ct(tmp_path / "ct")
    lesion = Lesion("E", "N7", (0, 0, 0), label="mediastinal lymph node", mask_label=1, tracking_uid="1.2.3", kind=NODE)
    findings = FindingSet("E", lesions=(lesion,), mask=LabelMask(two_nodes(), series.geometry))
    algorithm = Algorithm(AlgorithmType.AUTOMATIC, "classic 3")
    write_segmentation(tmp_path / "a.dcm", findings, series, algorithm=algorithm)
    first, second = pydicom.dcmread(tmp_path / "a.dcm").SegmentSequence
    assert (first.SegmentLabel, first.TrackingID, first.TrackingUID) == ("mediastinal lymph node", "N7", "1.2.3")
    assert first.SegmentedPropertyTypeCodeSequence[0].CodeValue == "59441001"
    assert first.SegmentedPropertyCategoryCodeSequence[0].CodeValue == "91723000"
    assert first.AnatomicRegionSequence[0].CodeValue == "72410000"
    assert (first.SegmentAlgorithmType, first.SegmentAlgorithmName) == ("AUTOMATIC", "classic 3")
    assert (second.SegmentLabel, second.TrackingID) == ("label 2", "label 2")
    assert UID(second.TrackingUID).is_valid
    assert second.SegmentedPropertyTypeCodeSequence[0].CodeMeaning == "Lesion"
    assert "AnatomicRegionSequence" not in second
    assert first.RecommendedDisplayCIELabValue != second.RecommendedDisplayCIELabValue


def test_it_refers_to_the_one_series_and_its_patient(tmp_path: Path) -> None:
    drawing = draw(tmp_path)
    dataset, source = pydicom.dcmread(drawing.path), pydicom.dcmread(drawing.series.instances.paths()[0])
    for keyword in ("PatientID", "PatientName", "StudyInstanceUID", "StudyDate", "FrameOfReferenceUID"):
        assert dataset[keyword].value == source[keyword].value
    (referenced,) = dataset.ReferencedSeriesSequence
    assert referenced.SeriesInstanceUID == drawing.series.uid
    uids = [item.ReferencedSOPInstanceUID for item in referenced.ReferencedInstanceSequence]
    assert uids == list(drawing.series.instances.column("SOPInstanceUID"))
    frame = dataset.PerFrameFunctionalGroupsSequence[0]
    assert frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID == uids[1]
    assert dataset.SeriesInstanceUID != drawing.series.uid
    assert (dataset.ContentDate, dataset.ContentTime) == ("20000102", "101112")


def test_label_map_describes_no_background(tmp_path: Path) -> None:
    dataset = pydicom.dcmread(draw(tmp_path, kind=Kind.LABELMAP).path)
    assert [item.SegmentNumber for item in dataset.SegmentSequence] == [1, 2]
    assert dataset.PixelPaddingValue == 0
    assert dataset.NumberOfFrames == 3


def test_a_repeat_gives_the_same_bytes_and_any_change_other_uids(tmp_path: Path) -> None:
    first = draw(tmp_path / "a")
    assert draw(tmp_path / "b").path.read_bytes() == first.path.read_bytes()
    moved = two_nodes()
    moved[5, 5, 5] = 1
    others = [
        draw(tmp_path / "c", moved),
        draw(tmp_path / "d", segments={1: Segment("other")}),
        draw(tmp_path / "e", kind=Kind.LABELMAP),
    ]
    datasets = [pydicom.dcmread(drawing.path) for drawing in (first, *others)]
    for keyword in ("SOPInstanceUID", "SeriesInstanceUID"):
        assert len({dataset[keyword].value for dataset in datasets}) == 4
        assert all(UID(dataset[keyword].value).is_valid for dataset in datasets)


@pytest.mark.parametrize("kind", KINDS)
def test_dciodvfy_finds_no_error(tmp_path: Path, kind: Kind) -> None:
    drawing = draw(tmp_path, kind=kind, segments={1: Segment("mediastinal lymph node", site=MEDIASTINUM)})
    assert set(dicom_errors(drawing.path)) <= ({UNKNOWN_OBJECT} if kind is Kind.LABELMAP else set())


@needs_shared_data
@pytest.mark.parametrize("kind", KINDS)
def test_on_a_real_chest_ct(tmp_path: Path, kind: Kind) -> None:
    series = read_series(SHARED_DATA / "cmb_crc_chest")
    labels = np.zeros(series.geometry.shape, np.uint8)
    labels[40:52, 200:230, 240:260], labels[50:60, 300:310, 200:230] = 1, 2
    mask = LabelMask(labels, series.geometry, {1: Segment("mediastinal lymph node")})
    path = tmp_path / "a.seg.dcm"
    write_segmentation(path, FindingSet(series.uid, mask=mask), series, kind=kind)
    assert set(dicom_errors(path)) <= ({UNKNOWN_OBJECT} if kind is Kind.LABELMAP else set())
    found = read_segmentation(path, series)
    assert found.mask is not None
    assert found.warnings == ()
    assert np.array_equal(found.mask.labels, labels)
    voxels = as_highdicom(path, series.geometry)
    assert all(np.array_equal(voxels[number] != 0, labels == number) for number in (1, 2))


def test_images_of_an_enhanced_ct_are_named_with_their_frame(tmp_path: Path) -> None:
    enhanced(tmp_path / "ct.dcm")
    series = read_series([tmp_path / "ct.dcm"])
    labels = two_nodes()
    write_segmentation(tmp_path / "a.dcm", FindingSet("E", mask=LabelMask(labels, series.geometry)), series)
    dataset = pydicom.dcmread(tmp_path / "a.dcm")
    images = [group.DerivationImageSequence[0].SourceImageSequence[0] for group in dataset[0x52009230].value]
    assert [image.ReferencedFrameNumber for image in images] == [2, 3, 3, 5]
    assert len(dataset.ReferencedSeriesSequence[0].ReferencedInstanceSequence) == 1
    found = read_segmentation(tmp_path / "a.dcm", series).mask
    assert found is not None
    assert np.array_equal(found.labels, labels)


def enhanced(path: Path) -> None:
    """Write the slices of a series as the frames of one enhanced CT."""
    slices = CtSeries(shape=SHAPE).datasets()
    dataset = slices[0]
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2.1"
    dataset.NumberOfFrames = len(slices)
    groups, shared = [], Dataset()
    for image in slices:
        place, position = Dataset(), Dataset()
        place.ImagePositionPatient = image.ImagePositionPatient
        position.PlanePositionSequence = [place]
        groups.append(position)
    orientation, measures = Dataset(), Dataset()
    orientation.ImageOrientationPatient, measures.PixelSpacing = dataset.ImageOrientationPatient, dataset.PixelSpacing
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [orientation], [measures]
    dataset.SharedFunctionalGroupsSequence, dataset.PerFrameFunctionalGroupsSequence = [shared], groups
    dataset.PixelData = b"".join(image.PixelData for image in slices)
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        del dataset[keyword]
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.save_as(path, enforce_file_format=True)


def test_odd_values_of_the_series_are_passed_on(tmp_path: Path) -> None:
    series = ct(
        tmp_path / "ct", override={"PatientName": "a^b", "StudyDate": "", "StudyTime": None, "StudyID": "x" * 12}
    )
    mask = LabelMask(two_nodes().astype(np.uint64), series.geometry)
    write_segmentation(tmp_path / "a.dcm", FindingSet("E", mask=mask), series)
    dataset = pydicom.dcmread(tmp_path / "a.dcm")
    assert (dataset.PatientName, dataset.StudyID, dataset.StudyDate) == ("a^b", "x" * 12, "")
    assert (dataset.ContentDate, dataset.ContentTime) == ("19000101", "000000")
    assert dicom_errors(tmp_path / "a.dcm") == []


def test_mask_of_segments_without_voxels_has_one_empty_frame(tmp_path: Path) -> None:
    drawing = draw(tmp_path, np.zeros(SHAPE, np.uint8), segments={1: Segment("gone"), 2: Segment("too")})
    found = read_segmentation(drawing.path, drawing.series).mask
    assert found is not None
    assert not found.labels.any()
    assert [segment.name for segment in found.segments.values()] == ["gone", "too"]
    assert dicom_errors(drawing.path) == []


def test_names_that_dicom_cannot_hold_are_made_to_fit(tmp_path: Path) -> None:
    drawing = draw(tmp_path, segments={1: Segment("a\\b\n" + "x" * 80)})
    found = read_segmentation(drawing.path, drawing.series).mask
    assert found is not None
    assert found.segments[1].name == ("a/b" + "x" * 80)[:64]
    assert dicom_errors(drawing.path) == []


def written(tmp_path: Path, labels: NDArray[Any], **changed: Any) -> None:
    series = ct(tmp_path / "ct")
    assert series.geometry.is_close(GRID)
    mask = LabelMask(labels, series.geometry)
    findings = FindingSet(**{"exam_id": "E", "mask": mask, **changed})
    write_segmentation(tmp_path / "a.dcm", findings, series)


def described(label: int) -> LabelMask:
    """Mask on the series of `written` that describes one more label."""
    return LabelMask(two_nodes(), GRID, {label: Segment("a")})


def test_what_cannot_be_written_is_refused_and_nothing_stays(tmp_path: Path) -> None:
    elsewhere = Geometry(SHAPE, (1, 1, 1), (0, 0, 0))
    for labels, changed, message in (
        (np.zeros(SHAPE, np.uint8), {}, "the mask is empty and describes no segment"),
        (np.full(SHAPE, -1, np.int16), {}, "labels from -1 to -1; a segmentation holds 1 to 65535"),
        (np.full(SHAPE, 70_000, np.int32), {}, "labels from 70000 to 70000"),
        (two_nodes(), {"mask": described(70_000)}, "labels from 1 to 70000"),
        (two_nodes(), {"mask": described(-3)}, "labels from -3 to 2"),
        (two_nodes(), {"mask": LabelMask(two_nodes(), elsewhere)}, r"\d+\.\d\d mm from that of the series"),
        (two_nodes(), {"frame_of_reference_uid": "1.2.3"}, r"frame of reference is 1\.2\.3"),
        (two_nodes(), {"mask": None}, "no mask to write"),
    ):
        with pytest.raises(FormatError, match=message):
            written(tmp_path, labels, **changed)
        assert not (tmp_path / "a.dcm").exists()


def test_more_than_an_element_holds_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segmentation_writing, "LONGEST_VALUE", 100)
    with pytest.raises(FormatError, match="4 frames take 127 bytes; DICOM holds 100: write a label map"):
        written(tmp_path, two_nodes())


def test_target_and_kind_are_needed(tmp_path: Path) -> None:
    series = ct(tmp_path / "ct")
    findings = FindingSet("E", mask=LabelMask(two_nodes(), series.geometry))
    with pytest.raises(FormatError, match="refers to the images it was drawn on; name the series"):
        write_segmentation(tmp_path / "a.dcm", findings, None)
    with pytest.raises(ValueError, match="expected BINARY or LABELMAP"):
        write_segmentation(tmp_path / "a.dcm", findings, series, kind=Kind.FRACTIONAL)
    with pytest.raises(ValueError, match="AUTOMATIC without a name"):
        Algorithm(AlgorithmType.AUTOMATIC)
