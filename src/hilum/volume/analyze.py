"""Volumes as Analyze 7.5 and SPM files, ``.hdr`` and ``.img``.

SPM's files say where their voxels lie (a ``.mat`` file, or the header's origin). Plain Analyze 7.5 says only how its
axes run: columns to the patient's left, rows to the front, slices to the head ("transverse unflipped"). Its grid is
then centred on the origin, and `is_placed` is False.

References
----------
Mayo Clinic, "ANALYZE 7.5 File Format" (dbh.h: orient); SPM99 and SPM2 use its field ``originator`` as origin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hilum.errors import FormatError
from hilum.model.geometry import Geometry
from hilum.volume.nifti import RAS_OF_LPS, stored_voxels

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SUFFIXES = (".hdr", ".img")

UNFLIPPED_TRANSVERSE = (b"", b"0")
"""Values of ``orient`` that mean transverse slices, unflipped; the byte 0 is an empty text."""


class AnalyzeImage(NamedTuple):
    """Voxels (slice, row, column), their grid, and whether the file says where in the patient the grid lies."""

    values: NDArray[Any]
    geometry: Geometry
    is_placed: bool


def read_analyze(path: Path) -> AnalyzeImage:
    """Read an Analyze 7.5 or SPM file by the name of either of its two files.

    Raises
    ------
    FormatError
        The file is not Analyze, is damaged, is not three-dimensional, or its slices are not transverse.
    FileNotFoundError
        One of the two files is not there.
    """
    import nibabel

    try:
        image = nibabel.load(path)
        if not isinstance(image, nibabel.AnalyzeImage) or isinstance(image, nibabel.Nifti1Pair):
            raise FormatError(f"{path}: {type(image).__name__}; expected Analyze")
        values = stored_voxels(image)
    except FileNotFoundError:
        raise
    except (nibabel.filebasedimages.ImageFileError, OSError, EOFError, ValueError, MemoryError) as error:
        raise FormatError(f"{path}: cannot be read as Analyze ({error})") from error
    while values.ndim > 3 and values.shape[-1] == 1:
        values = values[..., 0]
    if values.ndim != 3 or values.dtype.kind not in "iuf":
        raise FormatError(f"{path}: {values.ndim} axes of {values.dtype}; expected three axes of numbers")
    return AnalyzeImage(values.T, _geometry(image, values.shape, path), _is_placed(image))


def _is_placed(image: Any) -> bool:
    """Whether an origin or a ``.mat`` file gives the grid a place."""
    header = image.header
    has_origin = "origin" in header and bool(np.any(header["origin"][:3]))
    return has_origin or not np.array_equal(image.affine, header.get_best_affine())


def _geometry(image: Any, shape: tuple[int, ...], path: Path) -> Geometry:
    orient = bytes(image.header["orient"]).strip(b"\0") if "orient" in image.header else b""
    if orient not in UNFLIPPED_TRANSVERSE and not _is_placed(image):
        raise FormatError(f"{path}: slices of Analyze orientation {orient!r}; expected transverse unflipped (0)")
    affine = RAS_OF_LPS @ np.asarray(image.affine, dtype=np.float64)
    try:
        return Geometry.from_affine(affine[:, [2, 1, 0, 3]], shape[::-1])
    except ValueError as error:
        raise FormatError(f"{path}: unusable geometry: {error}") from error
