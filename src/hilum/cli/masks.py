"""A folder of label masks, one file an exam, each read when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from hilum.errors import FormatError

if TYPE_CHECKING:
    from pathlib import Path

    from hilum.assess import LabelMask

SUFFIXES = (".nii.gz", ".nii")


class MaskFolder(Mapping[str, "LabelMask"]):
    """Label masks of exams: ``EXAM_ID.nii.gz`` or ``EXAM_ID.nii``.

    A mask is read anew each time, so that of many only one is in memory. Whole numbers stored as floats are labels too.

    Raises
    ------
    FormatError
        There is no folder, an exam has two files, or a file is no label mask.
    KeyError
        There is no file for the exam.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise FormatError(f"{folder}: no such folder; expected one with a label mask for each exam")
        self._files: dict[str, Path] = {}
        for path in sorted(folder.iterdir()):
            suffix = next((suffix for suffix in SUFFIXES if path.name.endswith(suffix)), None)
            if suffix is None:
                continue
            other = self._files.setdefault(path.name.removesuffix(suffix), path)
            if other is not path:
                raise FormatError(f"{other} and {path.name} are masks of one exam; expected one")

    def __getitem__(self, exam_id: str) -> LabelMask:
        """Read the mask of an exam."""
        import numpy as np

        from hilum.assess import LabelMask
        from hilum.volume.nifti import read_grid

        path = self._files[exam_id]
        voxels, geometry = read_grid(path)
        labels = voxels if np.issubdtype(voxels.dtype, np.integer) else np.rint(voxels).astype(np.int64)
        if not np.array_equal(labels, voxels):
            raise FormatError(
                f"{path}: its voxels are not whole numbers; expected the number of a lesion, or 0, in each"
            )
        return LabelMask(labels, geometry)

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)
