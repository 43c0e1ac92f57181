"""A volume: HU on a regular grid in the patient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hilum.model.geometry import Geometry

    HuArray = NDArray[np.int16] | NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Volume:
    """HU on a regular grid.

    Attributes
    ----------
    hu
        Hounsfield units, (slice, row, column), int16 or float32.
    geometry
        Where the voxels lie (LPS mm); its shape is that of `hu`.
    """

    hu: HuArray
    geometry: Geometry

    def __post_init__(self) -> None:
        if self.hu.dtype not in (np.int16, np.float32):
            raise ValueError(f"voxels of type {self.hu.dtype}: expected int16 or float32 HU")
        if self.hu.shape != self.geometry.shape:
            raise ValueError(f"voxels of shape {self.hu.shape} on a grid of shape {self.geometry.shape}")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along (slice, row, column)."""
        return self.geometry.shape

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance of voxel centres along (slice, row, column)."""
        return self.geometry.spacing_mm


def fits_int16(values: NDArray[Any]) -> bool:
    """Whether all values are whole numbers that int16 holds."""
    if values.dtype in (np.int16, np.int8, np.uint8):
        return True
    limits = np.iinfo(np.int16)
    in_range = bool(np.all(values >= limits.min) and np.all(values <= limits.max))
    return in_range and (values.dtype.kind in "iu" or bool(np.all(values == np.rint(values))))
