"""A series as the catalog keeps it: one row, with its instances packed inside."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from hilum.errors import NotAVolumeError, PixelError
from hilum.model.instances import Instances

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hilum.model.geometry import Geometry


@dataclass(frozen=True)
class Series:
    """One row of the series table (`hilum.model.tables.SERIES`).

    Attributes
    ----------
    row
        Column name to value.
    """

    row: Mapping[str, Any]

    def __getitem__(self, column: str) -> Any:
        """Value of a column of the row."""
        return self.row[column]

    @property
    def uid(self) -> str:
        """SeriesInstanceUID."""
        return str(self.row["SeriesInstanceUID"])

    @property
    def study_uid(self) -> str:
        """StudyInstanceUID."""
        return str(self.row["StudyInstanceUID"])

    @property
    def participant_id(self) -> str:
        """PatientID."""
        return str(self.row["PatientID"])

    @cached_property
    def instances(self) -> Instances:
        """The instances, in geometric order.

        Raises
        ------
        PixelError
            The instances are not on this machine.
        """
        packed = self.row.get("instances")
        if packed is None:
            where = self.row.get("source_url") or "another archive"
            raise PixelError(f"series {self.uid}: its files are not here but at {where}; download and index them first")
        return Instances.unpack(packed)

    @cached_property
    def geometry(self) -> Geometry:
        """Grid of the volume the series forms, from its headers alone.

        Raises
        ------
        NotAVolumeError
            The series does not form one regular stack.
        """
        from hilum.model.geometry import stack_geometry, stack_slices

        if not self.row.get("is_volume"):
            check = self.row.get("not_volume_check") or "not-known"
            raise NotAVolumeError(f"series {self.uid} is no volume: check {check} failed", check=check)
        positions, orientations, spacings = zip(*self._places(), strict=True)
        return stack_geometry(
            stack_slices(positions, orientations[0]),
            positions,
            orientations[0],
            pixel_spacing_mm=spacings[0],
            rows=self.row["Rows"],
            columns=self.row["Columns"],
        )

    def _places(self) -> list[Any]:
        """ImagePositionPatient, ImageOrientationPatient and PixelSpacing of each slice: an image, or a frame of one."""
        keywords = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")
        return [
            place
            for instance in self.instances
            for place in instance.get("frames") or [tuple(instance.get(keyword) for keyword in keywords)]
        ]
