"""Hits by label mask: the mark's voxel is one of the lesion's."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from hilum.errors import AssessmentError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import ArrayLike, NDArray

    from hilum.assess.criteria import Pairs
    from hilum.model.geometry import Geometry

    Integers = NDArray[np.int64]
    Flags = NDArray[np.bool_]
    Rows = NDArray[np.intp]

BACKGROUND = 0
"""Label of the voxels of no lesion."""


@dataclass(frozen=True, eq=False)
class LabelMask:
    """The lesions of an exam, each as the voxels of its own number.

    Attributes
    ----------
    labels
        ``(slices, rows, columns)`` whole numbers, 0 for no lesion.
    geometry
        Where the voxels lie.
    """

    labels: NDArray[np.integer]
    geometry: Geometry

    def __post_init__(self) -> None:
        if self.labels.shape != self.geometry.shape:
            raise ValueError(f"mask of shape {self.labels.shape}: its geometry has {self.geometry.shape}")
        if not np.issubdtype(self.labels.dtype, np.integer):
            raise ValueError(f"mask of {self.labels.dtype}: expected whole numbers, a label each")

    @cached_property
    def present(self) -> frozenset[int]:
        """The labels that occur, `BACKGROUND` left out."""
        # Slice by slice: most voxels are background, and a sorted copy of a whole volume is large.
        return frozenset(int(label) for plane in self.labels for label in np.unique(plane[plane != BACKGROUND]))

    def at(self, positions_mm: ArrayLike) -> Integers:
        """``(n,)`` label of the voxel each position lies in; `BACKGROUND` outside the mask.

        Parameters
        ----------
        positions_mm
            ``(n, 3)`` LPS. The voxel is the one whose centre is nearest; half-way, that of the higher index.
        """
        points = np.asarray(positions_mm, dtype=np.float64).reshape(-1, 3)
        nearest = np.floor(self.geometry.to_voxels(points) + 0.5)
        is_inside = np.all((nearest >= 0) & (nearest < self.labels.shape), axis=1)
        found = np.full(len(points), BACKGROUND, dtype=np.int64)
        slices, rows, columns = nearest[is_inside].astype(np.intp).T
        found[is_inside] = self.labels[slices, rows, columns]
        return found


@dataclass(frozen=True, eq=False)
class InsideMask:
    """A mark hits if the voxel it lies in has the lesion's label in the exam's mask.

    Every position lies in exactly one voxel, so there is no border to choose. A mark outside the mask hits nothing.

    Attributes
    ----------
    masks
        Exam to mask. It may load a mask when asked for it: each is asked for by itself and not kept. Exams without
        marks or without lesions are not asked for.
    """

    masks: Mapping[str, LabelMask]

    @property
    def name(self) -> str:
        """The rule in words."""
        return "the mark's voxel has the lesion's label in the exam's mask"

    def hits(self, pairs: Pairs) -> Flags:
        """For each pair whether the mark hits the lesion.

        Raises
        ------
        AssessmentError
            An exam has no mask, or a lesion has no label or one that its mask has not.
        """
        if pairs.lesions.mask_label is None or not len(pairs.lesion):
            self._require_labels(pairs, pairs.lesion)
            return np.zeros(len(pairs.mark), dtype=np.bool_)
        is_hit = np.zeros(len(pairs.mark), dtype=np.bool_)
        for exam, rows in _by_exam(pairs):
            self._require_labels(pairs, pairs.lesion[rows])
            mask = self._mask_of(pairs, exam)
            label = pairs.lesions.mask_label[pairs.lesion[rows]]
            _require_present(pairs, mask, rows, label)
            is_hit[rows] = mask.at(pairs.marks.position_mm[pairs.mark[rows]]) == label
        return is_hit

    def _mask_of(self, pairs: Pairs, exam: int) -> LabelMask:
        if not pairs.exam_ids:
            raise ValueError("masks are found by the ids of exams; give them with the pairs")
        exam_id = pairs.exam_ids[exam]
        try:
            return self.masks[exam_id]
        except KeyError:
            raise AssessmentError(
                f"exam {exam_id!r} has marks and lesions but no mask; give one for each such exam"
            ) from None

    @staticmethod
    def _require_labels(pairs: Pairs, lesion: Rows) -> None:
        labels = pairs.lesions.mask_label
        absent = lesion if labels is None else lesion[labels[lesion] == BACKGROUND]
        if len(absent):
            name = pairs.lesions.lesion_id[absent[0]]
            raise AssessmentError(f"lesion {name} has no mask label; expected the number of its voxels in the mask")


def _by_exam(pairs: Pairs) -> Iterator[tuple[int, Rows]]:
    """Each exam's row, and the rows of its pairs."""
    exam = pairs.marks.exam[pairs.mark]
    order = np.argsort(exam, kind="stable")
    found, starts = np.unique(exam[order], return_index=True)
    yield from zip(found.tolist(), np.split(order, starts[1:]), strict=True)


def _require_present(pairs: Pairs, mask: LabelMask, rows: Rows, label: Integers) -> None:
    unknown = np.nonzero(~np.isin(label, np.fromiter(mask.present, np.int64, len(mask.present))))[0]
    if len(unknown):
        name = pairs.lesions.lesion_id[pairs.lesion[rows[unknown[0]]]]
        has = ", ".join(map(str, sorted(mask.present))) or "none"
        raise AssessmentError(
            f"lesion {name} has mask label {label[unknown[0]]}, which no voxel of its exam's mask has (labels there: "
            f"{has}); number lesions as the mask does"
        )
