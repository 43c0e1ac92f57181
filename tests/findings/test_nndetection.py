"""nnDetection's predictions: boxes in the voxels of the original image."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import SimpleITK

from hilum.errors import FormatError
from hilum.findings import read_lesions, read_marks
from hilum.model.geometry import Geometry

if TYPE_CHECKING:
    from pathlib import Path

BOX = [2, 10, 6, 20, 30, 38]  # slices 2 to 6, rows 10 to 20, columns 30 to 38
GRID = {
    "itk_origin": (-100.0, -120.0, 50.0),
    "itk_spacing": (0.5, 0.75, 2.0),
    "itk_direction": (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
    "original_size_of_raw_data": np.array([10, 40, 60]),
}
CT = Geometry((10, 40, 60), (2.0, 0.75, 0.5), (-100.0, -120.0, 50.0))


def write(folder: Path, case: str, boxes: Any = (BOX,), scores: Any = (0.9,), **more: Any) -> Path:
    path = folder / f"{case}_boxes.pkl"
    labels = np.zeros(len(boxes), dtype=np.int64)
    content = {
        "pred_boxes": np.asarray(boxes, dtype=np.float32), "pred_scores": np.asarray(scores, dtype=np.float32),
        "pred_labels": labels, "restore": True, **more,
    }  # fmt: skip
    path.write_bytes(pickle.dumps(content))
    return path


def test_a_box_becomes_a_mark_with_its_sides(tmp_path: Path) -> None:
    for path in (write(tmp_path, "case_1", **GRID), tmp_path):
        found = read_marks(path)
        (mark,) = found.marks
        # centre (4, 15, 34): x = -100 + 34 * 0.5, y = -120 + 15 * 0.75, z = 50 + 4 * 2
        assert (mark.exam_id, mark.position_mm) == ("case_1", (-83.0, -108.75, 58.0))
        assert mark.box_mm == (8 * 0.5, 10 * 0.75, 4 * 2.0)
        assert mark.score == pytest.approx(0.9)
        assert (found.scored, found.warnings, found.exam_ids) == (True, (), ("case_1",))


def test_positions_are_simpleitks_also_in_a_tilted_image(tmp_path: Path) -> None:
    image = SimpleITK.Image(60, 40, 10, SimpleITK.sitkInt16)
    image.SetOrigin((5.0, -7.0, 11.0))
    image.SetSpacing((0.5, 0.75, 2.0))
    turn = SimpleITK.Euler3DTransform()
    turn.SetRotation(0.3, -0.2, 0.5)
    image.SetDirection(turn.GetMatrix())
    grid = {
        "itk_origin": image.GetOrigin(), "itk_spacing": image.GetSpacing(), "itk_direction": image.GetDirection(),
        "original_size_of_raw_data": SimpleITK.GetArrayViewFromImage(image).shape,
    }  # fmt: skip
    (mark,) = read_marks(write(tmp_path, "a", **grid)).marks
    np.testing.assert_allclose(mark.position_mm, image.TransformContinuousIndexToPhysicalPoint((34.0, 15.0, 4.0)))


def test_without_a_grid_the_one_given_is_taken_and_none_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path, "a")
    assert read_marks(path, geometries={"a": CT}).marks[0].position_mm == (-83.0, -108.75, 58.0)
    with pytest.raises(FormatError, match=r"a_boxes\.pkl: names no grid \(itk_origin.* none is given"):
        read_marks(path)


def test_another_grid_than_the_cts_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, "a", **GRID)
    assert read_marks(path, geometries={"a": CT}).warnings == ()
    other = Geometry(CT.shape, CT.spacing_mm, (-100.0, -120.0, 49.0))
    assert "not that of the CT" in read_marks(path, geometries={"a": other}).warnings[0]


def test_cases_without_boxes_and_uids_with_underscores(tmp_path: Path) -> None:
    write(tmp_path, "1_2_3", boxes=np.zeros((0, 6)), scores=[], **GRID)
    write(tmp_path, "1_2_4", **GRID)
    found = read_marks(tmp_path, exam_ids=["1.2.3", "1.2.4"])
    assert found.exam_ids == ("1.2.3", "1.2.4")
    assert [mark.exam_id for mark in found.marks] == ["1.2.4"]


def test_several_classes_are_told(tmp_path: Path) -> None:
    path = write(tmp_path, "a", boxes=[BOX, BOX[::1]], scores=[0.9, 0.8], **GRID, pred_labels=np.array([0, 1]))
    assert "1 of class 0, 1 of class 1" in read_marks(path).warnings[0]


BAD_BOXES = [[*BOX[:5], np.nan], [6, 10, 2, 20, 30, 38], [2, 10, 2, 20, 30, 38]]


@pytest.mark.parametrize(("box", "score"), [*((box, 0.5) for box in BAD_BOXES), (BOX, np.inf), (BOX, np.nan)])
def test_a_bad_box_is_refused_by_its_number(tmp_path: Path, box: Any, score: float) -> None:
    path = write(tmp_path, "a", boxes=[BOX, box], scores=[0.9, score], **GRID)
    with pytest.raises(FormatError, match=r"a_boxes\.pkl: box 2: "):
        read_marks(path)
    found = read_marks(path, is_lenient=True)
    assert (len(found.marks), found.refusals[0].item) == (1, f"{path}: box 2")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"restore": False}, "space of nnDetection's preprocessing"),
        ({"pred_boxes": np.zeros((1, 4))}, r"shape \(1, 4\)"),
        ({"pred_scores": np.zeros(2)}, r"pred_scores of shape \(2,\)"),
        ({"pred_boxes": "text"}, "pred_boxes: .*expected numbers"),
        ({"itk_spacing": (0.0, 1.0, 1.0)}, "unusable grid"),
        ({"itk_spacing": (1.0, 1.0)}, "not of three axes"),
    ],
)
def test_other_content_is_refused(tmp_path: Path, more: dict[str, Any], message: str) -> None:
    path = write(tmp_path, "a", **(GRID | more))
    with pytest.raises(FormatError, match=message):
        read_marks(path)


def test_other_pickles_and_lesions_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a_boxes.pkl"
    path.write_bytes(pickle.dumps({"gt_boxes": 1}))
    with pytest.raises(FormatError, match="holds gt_boxes; expected pred_boxes"):
        read_marks(path)
    with pytest.raises(FormatError, match="are marks, not lesions"):
        read_lesions(path)
