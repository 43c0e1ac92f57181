"""Label masks in image files, NIfTI and NRRD: numbers alone, without names or colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hilum.errors import FormatError
from hilum.findings.format import Format, exam_of
from hilum.findings.masks import on_grid, read_mask
from hilum.model.findings import FindingSet
from hilum.volume import nifti, nrrd
from hilum.volume.nrrd_writing import write_nrrd

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from hilum.model.masks import LabelMask
    from hilum.model.series import Series

NIFTI_STARTS = (b"\x5c\x01\0\0", b"\0\0\x01\x5c", b"\x1c\x02\0\0", b"\0\0\x02\x1c")
"""Header sizes of NIfTI-1 and 2 (348, 540), in either byte order."""

GZIP_START = b"\x1f\x8b"


def _read(path: Path, target: Series | None) -> FindingSet:
    suffixes = (*nifti.SUFFIXES, *nrrd.SUFFIXES)
    if target is None:
        return FindingSet(exam_of(path, None, suffixes), mask=read_mask(path))
    mask = on_grid(read_mask(path, grid=target.geometry), target.geometry, str(path))
    return FindingSet(target.uid, target.uid, mask=mask)


def _write_nifti(path: Path, findings: FindingSet, _target: Series | None) -> None:
    labels, mask = flat_labels(path, findings)
    nifti.write_grid(labels, mask.geometry, path)


def _write_nrrd(path: Path, findings: FindingSet, _target: Series | None) -> None:
    labels, mask = flat_labels(path, findings)
    write_nrrd(path, labels[None], mask.geometry, {})


def flat_labels(path: Path, findings: FindingSet) -> tuple[NDArray[np.integer], LabelMask]:
    """Labels of all layers in the smallest type that holds them, and the mask.

    Raises
    ------
    FormatError
        Two labels share a voxel.
    """
    if findings.mask is None:
        raise ValueError("findings without a mask; expected voxels")
    mask = findings.mask
    labels = np.zeros(mask.geometry.shape, np.min_scalar_type(max(mask.present, default=1)))
    for layer in mask.layers:
        if shared := int(np.count_nonzero((labels != 0) & (layer != 0))):
            raise FormatError(
                f"{path.name}: {shared} voxels have two labels, and this format holds one a voxel; write overlapping "
                "segments as .seg.nrrd or DICOM SEG"
            )
        np.copyto(labels, layer, where=layer != 0, casting="unsafe")
    return labels, mask


def _is_nifti(path: Path, start: bytes) -> bool:
    return start.startswith(NIFTI_STARTS) or (start.startswith(GZIP_START) and path.name.lower().endswith(".nii.gz"))


def _is_nrrd(_path: Path, start: bytes) -> bool:
    return start.startswith(b"NRRD")


NIFTI = Format("nifti", "NIfTI label mask", nifti.SUFFIXES, _is_nifti, _read, _write_nifti, has_voxels=True)
NRRD = Format("nrrd", "NRRD label mask", (".nrrd",), _is_nrrd, _read, _write_nrrd, has_voxels=True)
