from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hilum.errors import FormatError
from hilum.findings.masks import check_grid, lesions_from_mask, lesions_of, measure_mask, on_grid, read_mask
from hilum.findings.regions import measure_regions
from hilum.model.codes import Code
from hilum.model.findings import FindingSet
from hilum.model.geometry import Geometry
from hilum.model.masks import LabelMask, Segment
from hilum.volume.axes import axial_grid
from hilum.volume.nifti import write_grid

GRID = Geometry((6, 7, 8), (2.5, 0.75, 0.5), (-10, 20, -30))
LABELS = np.zeros(GRID.shape, np.uint8)
LABELS[1:3, 2:5, 2:7] = 2
LABELS[4, 6, 1] = 1
LABELS[5, 0, 7] = 2


def test_lesions_of_a_mask() -> None:
    lesions = lesions_from_mask(LabelMask(LABELS, GRID), "E", label="lymph node", series_uid="1.2", source="m.nii")
    first, second = measure_regions(LABELS, GRID)
    assert lesions == tuple(
        replace(region.lesion("E"), label="lymph node", source="m.nii", series_uid="1.2") for region in (first, second)
    )
    assert lesions[1].mask_label == 2
    assert lesions[1].position_mm == second.centroid_mm
    assert lesions[1].long_ends_mm == second.long_ends_mm
    parts = lesions_from_mask(LabelMask(LABELS, GRID), "E", by="component")
    assert [(lesion.lesion_id, lesion.mask_label) for lesion in parts] == [("1.1", 1), ("2.1", 2), ("2.2", 2)]


def test_described_and_overlapping_labels_keep_their_words() -> None:
    over = np.zeros_like(LABELS)
    over[1:2, 2:4, 2:4] = 9
    node = Segment("hilar node", kind=Code("59441001", "SCT", "Lymph node"), tracking_id="N1", tracking_uid="1.2.3")
    lesions = lesions_from_mask(LabelMask(LABELS, GRID, {9: node}, (over,)), "E", label="finding")
    assert [(one.lesion_id, one.label, one.mask_label) for one in lesions] == [
        ("1", "finding", 1), ("2", "finding", 2), ("N1", "hilar node", 9),
    ]  # fmt: skip
    assert (lesions[2].kind, lesions[2].tracking_uid) == (node.kind, "1.2.3")


def test_lesions_are_those_stated_and_those_of_labels_that_none_has() -> None:
    mask = LabelMask(LABELS, GRID, {2: Segment("node", tracking_id="N2")})
    first, second = lesions_from_mask(mask, "E", series_uid="1.2")
    stated = replace(first, lesion_id="N2", mask_label=None)
    assert lesions_of(FindingSet("E", "1.2", lesions=(stated,), mask=mask)) == (
        stated, first, replace(second, lesion_id="label 2"),
    )  # fmt: skip
    linked = replace(second, short_axis_mm=9.0)
    assert lesions_of(FindingSet("E", "1.2", lesions=(linked,), mask=mask)) == (linked, first)
    assert lesions_of(FindingSet("E", lesions=(replace(stated, exam_id="E"),))) == (stated,)


@pytest.mark.parametrize("direction", [np.eye(3)[:, ::-1], -np.eye(3), np.eye(3)[[1, 2, 0]]])
def test_mask_on_the_grid_of_its_series_is_that_of_its_voxels(direction: np.ndarray) -> None:
    grid = Geometry((4, 5, 6), (1.5, 1.0, 0.5), (7, 8, 9), tuple(map(tuple, direction)))
    labels = np.arange(120, dtype=np.uint8).reshape(grid.shape)
    turned, geometry = axial_grid(labels, grid)
    mask = on_grid(LabelMask(turned, geometry, {3: Segment("x")}, (turned,)), grid, "m")
    assert np.array_equal(mask.labels, labels)
    assert np.array_equal(mask.overlaid[0], labels)
    assert mask.geometry == grid
    assert mask.segments[3].name == "x"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=48)
@given(st.permutations([0, 1, 2]), st.tuples(*[st.booleans()] * 3))
def test_any_orientation_gives_the_same_lesions(tmp_path: Path, order: list[int], flips: tuple[bool, ...]) -> None:
    turned = LABELS.transpose(order)[tuple(slice(None, None, -1 if flip else 1) for flip in flips)]
    first = [0, 0, 0]
    for axis, flip in zip(order, flips, strict=True):
        first[axis] = GRID.shape[axis] - 1 if flip else 0
    affine = np.eye(4)
    affine[:3, :3] = GRID.affine[:3, :3][:, order] * np.where(flips, -1, 1)
    affine[:3, 3] = GRID.to_mm(first)
    write_grid(turned, Geometry.from_affine(affine, turned.shape), tmp_path / "mask.nii")
    mask = read_mask(tmp_path / "mask.nii", grid=GRID)
    assert np.array_equal(mask.labels, LABELS)
    assert mask.geometry.is_close(GRID, 1e-4)


def test_mask_of_another_grid_is_refused_with_the_distance(tmp_path: Path) -> None:
    write_grid(LABELS, GRID, tmp_path / "mask.nii.gz")
    moved = Geometry(GRID.shape, GRID.spacing_mm, (-10, 23, -26))
    with pytest.raises(FormatError, match=r"mask\.nii\.gz: its grid .* is up to 5\.00 mm from that of the series"):
        read_mask(tmp_path / "mask.nii.gz", grid=moved)
    longer = Geometry((8, 7, 8), GRID.spacing_mm, GRID.origin_mm)
    with pytest.raises(FormatError, match=r"6 x 7 x 8 voxels\) is up to 5\.00 mm .* \(8 x 7 x 8 voxels\)"):
        check_grid(GRID, longer, "mask")
    check_grid(GRID, Geometry(GRID.shape, GRID.spacing_mm, (-10.05, 20, -30)), "mask")


def nifti(path: Path, values: object, affine: object = None) -> Path:
    image = nibabel.Nifti1Image(np.asarray(values), np.eye(4))
    image.set_sform(np.eye(4) if affine is None else affine, 1)
    nibabel.save(image, path)
    return path


def test_whole_numbers_kept_as_floats_are_labels(tmp_path: Path) -> None:
    mask = read_mask(nifti(tmp_path / "mask.nii", np.full((2, 2, 2), 3, np.float32)))
    assert mask.labels.dtype == np.int32
    assert [region.label for region in measure_mask(mask)] == [3]


@pytest.mark.parametrize("value", [0.5, np.nan, np.inf, 1e10])
def test_other_floats_are_refused(tmp_path: Path, value: float) -> None:
    path = nifti(tmp_path / "mask.nii", np.full((2, 2, 2), value, np.float32))
    with pytest.raises(FormatError, match=r"mask\.nii: voxels that are no whole numbers"):
        read_mask(path)


def test_negative_labels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"mask\.nii: label -1"):
        read_mask(nifti(tmp_path / "mask.nii", np.full((2, 2, 2), -1, np.int16)))


def test_nan_affine_is_refused(tmp_path: Path) -> None:
    path = nifti(tmp_path / "mask.nii", np.zeros((2, 2, 2), np.uint8))
    content = bytearray(path.read_bytes())
    content[280:284] = np.array([np.nan], "<f4").tobytes()  # nifti1.h: srow_x[0]
    path.write_bytes(content)
    with pytest.raises(FormatError, match=r"mask\.nii: unusable geometry"):
        read_mask(path)
