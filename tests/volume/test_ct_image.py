import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK

from builders import SHARED_DATA, dicom_errors, needs_shared_data
from hilum.errors import FormatError
from hilum.model.geometry import Geometry
from hilum.volume import Volume, load
from hilum.volume.axes import as_axial
from hilum.volume.ct_image import TYPE_2, ct_volume, parse_attributes, write_ct_series
from hilum.volume.files import read_image
from hilum.volume.nifti import read_nifti

TILT = np.radians(12)
GRIDS = {
    "axial": Geometry((4, 5, 6), (2.5, 0.7, 0.6), (-123.456789, 20.0, -30.0)),
    "oblique": Geometry((4, 5, 6), (2.5, 0.7, 0.6), (-1, 2, 3), ((0, 0, 1), (0.6, 0.8, 0), (0.8, -0.6, 0))),
    "sheared": Geometry((4, 5, 6), (2.5, 1, 1), (0, 0, 0), ((0, 0, 1), (np.sin(TILT), 1, 0), (np.cos(TILT), 0, 0))),
    "RAS": Geometry((4, 5, 6), (2.5, 0.7, 0.6), (50, 60, -70), ((0, 0, -1), (0, -1, 0), (1, 0, 0))),
    "mirrored": Geometry((4, 5, 6), (2.5, 0.7, 0.6), (50, 60, -70), ((0, 0, -1), (0, 1, 0), (1, 0, 0))),
    "coronal": Geometry((4, 5, 6), (0.7, 2.5, 0.6), (50, 60, -70), ((0, 0, 1), (1, 0, 0), (0, -1, 0))),
}


def voxels(grid: Geometry, dtype: str = "int16") -> Any:
    return np.random.default_rng(0).integers(-1024, 3000, grid.shape).astype(dtype)


@pytest.mark.parametrize("name", GRIDS)
def test_series_is_valid_and_read_back_by_hilum_and_simpleitk(tmp_path: Path, name: str) -> None:
    grid = GRIDS[name]
    expected = as_axial(Volume(voxels(grid), grid))
    paths = write_ct_series(ct_volume(voxels(grid), grid), tmp_path / "out", attributes={"PatientID": "P1"})
    assert dicom_errors(paths[0]) == dicom_errors(paths[-1]) == []
    back = load(tmp_path / "out", allow=("gantry-tilt",))
    assert np.array_equal(back.hu, expected.hu)
    assert back.geometry.is_close(expected.geometry, 1e-6)
    image: Any = SimpleITK.ReadImage(SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(tmp_path / "out")))
    assert np.array_equal(SimpleITK.GetArrayFromImage(image), expected.hu)


@pytest.mark.parametrize("name", sorted(set(GRIDS) - {"sheared"}))
def test_dcm2niix_gives_the_same_voxels_at_the_same_places(tmp_path: Path, name: str) -> None:
    expected = ct_volume(voxels(GRIDS[name]), GRIDS[name])
    write_ct_series(expected, tmp_path / "out", attributes={})
    back = dcm2niix(tmp_path / "out", tmp_path)
    assert np.array_equal(back.hu, expected.hu)
    assert back.geometry.is_close(expected.geometry, 1e-3)


def dcm2niix(folder: Path, out: Path) -> Volume:
    command = shutil.which("dcm2niix")
    if command is None:
        pytest.fail("no dcm2niix on this machine; `make test` installs it (apt-get install dcm2niix)")
    subprocess.run([command, "-f", "back", "-o", str(out), str(folder)], check=True, capture_output=True)
    return as_axial(read_nifti(out / "back.nii"))


def test_what_is_not_known_is_empty_or_absent(tmp_path: Path) -> None:
    grid = GRIDS["axial"]
    given = {"PatientID": "P1", "BodyPartExamined": "CHEST", "KVP": "120", "ImageType": "DERIVED\\SECONDARY\\AXIAL"}
    paths = write_ct_series(ct_volume(voxels(grid), grid), tmp_path / "out", attributes=given)
    dataset = pydicom.dcmread(paths[0])
    assert (dataset.PatientID, dataset.KVP, list(dataset.ImageType)) == ("P1", 120, ["DERIVED", "SECONDARY", "AXIAL"])
    assert [element.keyword for element in dataset if element.is_empty] == sorted(
        set(TYPE_2) - set(given), key=lambda keyword: dataset[keyword].tag
    )
    assert "SpecificCharacterSet" not in dataset
    assert "SoftwareVersions" not in dataset


def test_names_beyond_ascii_get_their_character_set(tmp_path: Path) -> None:
    grid = GRIDS["axial"]
    paths = write_ct_series(ct_volume(voxels(grid), grid), tmp_path / "out", attributes={"PatientName": "Größe^Zoë"})
    assert dicom_errors(paths[0]) == []
    assert pydicom.dcmread(paths[0]).PatientName == "Größe^Zoë"


def test_a_repeat_gives_the_same_files_and_a_full_folder_is_refused(tmp_path: Path) -> None:
    grid = GRIDS["axial"]
    volume = ct_volume(voxels(grid), grid)
    (tmp_path / "a").mkdir()
    first = [path.read_bytes() for path in write_ct_series(volume, tmp_path / "a", attributes={})]
    assert [path.read_bytes() for path in write_ct_series(volume, tmp_path / "b", attributes={})] == first
    with pytest.raises(FormatError, match="empty or new"):
        write_ct_series(volume, tmp_path / "b", attributes={})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_nothing_is_left_of_a_series_that_cannot_be_written(tmp_path: Path) -> None:
    grid = GRIDS["axial"]
    with pytest.raises(ValueError, match="Rows"):
        write_ct_series(ct_volume(voxels(grid), grid), tmp_path / "out", attributes={"Rows": "3"})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32", "float64"])
def test_whole_values_of_any_type_are_hu(dtype: str) -> None:
    grid = GRIDS["axial"]
    values = np.abs(voxels(grid)) % 200
    volume = ct_volume(values.astype(dtype), grid)
    assert volume.hu.dtype == np.int16
    assert np.array_equal(volume.hu, values)


@pytest.mark.parametrize(
    ("value", "message"),
    [(0.25, "1 of 120 values are no whole HU, by up to 0.25"), (np.nan, "no finite"), (40000, "from -32768 to 32767")],
)
def test_values_that_are_no_hu_are_refused(value: float, message: str) -> None:
    values = np.zeros((4, 5, 6))
    values[1, 2, 3] = value
    with pytest.raises(FormatError, match=message):
        ct_volume(values, GRIDS["axial"])


def test_rounding_takes_the_nearest_and_still_refuses_what_is_no_hu() -> None:
    grid = Geometry((1, 1, 4), (1, 1, 1), (0, 0, 0))
    assert ct_volume(np.array([[[0.4, 0.5, 1.5, -0.6]]]), grid, rounding=True).hu.ravel().tolist() == [0, 0, 2, -1]
    with pytest.raises(FormatError, match="finite"):
        ct_volume(np.full((1, 1, 4), np.inf), grid, rounding=True)


def test_slanted_rows_are_refused() -> None:
    grid = Geometry((1, 2, 2), (1, 1, 1), (0, 0, 0), ((0, 0.6, 1), (0, 0.8, 0), (1, 0, 0)))
    with pytest.raises(FormatError, match=r"53\.13 degrees"):
        ct_volume(np.zeros((1, 2, 2)), grid)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("PatientID", "expected Keyword=value"),
        ("PatientId=1", "no keyword"),
        ("Rows=3", "follows from the volume"),
        ("Modality=MR", "follows from the volume"),
        ("PatientAge=42", "PatientAge=42"),
        ("StudyInstanceUID=1.2.x", "1.2.x"),
        ("StudyDescription=" + "x" * 65, "maximum length"),
        ("StudyDescription=a\nb", "line of text"),
        ("ReferencedImageSequence=1", "VR SQ"),
        ("PrivateCreator", "Keyword=value"),
    ],
)
def test_wrong_attributes_are_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_attributes([text])


def test_attributes_are_parsed() -> None:
    assert parse_attributes(["PatientID=a=b", "StudyDescription="]) == {"PatientID": "a=b", "StudyDescription": ""}


@needs_shared_data
def test_real_nifti_becomes_the_same_ct(tmp_path: Path) -> None:
    image = read_image(SHARED_DATA / "totalsegmentator_ct" / "example_ct.nii.gz")
    volume = ct_volume(image.values, image.geometry, rounding=True)
    paths = write_ct_series(volume, tmp_path / "out", attributes={})
    assert dicom_errors(paths[0]) == []
    for back in (load(tmp_path / "out"), dcm2niix(tmp_path / "out", tmp_path)):
        assert np.array_equal(back.hu, volume.hu)
        assert back.geometry.is_close(volume.geometry, 1e-2)
