"""Label masks with scores."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hilum.errors import FormatError
from hilum.findings import read_marks
from hilum.model.geometry import Geometry
from hilum.volume.nifti import write_grid

if TYPE_CHECKING:
    from pathlib import Path

CT = Geometry((6, 8, 8), (2.0, 0.5, 0.5), (-10.0, 20.0, 30.0))


def write(folder: Path, case: str = "a", scores: str | None = "label,score\n1,0.5\n3,0.9\n") -> Path:
    labels = np.zeros(CT.shape, dtype=np.uint8)
    labels[1:3, 2, 2] = 1
    labels[4, 5:7, 4:7] = 3
    path = folder / f"{case}.nii.gz"
    write_grid(labels, CT, path)
    if scores is not None:
        (folder / f"{case}.csv").write_text(scores)
    return path


def test_every_label_is_a_mark_at_its_centroid(tmp_path: Path) -> None:
    for path in (write(tmp_path), tmp_path):
        found = read_marks(path)
        first, second = found.marks
        assert (first.exam_id, first.score, second.score) == ("a", 0.5, 0.9)
        np.testing.assert_allclose(first.position_mm, CT.to_mm([1.5, 2, 2]), atol=1e-4)
        np.testing.assert_allclose(second.position_mm, CT.to_mm([4, 5.5, 5]), atol=1e-4)
        assert first.diameter_mm is not None
        assert np.pi / 6 * first.diameter_mm**3 == pytest.approx(2 * 0.5)  # two voxels of 0.5 mm³
        assert (found.scored, found.exam_ids) == (True, ("a",))


@pytest.mark.parametrize("content", [{"1": 0.5, "3": 0.9}, {"1": {"score": 0.5, "box": [1]}, "3": {"score": 0.9}}])
def test_scores_in_json(tmp_path: Path, content: dict[str, object]) -> None:
    path = write(tmp_path, scores=None)
    (tmp_path / "a.json").write_text(json.dumps(content))
    assert [mark.score for mark in read_marks(path).marks] == [0.5, 0.9]


def test_an_exam_without_labels_needs_no_scores(tmp_path: Path) -> None:
    write(tmp_path)
    write_grid(np.zeros(CT.shape, dtype=np.uint8), CT, tmp_path / "b.nii.gz")
    found = read_marks(tmp_path)
    assert (len(found.marks), found.exam_ids) == (2, ("a", "b"))


@pytest.mark.parametrize(
    ("scores", "where", "message"),
    [
        ("label,score\n1,0.5\n", "a.nii.gz: label 3", "no score in a.csv"),
        ("label,score\n1,0.5\n3,0.9\n7,0.1\n", "a.csv: label 7", "no voxel of a.nii.gz has this label"),
        ("label,score\n1,0.5\n3,0.9\n1,0.1\n", "a.csv:4", "label 1 has a score already"),
        ("label,score\n1,0.5\n3,0.9\n1.5,0.1\n", "a.csv:4", "expected a whole number"),
        ("label,score\n1,0.5\n3,0.9\n0,0.1\n", "a.csv:4", "expected a whole number of at least 1"),
        ("label,score\n1,0.5\n3,0.9\n5,nan\n", "a.csv:4", "found 'nan'"),
    ],
)
def test_labels_and_scores_must_belong_together(tmp_path: Path, scores: str, where: str, message: str) -> None:
    path = write(tmp_path, scores=scores)
    with pytest.raises(FormatError, match=message) as raised:
        read_marks(path)
    assert where in str(raised.value)
    found = read_marks(path, is_lenient=True)
    assert [refusal.item for refusal in found.refusals] == [str(tmp_path / where)]
    assert len(found.marks) + sum("no score" in refusal.reason for refusal in found.refusals) == 2


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", None, r"no scores beside it; expected a\.csv \(label,score\) or a\.json"),
        ("a.csv", "label;score\n1;2\n", "parted by ';'"),
        ("a.json", "[1]", "a list; expected labels"),
        ("a.json", "{", "no JSON"),
    ],
)
def test_files_of_scores_that_are_none(tmp_path: Path, name: str, content: str | None, message: str) -> None:
    path = write(tmp_path, scores=None)
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(FormatError, match=message):
        read_marks(path)


def test_an_image_is_no_mask(tmp_path: Path) -> None:
    for values in (np.full(CT.shape, 0.5, np.float32), np.full(CT.shape, -3, np.int16)):
        write_grid(values, CT, tmp_path / "a.nii")
        with pytest.raises(FormatError, match="voxels that are no labels"):
            read_marks(tmp_path / "a.nii")
