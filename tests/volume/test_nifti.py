import gzip
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import SimpleITK
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders import SHARED_DATA, needs_shared_data
from hilum.errors import FormatError
from hilum.model.geometry import Geometry
from hilum.volume import Volume
from hilum.volume.axes import as_axial
from hilum.volume.nifti import read_grid, read_nifti, write_grid, write_nifti

TILTED = ((0.0, 0.0, 1.0), (0.6, 0.8, 0.0), (0.8, -0.6, 0.0))
GRID = Geometry((3, 4, 5), (2.5, 0.75, 0.5), (-10.0, 20.0, -30.0), TILTED)

LARGE = np.random.default_rng(0).integers(0, 2**16, (40, 60, 50)).astype(np.uint16)
"""More than any buffer takes at once, and not to be compressed."""


def noise(dtype: str) -> Any:
    return np.random.default_rng(0).integers(-1024, 3000, GRID.shape).astype(dtype)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_voxels_come_back_exactly_and_the_grid_within_float32(tmp_path: Path, suffix: str, dtype: str) -> None:
    volume = Volume(noise(dtype), GRID)
    write_nifti(volume, tmp_path / f"out{suffix}")
    back = read_nifti(tmp_path / f"out{suffix}", dtype="float32" if dtype == "float32" else None)
    assert back.hu.dtype == dtype
    assert np.array_equal(back.hu, volume.hu)
    assert back.geometry.distance_mm(GRID) < 1e-4
    assert [path.name for path in tmp_path.iterdir()] == [f"out{suffix}"]


def test_fractions_are_kept(tmp_path: Path) -> None:
    volume = Volume(noise("float32") / np.float32(3), GRID)
    write_nifti(volume, tmp_path / "out.nii")
    back = read_nifti(tmp_path / "out.nii")
    assert back.hu.dtype == np.float32
    assert np.array_equal(back.hu, volume.hu)
    with pytest.raises(FormatError, match="dtype='float32'"):
        read_nifti(tmp_path / "out.nii", dtype="int16")


def test_affine_worked_by_hand(tmp_path: Path) -> None:
    # First voxel at LPS (-10, 20, -30): RAS (10, -20, -30). Columns run to the left: RAS x falls.
    volume = Volume(np.zeros((3, 4, 5), np.int16), Geometry((3, 4, 5), (2.5, 0.75, 0.5), (-10, 20, -30)))
    write_nifti(volume, tmp_path / "out.nii")
    image: Any = nibabel.load(tmp_path / "out.nii")
    assert image.shape == (5, 4, 3)
    assert nibabel.aff2axcodes(image.affine) == ("L", "P", "S")
    expected = [[-0.5, 0, 0, 10], [0, -0.75, 0, -20], [0, 0, 2.5, -30], [0, 0, 0, 1]]
    assert image.affine.tolist() == expected
    assert int(image.header["sform_code"]) == int(image.header["qform_code"]) == 1
    assert image.header.get_xyzt_units()[0] == "mm"


def test_simpleitk_reads_the_same_voxels_at_the_same_places(tmp_path: Path) -> None:
    volume = Volume(noise("int16"), GRID)
    write_nifti(volume, tmp_path / "out.nii.gz")
    image = SimpleITK.ReadImage(str(tmp_path / "out.nii.gz"))
    assert np.array_equal(SimpleITK.GetArrayFromImage(image), volume.hu)
    for voxel in ((0, 0, 0), (2, 3, 4), (1, 0, 3)):
        assert np.allclose(image.TransformIndexToPhysicalPoint(voxel[::-1]), GRID.to_mm(voxel), atol=1e-4)


def test_sheared_grid_keeps_its_shear(tmp_path: Path) -> None:
    tilt = np.radians(15)
    sheared = Geometry((3, 4, 5), (2, 1, 1), (0, 0, 0), ((0, 0, 1), (np.sin(tilt), 1, 0), (np.cos(tilt), 0, 0)))
    write_nifti(Volume(np.zeros((3, 4, 5), np.int16), sheared), tmp_path / "out.nii")
    image: Any = nibabel.load(tmp_path / "out.nii")
    assert int(image.header["qform_code"]) == 0
    assert read_nifti(tmp_path / "out.nii").geometry.distance_mm(sheared) < 1e-5


axis_orders = st.permutations([0, 1, 2])
signs = st.tuples(*[st.sampled_from([-1, 1])] * 3)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(axis_orders, signs)
def test_every_orientation_is_read_right(tmp_path: Path, order: list[int], flips: tuple[int, int, int]) -> None:
    """Any of the 48 orientations: each voxel holds the HU that belongs to its place in the patient."""
    affine = np.zeros((4, 4))
    affine[:3, :3] = (np.eye(3) * (2.0, 3.0, 4.0))[:, order] * flips
    affine[:3, 3] = (7, -8, 9)
    affine[3, 3] = 1
    index = np.stack(np.meshgrid(np.arange(2), np.arange(3), np.arange(4), indexing="ij"), axis=-1)
    ras = index @ affine[:3, :3].T + affine[:3, 3]
    hu = (ras @ (1, 20, 400)).astype(np.int16)
    image = nibabel.Nifti1Image(hu, affine)
    image.set_sform(affine, 1)
    nibabel.save(image, tmp_path / "any.nii")

    for volume in (read_nifti(tmp_path / "any.nii"), as_axial(read_nifti(tmp_path / "any.nii"))):
        every = np.stack(np.meshgrid(*map(np.arange, volume.shape), indexing="ij"), axis=-1)
        lps = volume.geometry.to_mm(every)
        assert np.array_equal(volume.hu, lps @ (-1, -20, 400))
    assert volume.geometry.direction == ((0, 0, 1), (0, 1, 0), (1, 0, 0))


def test_as_axial_turns_an_oblique_volume_to_the_nearest_axes() -> None:
    volume = as_axial(Volume(noise("int16"), GRID))
    axes = np.asarray(volume.geometry.direction)
    assert np.allclose(np.diag(axes[::-1]), (0.8, 0.8, 1))
    centre = np.asarray(GRID.shape) // 2
    moved = volume.geometry.to_voxels(GRID.to_mm(centre))
    assert volume.hu[tuple(np.rint(moved).astype(int))] == noise("int16")[tuple(centre)]


def test_masks_keep_their_type(tmp_path: Path) -> None:
    mask = (noise("int16") > 0).astype(np.uint8)
    write_grid(mask, GRID, tmp_path / "mask.nii.gz")
    back, geometry = read_grid(tmp_path / "mask.nii.gz")
    assert back.dtype == np.uint8
    assert np.array_equal(back, mask)
    assert geometry.is_close(GRID)


def test_scaled_values_are_scaled(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(np.array([[[1, 2]]], np.int16), np.eye(4))
    image.set_sform(np.eye(4), 1)
    image.header.set_slope_inter(0.5, -10)
    nibabel.save(image, tmp_path / "scaled.nii")
    scaled: Any = nibabel.load(tmp_path / "scaled.nii")
    stored = scaled.dataobj
    assert (stored.slope, stored.inter) == (0.5, -10)
    back = read_nifti(tmp_path / "scaled.nii")
    assert np.allclose(back.hu.ravel(), np.asarray(stored).ravel())


@pytest.mark.parametrize(
    ("values", "dtype"),
    [([-5, 32767], "int16"), ([0, 65535], "float32"), ([0, 40000], "float32"), ([-5, 7], "int16")],
)
def test_type_follows_what_the_file_holds(tmp_path: Path, values: list[int], dtype: str) -> None:
    image = nibabel.Nifti1Image(np.array([[values]], np.int32), np.eye(4))
    image.set_sform(np.eye(4), 1)
    nibabel.save(image, tmp_path / "in.nii")
    back = read_nifti(tmp_path / "in.nii")
    assert back.hu.dtype == dtype
    assert back.hu.ravel().tolist() == values


def test_name_decides_compression_and_must_be_nifti(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"ends in \.nii or \.nii\.gz"):
        write_nifti(Volume(noise("int16"), GRID), tmp_path / "out.mha")
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_when_writing_fails(tmp_path: Path) -> None:
    (tmp_path / "out.nii").mkdir()
    with pytest.raises(OSError, match=r"out\.nii"):
        write_nifti(Volume(noise("int16"), GRID), tmp_path / "out.nii")
    assert [path.name for path in tmp_path.iterdir()] == ["out.nii"]


def bad_file(path: Path, kind: str) -> None:
    image = nibabel.Nifti1Image(np.zeros((3, 4, 5, 2) if kind == "4D" else (3, 4, 5), np.int16), np.eye(4))
    image.set_sform(np.eye(4), 0 if kind == "nowhere" else 1)
    image.set_qform(np.eye(4), 0)
    if kind == "singular":
        image.header["srow_z"] = 0
    nibabel.save(image, path)
    if kind == "cut":
        path.write_bytes(path.read_bytes()[:-7])
    elif kind == "text":
        path.write_text("no image")
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "promising":
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rb") as file:
            content = bytearray(file.read())
        content[42:48] = np.array([32767] * 3, "<i2").tobytes()  # nifti1.h: dim[1..3]: 70 TB of voxels
        with opener(path, "wb") as file:
            file.write(content)


@pytest.mark.parametrize("kind", ["4D", "nowhere", "cut", "text", "empty", "promising"])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_bad_files_are_refused_by_name(tmp_path: Path, kind: str, suffix: str) -> None:
    path = tmp_path / f"bad{suffix}"
    bad_file(path, kind)
    with pytest.raises(FormatError, match=r"bad\.nii"):
        read_nifti(path)


@pytest.mark.parametrize("cut", [1, 7, 8, 9])
def test_a_compressed_file_cut_at_its_end_is_refused(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "cut.nii.gz"
    write_grid(LARGE, Geometry(LARGE.shape, (1, 1, 1), (0, 0, 0)), path)
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(FormatError, match=r"cut\.nii\.gz: cannot be read as NIfTI"):
        read_grid(path)


@pytest.mark.parametrize("place", [-8, -4, 200_000])
def test_a_compressed_file_that_fails_its_checksum_is_refused(tmp_path: Path, place: int) -> None:
    path = tmp_path / "damaged.nii.gz"
    write_grid(LARGE, Geometry(LARGE.shape, (1, 1, 1), (0, 0, 0)), path)
    content = bytearray(path.read_bytes())
    content[place] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(FormatError, match=r"damaged\.nii\.gz: cannot be read as NIfTI"):
        read_grid(path)


def test_more_compressed_data_than_the_header_means_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "joined.nii.gz"
    write_grid(noise("uint8"), GRID, path)
    path.write_bytes(path.read_bytes() + gzip.compress(b"more"))
    with pytest.raises(FormatError, match=r"joined\.nii\.gz: more data than its header means"):
        read_grid(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_nifti(tmp_path / "none.nii")


@needs_shared_data
@pytest.mark.parametrize("name", ["example_ct.nii.gz", "example_seg.nii.gz"])
def test_real_files_equal_simpleitk(name: str) -> None:
    values, grid = read_grid(SHARED_DATA / "totalsegmentator_ct" / name)
    image = SimpleITK.ReadImage(str(SHARED_DATA / "totalsegmentator_ct" / name))
    assert np.array_equal(values, SimpleITK.GetArrayFromImage(image))
    for voxel in ((0, 0, 0), np.asarray(grid.shape) - 1):
        index = [int(number) for number in voxel][::-1]
        assert np.allclose(image.TransformIndexToPhysicalPoint(index), grid.to_mm(voxel), atol=1e-3)
