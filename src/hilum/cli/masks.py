"""A folder of label masks, one file an exam, each read when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from hilum.errors import FormatError

if TYPE_CHECKING:
    from pathlib import Path

    from hilum.model.masks import LabelMask


class MaskFolder(Mapping[str, "LabelMask"]):
    """Label masks of exams, found by their names as `hilum.findings.mask_folder.find_masks` does.

    A mask is read anew each time, so that of many only one is in memory.

    Raises
    ------
    FormatError
        There is no folder or no mask in it, an exam has two files, or a file is no label mask.
    KeyError
        There is no file for the exam.
    """

    def __init__(self, folder: Path) -> None:
        from hilum.findings.mask_folder import find_masks

        if not folder.is_dir():
            raise FormatError(f"{folder}: no such folder; expected one with a label mask for each exam")
        self._files = find_masks(folder)

    def __getitem__(self, exam_id: str) -> LabelMask:
        """Read the mask of an exam."""
        from hilum.findings.mask_folder import mask_of_file

        return mask_of_file(self._files[exam_id])

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)
