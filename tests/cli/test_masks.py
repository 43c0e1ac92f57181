"""A folder of label masks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from hilum.cli.masks import MaskFolder
from hilum.errors import FormatError
from hilum.model.geometry import Geometry
from hilum.volume.nifti import write_grid

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

GRID = Geometry((2, 3, 4), (2.0, 1.0, 0.5), (10.0, 20.0, 30.0))


def write(path: Path, label: float, dtype: type) -> None:
    voxels: NDArray[Any] = np.zeros(GRID.shape, dtype=dtype)
    voxels[1, 2, 3] = label
    write_grid(voxels, GRID, path)


def test_each_exam_has_the_file_of_its_name(tmp_path: Path) -> None:
    write(tmp_path / "1.2.3.nii.gz", 7, np.uint8)
    write(tmp_path / "b.nii", 300, np.float32)
    (tmp_path / "readme.txt").write_text("no mask")
    masks = MaskFolder(tmp_path)
    assert (sorted(masks), len(masks)) == (["1.2.3", "b"], 2)
    assert masks["1.2.3"].at(GRID.to_mm([1, 2, 3])).tolist() == [7]
    assert masks["b"].at(GRID.to_mm([[1, 2, 3], [0, 0, 0]])).tolist() == [300, 0]
    assert "c" not in masks


def test_what_is_no_label_mask_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.nii", 0.5, np.float32)
    with pytest.raises(FormatError, match="no whole numbers"):
        MaskFolder(tmp_path)["a"]
    with pytest.raises(FormatError, match="no such folder"):
        MaskFolder(tmp_path / "absent")


def test_two_masks_of_an_exam_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.nii", 1, np.uint8)
    write(tmp_path / "a.nii.gz", 2, np.uint8)
    with pytest.raises(FormatError, match=r"a\.nii and a\.nii\.gz are masks of one exam"):
        MaskFolder(tmp_path)
