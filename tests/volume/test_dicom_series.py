from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydicom.uid import UID

from hilum.errors import PixelError
from hilum.model.geometry import Geometry
from hilum.volume import Volume, load
from hilum.volume.dicom_series import derived_uid, write_dicom_series

OBLIQUE = ((0.0, 0.0, 1.0), (0.6, 0.8, 0.0), (0.8, -0.6, 0.0))
GRID = Geometry((4, 5, 6), (2.5, 0.7, 0.6), (-123.456789, 20.0, -30.0), OBLIQUE)


def volume(dtype: str = "int16", low: int = -1024, grid: Geometry = GRID) -> Volume:
    return Volume(np.random.default_rng(0).integers(low, 3000, grid.shape).astype(dtype), grid)


FORMS: list[dict[str, Any]] = [
    {},
    {"is_implicit": True, "intercept": -1024, "is_signed": False},
    {"is_implicit": True},
    {"intercept": -1024},
    {"slope": 2, "intercept": -1024},
]


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_written_series_is_read_back_by_hilum_and_simpleitk(tmp_path: Path, form: dict[str, Any]) -> None:
    written = volume()
    if form.get("slope") == 2:
        written = Volume(written.hu // 2 * 2, GRID)
    paths = write_dicom_series(written, tmp_path, attributes={"PatientID": "P1"}, **form)
    assert [path.name for path in paths] == ["000000.dcm", "000001.dcm", "000002.dcm", "000003.dcm"]
    back = load(tmp_path)
    assert np.array_equal(back.hu, written.hu)
    assert back.geometry.distance_mm(GRID) < 1e-9
    image: Any = SimpleITK.ReadImage(SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(tmp_path)))
    assert np.array_equal(SimpleITK.GetArrayFromImage(image), written.hu)
    assert np.allclose(image.TransformIndexToPhysicalPoint((5, 4, 3)), GRID.to_mm((3, 4, 5)), atol=1e-4)


def test_elements_are_those_of_a_ct_image_and_nothing_is_invented(tmp_path: Path) -> None:
    attributes = {"PatientID": "P1", "PatientName": "Größe^Zoë", "SpecificCharacterSet": "ISO_IR 192", "KVP": 120}
    paths = write_dicom_series(volume(), tmp_path, attributes=attributes, name="1-{number:03d}.dcm")
    assert paths[0].name == "1-001.dcm"
    found = [pydicom.dcmread(path) for path in paths]
    first = found[0]
    assert [element.keyword for element in first] == [
        "SpecificCharacterSet",
        "ImageType",
        "SOPClassUID",
        "SOPInstanceUID",
        "Modality",
        "PatientName",
        "PatientID",
        "KVP",
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "InstanceNumber",
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "FrameOfReferenceUID",
        "SamplesPerPixel",
        "PhotometricInterpretation",
        "Rows",
        "Columns",
        "PixelSpacing",
        "BitsAllocated",
        "BitsStored",
        "HighBit",
        "PixelRepresentation",
        "RescaleIntercept",
        "RescaleSlope",
        "PixelData",
    ]
    assert first.PatientName == "Größe^Zoë"
    assert first.file_meta.MediaStorageSOPInstanceUID == first.SOPInstanceUID
    assert len({dataset.SOPInstanceUID for dataset in found}) == 4
    assert len({dataset.SeriesInstanceUID for dataset in found}) == 1
    assert [dataset.InstanceNumber for dataset in found] == [1, 2, 3, 4]
    assert all(UID(dataset.SOPInstanceUID).is_valid for dataset in found)


def written(folder: Path, **changed: Any) -> list[bytes]:
    given: dict[str, Any] = {"attributes": {"PatientID": "P1"}, **changed}
    return [path.read_bytes() for path in write_dicom_series(given.pop("volume", volume()), folder, **given)]


def test_a_repeat_gives_the_same_bytes_and_any_change_other_uids(tmp_path: Path) -> None:
    first = written(tmp_path / "a")
    assert written(tmp_path / "b") == first
    moved = Volume(volume().hu, Geometry(GRID.shape, GRID.spacing_mm, (0, 0, 0), GRID.direction))
    uids = {pydicom.dcmread(tmp_path / "a" / "000000.dcm").SOPInstanceUID}
    changes: list[dict[str, Any]] = [
        {"volume": volume(low=0)},
        {"volume": moved},
        {"attributes": {"PatientID": "P2"}},
        {"intercept": -1},
        {"is_implicit": True},
    ]
    for number, change in enumerate(changes):
        written(tmp_path / str(number), **change)
        uids.add(pydicom.dcmread(tmp_path / str(number) / "000000.dcm").SOPInstanceUID)
    assert len(uids) == 1 + len(changes)


def test_given_uids_are_kept_and_none_leaves_out(tmp_path: Path) -> None:
    given = {
        "StudyInstanceUID": "1.2.3",
        "SeriesInstanceUID": "1.2.3.4",
        "ImageType": None,
        "FrameOfReferenceUID": None,
    }
    paths = write_dicom_series(volume(), tmp_path, attributes=given)
    dataset = pydicom.dcmread(paths[0])
    assert (dataset.StudyInstanceUID, dataset.SeriesInstanceUID) == ("1.2.3", "1.2.3.4")
    assert "ImageType" not in dataset
    assert "FrameOfReferenceUID" not in dataset


def test_fractions_are_rounded_to_what_can_be_stored(tmp_path: Path) -> None:
    hu = np.array([[[0.4, 0.6, -0.6]]] * 3, np.float32)
    grid = Geometry(hu.shape, (1, 1, 1), (0, 0, 0))
    write_dicom_series(Volume(hu, grid), tmp_path / "whole", attributes={})
    assert load(tmp_path / "whole").hu[0].tolist() == [[0, 1, -1]]
    write_dicom_series(Volume(hu, grid), tmp_path / "tenths", attributes={}, slope=0.1)
    assert np.allclose(load(tmp_path / "tenths", dtype="float32").hu, hu, atol=1e-6)


@pytest.mark.parametrize("hu", [-1, float("nan"), 65536])
def test_hu_that_cannot_be_stored_are_refused(tmp_path: Path, hu: float) -> None:
    grid = Geometry((1, 1, 1), (1, 1, 1), (0, 0, 0))
    with pytest.raises(PixelError, match="16 bits hold 0 to 65535"):
        write_dicom_series(Volume(np.array([[[hu]]], np.float32), grid), tmp_path, attributes={}, is_signed=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("keyword", ["Rows", "ImagePositionPatient", "RescaleSlope", "SOPInstanceUID", "PixelData"])
def test_what_follows_from_the_volume_cannot_be_given(tmp_path: Path, keyword: str) -> None:
    with pytest.raises(ValueError, match=keyword):
        write_dicom_series(volume(), tmp_path, attributes={keyword: 1})


def test_misspelt_keyword_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="PatientId"):
        write_dicom_series(volume(), tmp_path, attributes={"PatientId": "P1"})


def test_rows_and_columns_must_be_at_right_angles(tmp_path: Path) -> None:
    sheared = Geometry((1, 2, 2), (1, 1, 1), (0, 0, 0), ((0, 0.6, 1), (0, 0.8, 0), (1, 0, 0)))
    with pytest.raises(ValueError, match="right angles"):
        write_dicom_series(Volume(np.zeros((1, 2, 2), np.int16), sheared), tmp_path, attributes={})


def test_left_handed_volume_comes_back_with_its_slices_turned_round(tmp_path: Path) -> None:
    downward = Geometry((4, 5, 6), (2, 1, 1), (0, 0, 0), ((0, 0, 1), (0, 1, 0), (-1, 0, 0)))
    hu = volume().hu
    write_dicom_series(Volume(hu, downward), tmp_path, attributes={})
    back = load(tmp_path)
    assert np.array_equal(back.hu, hu[::-1])
    assert np.allclose(back.geometry.to_mm((0, 0, 0)), downward.to_mm((3, 0, 0)))


angles = st.floats(-np.pi, np.pi)


def turned(a: float, b: float, c: float) -> NDArray[np.float64]:
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    about_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    rotation: NDArray[np.float64] = about_x @ about_y @ about_z
    return rotation


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(angles, angles, angles, st.tuples(*[st.floats(-500, 500)] * 3), st.tuples(*[st.floats(0.3, 5)] * 3))
def test_any_rotation_comes_back(
    tmp_path: Path, a: float, b: float, c: float, origin: tuple[float, ...], spacing: tuple[float, ...]
) -> None:
    affine = np.eye(4)
    affine[:3, :3] = turned(a, b, c)[:, ::-1] * (-1, 1, 1) * np.array(spacing)
    if np.linalg.det(affine[:3, [2, 1, 0]]) < 0:
        affine[:3, 0] *= -1
    affine[:3, 3] = origin
    grid = Geometry.from_affine(affine, (3, 4, 5))
    hu = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    back = load(write_dicom_series(Volume(hu, grid), tmp_path, attributes={}))
    assert np.array_equal(back.hu, hu)
    assert back.geometry.distance_mm(grid) < 1e-6


def test_derived_uids_are_valid_and_differ() -> None:
    uids = {derived_uid(str(number)) for number in range(200)}
    assert len(uids) == 200
    assert all(UID(uid).is_valid and len(uid) <= 44 for uid in uids)
    assert derived_uid("1") == derived_uid("1")
