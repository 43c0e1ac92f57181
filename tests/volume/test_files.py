from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK

from hilum.errors import FormatError
from hilum.volume.files import read_image

VALUES = np.arange(60, dtype=np.int16).reshape(5, 4, 3)


def analyze(path: Path, kind: type = nibabel.AnalyzeImage, orient: int = 0) -> Path:
    """Write spacing 2, 2, 3 mm; columns to the left, rows to the front, slices to the head."""
    nibabel.save(kind(VALUES.T, np.diag([-2.0, 2, 3, 1])), path)
    header = bytearray(path.with_suffix(".hdr").read_bytes())
    header[252] = orient  # dbh.h: struct data_history, char orient
    path.with_suffix(".hdr").write_bytes(header)
    return path


@pytest.mark.parametrize("suffix", [".hdr", ".img"])
def test_analyze_without_a_place_is_centred_and_says_so(tmp_path: Path, suffix: str) -> None:
    analyze(tmp_path / "in.img")
    image = read_image(tmp_path / f"in{suffix}")
    assert np.array_equal(image.values, VALUES)
    assert image.geometry.to_mm((2, 1.5, 1)).tolist() == [0, 0, 0]
    assert image.geometry.to_mm((2, 1.5, 2)).tolist() == [2, 0, 0]
    assert image.geometry.to_mm((2, 2.5, 1)).tolist() == [0, -2, 0]
    assert image.geometry.to_mm((3, 1.5, 1)).tolist() == [0, 0, 3]
    assert "does not say where" in image.warnings[0]


def test_other_analyze_orientation_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="orientation"):
        read_image(analyze(tmp_path / "in.img", orient=1))


def test_spm_matrix_gives_the_place(tmp_path: Path) -> None:
    affine = np.array([[-2.0, 0, 0, 1], [0, 2, 0, 2], [0, 0, 3, 7], [0, 0, 0, 1]])
    nibabel.save(nibabel.Spm99AnalyzeImage(VALUES.T, affine), tmp_path / "in.img")
    image = read_image(tmp_path / "in.img")
    assert image.warnings == ()
    assert image.geometry.origin_mm == (-1, -2, 7)


def test_spm_origin_gives_the_place(tmp_path: Path) -> None:
    path = tmp_path / "in.img"
    image = nibabel.Spm99AnalyzeImage(VALUES.T, np.diag([-2.0, 2, 3, 1]))
    nibabel.save(image, path)
    path.with_suffix(".mat").unlink()
    header = bytearray(path.with_suffix(".hdr").read_bytes())
    header[253:259] = np.array([2, 3, 4], "<i2").tobytes()  # originator: the voxel at the origin, from 1
    path.with_suffix(".hdr").write_bytes(header)
    found = read_image(path)
    assert found.warnings == ()
    assert found.geometry.to_mm((3, 2, 1)).tolist() == [0, 0, 0]


@pytest.mark.parametrize("name", ["in.nii", "in.nii.gz", "in.hdr", "in.img", "in.nrrd", "in.nhdr"])
def test_every_format_equals_simpleitk(tmp_path: Path, name: str) -> None:
    written = SimpleITK.GetImageFromArray(VALUES)
    written.SetOrigin((1, 2, 3))
    written.SetSpacing((0.5, 0.75, 2))
    SimpleITK.WriteImage(written, str(tmp_path / name))
    image = read_image(tmp_path / name)
    assert image.warnings == ()
    assert np.array_equal(image.values, VALUES)
    for voxel in ((0, 0, 0), (4, 3, 2)):
        assert np.allclose(image.geometry.to_mm(voxel), written.TransformIndexToPhysicalPoint(voxel[::-1]))


@pytest.mark.parametrize("name", ["in.mha", "in.nii", "in.hdr", "in.nrrd"])
def test_what_is_no_volume_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"no volume at all")
    with pytest.raises(FormatError, match=name):
        read_image(tmp_path / name)


@pytest.mark.parametrize("flaw", ["cut", "4D", "nan"])
def test_flawed_analyze_is_refused(tmp_path: Path, flaw: str) -> None:
    path = analyze(tmp_path / "in.img")
    if flaw == "cut":
        path.write_bytes(path.read_bytes()[:-7])
    elif flaw == "4D":
        nibabel.save(nibabel.AnalyzeImage(np.zeros((2, 2, 2, 2), np.int16), np.diag([-2.0, 2, 3, 1])), path)
    else:
        header = bytearray(path.with_suffix(".hdr").read_bytes())
        header[80:84] = np.array([np.nan], "<f4").tobytes()
        path.with_suffix(".hdr").write_bytes(header)
    with pytest.raises(FormatError, match=r"in\.img"):
        read_image(path)


def test_missing_file(tmp_path: Path) -> None:
    for name in ("none.nii", "none.hdr", "none.nrrd"):
        with pytest.raises(FileNotFoundError):
            read_image(tmp_path / name)
