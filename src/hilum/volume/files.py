"""Volumes and masks from the files people keep them in: NIfTI, Analyze and NRRD, found by name and content."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hilum.errors import FormatError
from hilum.volume import analyze, nifti, nrrd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hilum.model.geometry import Geometry

SUFFIXES = (*nifti.SUFFIXES, *analyze.SUFFIXES, *nrrd.SUFFIXES)
"""Ends of the names that `read_image` takes."""

NIFTI_MAGIC = (b"ni1\0", b"n+1\0")
NIFTI_MAGIC_OFFSET = 344
"""Where NIfTI-1 says that a ``.hdr`` is its own and no Analyze header."""


class Image(NamedTuple):
    """Voxels (slice, row, column) in the file's type, their grid, and what was odd in the file."""

    values: NDArray[Any]
    geometry: Geometry
    warnings: tuple[str, ...] = ()


def read_image(path: str | Path) -> Image:
    """Read a NIfTI (one file or two), Analyze or NRRD file (one file or two) of any orientation.

    Raises
    ------
    FormatError
        The name ends in none of `SUFFIXES`, or the file is malformed or does not say where its voxels lie.
    FileNotFoundError
        There is no such file.
    """
    path = Path(path)
    name = path.name.lower()
    if name.endswith(nrrd.SUFFIXES):
        return Image(*nrrd.read_nrrd(path))
    if name.endswith(nifti.SUFFIXES) or (name.endswith(analyze.SUFFIXES) and _is_nifti_pair(path)):
        return Image(*nifti.read_grid(path))
    if name.endswith(analyze.SUFFIXES):
        values, geometry, is_placed = analyze.read_analyze(path)
        return Image(values, geometry, () if is_placed else (_unplaced(path),))
    raise FormatError(f"{path}: expected a name that ends in {', '.join(SUFFIXES)}")


def _is_nifti_pair(path: Path) -> bool:
    with path.with_suffix(".hdr").open("rb") as file:
        file.seek(NIFTI_MAGIC_OFFSET)
        return file.read(4) in NIFTI_MAGIC


def _unplaced(path: Path) -> str:
    return (
        f"{path}: Analyze 7.5 does not say where in the patient its voxels lie; columns are taken to run left, rows to "
        "the front, slices to the head, and the middle of the grid as the origin"
    )
