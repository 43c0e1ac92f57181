"""Volumes and masks as NIfTI files.

A NIfTI array is (column, row, slice) with the first index fastest, its affine leads to RAS mm; hilum's is (slice, row,
column) and LPS mm. Axes change their order and x and y their sign; no voxel is moved.

References
----------
NIfTI-1.1, nifti1.h: "3D image (volume) orientation and location in space" (methods 2 and 3), "scl_slope".
"""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from hilum.errors import FormatError
from hilum.model.geometry import Geometry
from hilum.volume.nrrd import DATA_LIMIT, GREATEST_RATIO
from hilum.volume.volume import Volume, fits_int16

if TYPE_CHECKING:
    from numpy.typing import NDArray

SUFFIXES = (".nii", ".nii.gz")

RAS_OF_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""x and y change their sign between RAS and LPS; its own inverse."""

SCANNER = 1
"""NIFTI_XFORM_SCANNER_ANAT: the coordinates are the scanner's."""

RIGHT_ANGLE_TOLERANCE = 1e-4
"""Largest cosine between two axes that a quaternion (method 2) stands for."""


def write_nifti(volume: Volume, path: str | Path) -> None:
    """Write a volume; its HU are kept exactly, its geometry in float32 as NIfTI demands.

    The file appears whole or not at all.

    Parameters
    ----------
    path
        Ends in ``.nii`` or ``.nii.gz`` (compressed).

    Raises
    ------
    ValueError
        `path` ends in something else.
    """
    write_grid(volume.hu, volume.geometry, path)


def write_grid(values: NDArray[Any], geometry: Geometry, path: str | Path) -> None:
    """Write voxels of any type, such as a mask of uint8; otherwise as `write_nifti`."""
    import nibabel

    target = Path(path)
    suffix = next((suffix for suffix in reversed(SUFFIXES) if target.name.endswith(suffix)), None)
    if suffix is None:
        raise ValueError(f"{target}: expected a name that ends in {' or '.join(SUFFIXES)}")
    affine = RAS_OF_LPS @ geometry.affine[:, [2, 1, 0, 3]]
    image = nibabel.Nifti1Image(values.T, affine, dtype=values.dtype)
    image.set_sform(affine, SCANNER)
    image.set_qform(affine, SCANNER if _is_orthogonal(geometry) else 0)
    image.header.set_xyzt_units("mm")
    unfinished = target.with_name(f".{target.name}.{os.getpid()}{suffix}")
    try:
        nibabel.save(image, unfinished)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def read_nifti(path: str | Path, *, dtype: Literal["int16", "float32"] | None = None) -> Volume:
    """Read a volume of any orientation; slices, rows and columns are the file's third, second and first axis.

    Parameters
    ----------
    path
        A NIfTI-1 or NIfTI-2 file, compressed or not.
    dtype
        Type of the voxels. Absent: int16 if the file holds whole numbers that fit, else float32.

    Raises
    ------
    FormatError
        See `read_grid`; or `dtype` is int16 and the file holds other than whole numbers from -32768 to 32767.
    """
    values, geometry = read_grid(path)
    fits = fits_int16(values)
    if dtype == "int16" and not fits:
        raise FormatError(f"{path}: values that int16 cannot hold; read it with dtype='float32'")
    return Volume(values.astype(dtype or ("int16" if fits else "float32"), copy=False), geometry)


def read_grid(path: str | Path) -> tuple[NDArray[Any], Geometry]:
    """Voxels (slice, row, column) and grid of a NIfTI file, in the file's type unless the file scales its values.

    Raises
    ------
    FormatError
        The file is not NIfTI, is damaged, is not three-dimensional, or does not say where its voxels lie.
    FileNotFoundError
        There is no such file.
    """
    import nibabel

    try:
        image = nibabel.load(path)
        if not isinstance(image, nibabel.Nifti1Pair):
            raise FormatError(f"{path}: {type(image).__name__}; expected NIfTI")
        _check_size(image, Path(path))
        values = _whole_voxels(image, Path(path))
    except FileNotFoundError:
        raise
    except (nibabel.filebasedimages.ImageFileError, OSError, EOFError, zlib.error, ValueError, MemoryError) as error:
        raise FormatError(f"{path}: cannot be read as NIfTI ({error})") from error
    while values.ndim > 3 and values.shape[-1] == 1:
        values = values[..., 0]
    if values.ndim != 3 or values.dtype.kind not in "iuf":
        raise FormatError(f"{path}: {values.ndim} axes of {values.dtype}; expected three axes of numbers")
    return values.T, _geometry(image, values.shape, path)


def _check_size(image: Any, path: Path) -> None:
    """Refuse a header that promises more voxels than its file can hold, before memory is taken for them."""
    needed = int(np.prod(image.shape, dtype=object)) * image.get_data_dtype().itemsize
    data = Path(image.file_map["image"].filename or path)
    ratio = GREATEST_RATIO if data.suffix == ".gz" else 1
    if needed > min(data.stat().st_size * ratio, DATA_LIMIT):
        shape = " x ".join(map(str, image.shape))
        raise FormatError(
            f"{path}: its header means {needed} bytes of voxels ({shape}), more than its {data.stat().st_size} bytes "
            f"can hold or than the {DATA_LIMIT} that are read; the header is wrong or the file cut"
        )


def _whole_voxels(image: Any, path: Path) -> NDArray[Any]:
    """Values of an image as `stored_voxels`; those of a compressed file once its end and its checksum were seen."""
    if path.suffix.lower() != ".gz":
        return stored_voxels(image)
    with gzip.open(path) as stream:
        values = stored_voxels(type(image).from_stream(stream))
        # nibabel reads as many bytes as the header means, and gzip checks its sum behind the last.
        if stream.read(1):
            raise FormatError(f"{path}: more data than its header means; the header is wrong, or the file was joined")
    return values


def stored_voxels(image: Any) -> NDArray[Any]:
    """Values of a nibabel image as they are stored, or scaled in double precision if the header scales them."""
    slope, intercept = image.dataobj.slope, image.dataobj.inter
    if (slope, intercept) == (1.0, 0.0):
        return np.asanyarray(image.dataobj.get_unscaled())
    return np.asanyarray(image.dataobj)


def _geometry(image: Any, shape: tuple[int, ...], path: str | Path) -> Geometry:
    if int(image.header["qform_code"]) == 0 and int(image.header["sform_code"]) == 0:
        raise FormatError(f"{path}: qform and sform are both 0, so it does not say where its voxels lie")
    affine = RAS_OF_LPS @ np.asarray(image.affine, dtype=np.float64)
    try:
        return Geometry.from_affine(affine[:, [2, 1, 0, 3]], shape[::-1])
    except ValueError as error:
        raise FormatError(f"{path}: unusable geometry: {error}") from error


def _is_orthogonal(geometry: Geometry) -> bool:
    axes = np.asarray(geometry.direction)
    return bool(np.max(np.abs(axes.T @ axes - np.eye(3))) <= RIGHT_ANGLE_TOLERANCE)
