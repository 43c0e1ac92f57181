"""Masks written as NRRD files, header and data in one file.

References
----------
As `hilum.volume.nrrd`.
"""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from hilum.model.geometry import Geometry

COMPRESS_LEVEL = 6
"""Level 9 makes masks a few percent smaller and takes several times as long."""


def write_nrrd(path: Path, layers: NDArray[Any], geometry: Geometry, pairs: Mapping[str, str]) -> None:
    """Write voxels of whole numbers, compressed; the same voxels and pairs give the same bytes.

    Parameters
    ----------
    layers
        (layer, slice, row, column); several layers are written as a list of values a voxel, as 3D Slicer does.
    pairs
        ``key:=value`` lines; line ends in them become blanks.
    """
    is_list = len(layers) > 1
    little = layers.astype(layers.dtype.newbyteorder("<"), copy=False)
    values = np.ascontiguousarray(np.moveaxis(little, 0, -1) if is_list else little[0])
    lines = [
        *_header_lines(values, geometry, is_list=is_list),
        *(f"{key}:={' '.join(value.splitlines())}" for key, value in pairs.items()),
    ]
    with path.open("wb") as file:
        file.write(("\n".join(lines) + "\n\n").encode())
        # No time and no name in the gzip header: equal content gives equal bytes.
        with gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=COMPRESS_LEVEL, mtime=0) as packed:
            packed.write(values.data.cast("B"))


def _header_lines(values: NDArray[Any], geometry: Geometry, *, is_list: bool) -> list[str]:
    vectors = [_vector_text(geometry.affine[:3, axis]) for axis in (2, 1, 0)]
    return [
        "NRRD0005",
        "# Complete NRRD file format specification at:",
        "# http://teem.sourceforge.net/nrrd/format.html",
        f"type: {np.dtype(values.dtype).newbyteorder('=').name}",
        f"dimension: {values.ndim}",
        "space: left-posterior-superior",
        f"sizes: {' '.join(map(str, values.shape[::-1]))}",
        f"space directions: {' '.join(['none'] * is_list + vectors)}",
        f"kinds: {' '.join(['list'] * is_list + ['domain'] * 3)}",
        *(["endian: little"] if values.dtype.itemsize > 1 else []),
        "encoding: gzip",
        f"space origin: {_vector_text(np.asarray(geometry.origin_mm))}",
    ]


def _vector_text(vector: NDArray[np.float64]) -> str:
    return "(" + ",".join(repr(float(part)) for part in vector) + ")"
