"""Hits by label mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum.assess import InsideMask, LabelMask, assess, candidate_stage
from hilum.errors import AssessmentError
from hilum.model.findings import Lesion, Mark
from hilum.model.geometry import Geometry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hilum.model.findings import Point

GRID = Geometry((4, 5, 6), (2.0, 1.0, 0.5), (10.0, 20.0, 30.0))


def mask(**voxels: tuple[int, int, int]) -> LabelMask:
    """A mask of single voxels; the name of each is ``v`` and its label."""
    labels = np.zeros(GRID.shape, dtype=np.int16)
    for name, voxel in voxels.items():
        labels[voxel] = int(name[1:])
    return LabelMask(labels, GRID)


def at(*voxel: float) -> Point:
    x, y, z = GRID.to_mm(voxel).tolist()
    return x, y, z


def lesion(label: int | None, exam: str = "e", *, is_excluded: bool = False) -> Lesion:
    return Lesion(exam, f"L{label}", (0.0, 0.0, 0.0), mask_label=label, is_excluded=is_excluded)


@pytest.mark.parametrize(
    ("voxel", "label"),
    [
        ((1, 2, 3), 7),
        ((1.49, 2.49, 2.51), 7),  # nearest centre
        ((0.5, 1.5, 2.5), 7),  # half-way belongs to the higher index
        ((1.5, 2, 3), 0),
        ((1, 2, 4), 0),
        ((-3, 2, 3), 0),  # outside
        ((1, 2, 60), 0),
    ],
)
def test_the_label_of_a_position(voxel: tuple[float, ...], label: int) -> None:
    assert mask(v7=(1, 2, 3)).at([at(*voxel)]).tolist() == [label]


@given(
    st.lists(st.tuples(st.floats(-2, 6), st.floats(-2, 7), st.floats(-2, 8)), min_size=1, max_size=20),
    st.integers(0, 10**6),
)
def test_labels_equal_a_search_of_all_centres(voxels: list[tuple[float, ...]], seed: int) -> None:
    labels = np.random.default_rng(seed).integers(0, 3, GRID.shape)
    points = [at(*voxel) for voxel in voxels]
    found = LabelMask(labels, GRID).at(points).tolist()
    for voxel, label in zip(GRID.to_voxels(points).reshape(-1, 3), found, strict=True):
        if np.any(np.abs(voxel % 1 - 0.5) < 1e-9):
            continue  # half-way: pinned above
        inside = [index for index in np.ndindex(GRID.shape) if np.all(np.abs(voxel - index) < 0.5)]
        assert label == (labels[inside[0]] if inside else 0)


def test_only_the_lesions_own_label_counts() -> None:
    masks = {"e": mask(v1=(0, 0, 0), v2=(3, 4, 5), v3=(2, 2, 2))}
    lesions = [lesion(1), lesion(2), lesion(3, is_excluded=True)]
    marks = [Mark("e", at(0, 0, 0), 0.9), Mark("e", at(0.2, 0.3, 0.4), 0.8), Mark("e", at(2, 2, 2), 0.7)]
    result = assess(lesions, [*marks, Mark("e", at(1, 1, 1), 0.6)], ["e"], hit=InsideMask(masks), bootstraps=0)
    assert [row["state"] for row in result.mark_rows()] == ["true positive", "redundant", "ignored", "false positive"]
    assert [row["lesion_id"] for row in result.mark_rows()] == ["L1", "L1", "L3", None]
    assert [row["state"] for row in result.lesion_rows()] == ["hit", "missed", "excluded"]
    assert "label" in result.choices()["hit criterion"]


def test_each_exam_has_its_own_mask_whatever_the_order() -> None:
    masks = {"a": mask(v1=(0, 0, 0)), "b": mask(v1=(3, 3, 3))}
    lesions = [lesion(1, "a"), lesion(1, "b")]
    marks = [Mark("b", at(3, 3, 3), 0.9), Mark("a", at(3, 3, 3), 0.8)]
    for exams in (["a", "b"], ["b", "a"]):
        result = assess(lesions, marks, exams, hit=InsideMask(masks), bootstraps=0)
        assert [row["state"] for row in result.mark_rows()] == ["true positive", "false positive"]
    assert candidate_stage(lesions, marks, ["a", "b"], hit=InsideMask(masks)).recalled == 1


def test_masks_are_asked_for_one_by_one_and_only_where_needed() -> None:
    asked = []

    class Loading(dict[str, LabelMask]):
        def __getitem__(self, exam_id: str) -> LabelMask:
            asked.append(exam_id)
            return mask(v1=(0, 0, 0))

        def __iter__(self) -> Iterator[str]:
            raise AssertionError("all masks at once would fill the memory")

    lesions = [lesion(1, "a"), lesion(1, "b")]
    marks = [Mark("b", at(0, 0, 0), 0.9), Mark("c", at(0, 0, 0), 0.8), Mark("b", at(1, 0, 0), 0.7)]
    assess(lesions, marks, ["a", "b", "c"], hit=InsideMask(Loading()), bootstraps=0)
    assert asked == ["b"]


@pytest.mark.parametrize(
    ("lesion_label", "masks", "message"),
    [
        (1, {}, "exam 'e' has marks and lesions but no mask"),
        (None, {"e": mask(v1=(0, 0, 0))}, "LNone has no mask label"),
        (4, {"e": mask(v1=(0, 0, 0), v9=(1, 1, 1))}, "mask label 4, .*labels there: 1, 9"),
        (1, {"e": mask()}, "labels there: none"),
    ],
)
def test_what_cannot_be_looked_up_is_an_error(
    lesion_label: int | None, masks: dict[str, LabelMask], message: str
) -> None:
    with pytest.raises(AssessmentError, match=message):
        assess([lesion(lesion_label)], [Mark("e", at(0, 0, 0), 0.5)], ["e"], hit=InsideMask(masks))


def test_one_lesion_without_label_among_others_is_an_error() -> None:
    lesions = [lesion(1), Lesion("e", "bare", (0.0, 0.0, 0.0))]
    with pytest.raises(AssessmentError, match="lesion bare has no mask label"):
        assess(lesions, [Mark("e", at(0, 0, 0), 0.5)], ["e"], hit=InsideMask({"e": mask(v1=(0, 0, 0))}))


def test_without_lesions_or_marks_no_mask_is_needed() -> None:
    assert assess([], [Mark("e", (0, 0, 0), 0.5)], ["e"], hit=InsideMask({})).counts.false_positives == 1
    assert assess([lesion(None)], [], ["e"], hit=InsideMask({})).counts.missed == 1


def test_labels_that_occur() -> None:
    assert mask(v3=(0, 0, 0), v500=(3, 4, 5)).present == {3, 500}
    assert mask().present == frozenset()


@pytest.mark.parametrize(
    "labels", [np.zeros((4, 5, 7), np.uint8), np.zeros((4, 5, 6), np.float32)], ids=["another shape", "no labels"]
)
def test_a_mask_that_is_none_is_a_mistake_of_the_caller(
    labels: np.ndarray[tuple[int, ...], np.dtype[np.int16]],
) -> None:
    with pytest.raises(ValueError, match="mask of"):
        LabelMask(labels, GRID)
