"""Hits by label mask: the mark's voxel is one of the lesion's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hilum.errors import AssessmentError
from hilum.model.masks import BACKGROUND

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from hilum.assess.criteria import Pairs
    from hilum.model.masks import LabelMask

    Integers = NDArray[np.int64]
    Flags = NDArray[np.bool_]
    Rows = NDArray[np.intp]


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
            is_hit[rows] = mask.covers(pairs.marks.position_mm[pairs.mark[rows]], label)
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
