"""``hilum convert`` as its user types it."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from typer.testing import CliRunner, Result

from builders import CtSeries
from hilum.catalog import Archive
from hilum.catalog.folder import index_folder
from hilum.cli.app import app, register_verbs
from hilum.errors import ArchiveError, FormatError, NotAVolumeError, NotFoundError
from hilum.model.geometry import Geometry
from hilum.volume import load
from hilum.volume.nifti import read_nifti, write_grid

register_verbs()


def hilum(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["convert", *map(str, words)], env={"HILUM_ARCHIVE": None, "COLUMNS": "200"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    CtSeries(shape=(5, 8, 8), spacing_mm=(2, 1, 1)).write(tmp_path / "in")
    return tmp_path / "in"


@pytest.mark.parametrize("name", ["out.nii", "out.nii.gz"])
def test_folder_becomes_nifti(tmp_path: Path, folder: Path, name: str) -> None:
    done = hilum(folder, tmp_path / name)
    assert done.exit_code == 0, done.output
    assert "5 slices of 8 x 8 voxels, 2 x 1 x 1 mm" in done.stderr
    back = read_nifti(tmp_path / name)
    assert np.array_equal(back.hu, load(folder).hu)
    assert back.geometry.distance_mm(load(folder).geometry) < 1e-4


def test_spacing_and_dtype(tmp_path: Path, folder: Path) -> None:
    done = hilum(folder, tmp_path / "out.nii", "--spacing", "1", "--dtype", "float32")
    assert done.exit_code == 0, done.output
    assert read_nifti(tmp_path / "out.nii").shape == (10, 8, 8)
    assert hilum(folder, tmp_path / "out.nii", "--spacing", "5,4,2").exit_code == 0
    assert read_nifti(tmp_path / "out.nii").shape == (2, 2, 4)


def test_series_of_an_archive(tmp_path: Path, folder: Path) -> None:
    archive = Archive.create(tmp_path / "archive")
    index_folder(archive, folder, "c")
    uid = CtSeries().series_uid
    done = hilum(uid, tmp_path / "out.nii", "--archive", archive.path)
    assert done.exit_code == 0, done.output
    assert np.array_equal(read_nifti(tmp_path / "out.nii").hu, load(folder).hu)
    assert isinstance(hilum("1.2.3", tmp_path / "out.nii", "--archive", archive.path).exception, NotFoundError)
    assert isinstance(hilum(uid, tmp_path / "out.nii", "--archive", tmp_path / "none").exception, ArchiveError)


def test_flawed_series_is_refused_unless_its_check_is_allowed(tmp_path: Path) -> None:
    CtSeries(positions_mm=(0, 2, 6, 8)).write(tmp_path / "in")
    refused = hilum(tmp_path / "in", tmp_path / "out.nii")
    assert isinstance(refused.exception, NotAVolumeError)
    assert refused.exception.check == "missing-slices"
    assert not (tmp_path / "out.nii").exists()
    assert hilum(tmp_path / "in", tmp_path / "out.nii", "--allow", "missing-slices").exit_code == 0
    assert read_nifti(tmp_path / "out.nii").shape == (4, 16, 16)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["out.mha"], "ends in .nii or .nii.gz"),
        (["out.nii", "--spacing", "0"], "positive numbers"),
        (["out.nii", "--spacing", "1,2"], "one or three"),
        (["out.nii", "--spacing", "thin"], "one or three"),
        (["out.nii", "--allow", "mixed-size"], "expected one of"),
        (["out.nii", "--dtype", "uint8"], "uint8"),
    ],
)
def test_wrong_usage_is_told(folder: Path, words: list[str], message: str) -> None:
    done = hilum(folder, *words)
    assert done.exit_code == 2
    assert message in " ".join(done.stderr.replace("│", " ").split())


def test_uid_without_archive_is_wrong_usage(tmp_path: Path) -> None:
    done = hilum("1.2.3", tmp_path / "out.nii")
    assert done.exit_code == 2
    assert "--archive" in done.stderr


@pytest.fixture
def nifti(tmp_path: Path, folder: Path) -> Path:
    assert hilum(folder, tmp_path / "in.nii.gz").exit_code == 0
    return tmp_path / "in.nii.gz"


def test_nifti_becomes_a_ct_series(tmp_path: Path, folder: Path, nifti: Path) -> None:
    words = ["--patient-id", "P7", "--series-description", "from NIfTI", "--attribute", "BodyPartExamined=CHEST"]
    done = hilum(nifti, "--to-dicom", tmp_path / "out", *words)
    assert done.exit_code == 0, done.output
    assert "5 slices of 8 x 8 voxels, 2 x 1 x 1 mm" in done.stderr
    assert np.array_equal(load(tmp_path / "out").hu, load(folder).hu)
    header = pydicom.dcmread(tmp_path / "out" / "000000.dcm")
    assert (header.PatientID, header.SeriesDescription, header.BodyPartExamined) == ("P7", "from NIfTI", "CHEST")


def test_study_uid_puts_two_series_into_one_study(tmp_path: Path, nifti: Path) -> None:
    for name in ("a", "b"):
        words = ["--study-uid", "1.2.3", "--study-description", "chest", "--series-description", name]
        assert hilum(nifti, "--to-dicom", tmp_path / name, *words).exit_code == 0
    headers = [pydicom.dcmread(tmp_path / name / "000000.dcm") for name in ("a", "b")]
    assert {header.StudyInstanceUID for header in headers} == {"1.2.3"}
    assert len({header.FrameOfReferenceUID for header in headers}) == 1
    assert len({header.SeriesInstanceUID for header in headers}) == 2


def test_fractions_of_a_hu_need_rounding(tmp_path: Path) -> None:
    write_grid(np.full((2, 2, 2), 0.75, np.float32), Geometry((2, 2, 2), (1, 1, 1), (0, 0, 0)), tmp_path / "in.nii")
    refused = hilum(tmp_path / "in.nii", "--to-dicom", tmp_path / "out")
    assert isinstance(refused.exception, FormatError)
    assert not (tmp_path / "out").exists()
    assert hilum(tmp_path / "in.nii", "--to-dicom", tmp_path / "out", "--round").exit_code == 0
    assert load(tmp_path / "out", allow=("too-few-slices",)).hu.ravel().tolist() == [1] * 8


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--to-dicom", "out", "x.nii"], "no OUT"),
        (["--to-dicom", "out", "--spacing", "1"], "--spacing"),
        (["--to-dicom", "out", "--attribute", "PatientID"], "Keyword=value"),
        (["--to-dicom", "out", "--attribute", "PatientAge=42"], "PatientAge=42"),
        (["x.nii", "--patient-id", "P1"], "for --to-dicom"),
        (["x.nii", "--round"], "for --to-dicom"),
        ([], "expected OUT"),
    ],
)
def test_wrong_usage_of_to_dicom_is_told(nifti: Path, words: list[str], message: str) -> None:
    done = hilum(nifti, *words)
    assert done.exit_code == 2
    assert message in " ".join(done.stderr.replace("│", " ").split())


def test_only_volumes_become_series(tmp_path: Path, folder: Path) -> None:
    done = hilum(folder, "--to-dicom", tmp_path / "out")
    assert done.exit_code == 2
    assert ".nrrd" in done.stderr
