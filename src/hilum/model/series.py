"""A series as the catalog keeps it: one row, with its instances packed inside."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from hilum.errors import NotAVolumeError, PixelError
from hilum.model.instances import Instances

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hilum.model.geometry import Geometry, Stack


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
        from hilum.model.geometry import stack_geometry

        if not self.row.get("is_volume"):
            check = self.row.get("not_volume_check") or "not-known"
            raise NotAVolumeError(f"series {self.uid} is no volume: check {check} failed", check=check)
        positions, orientations, spacings = self._places
        return stack_geometry(
            self._stack,
            positions,
            orientations[0],
            pixel_spacing_mm=spacings[0],
            rows=self.row["Rows"],
            columns=self.row["Columns"],
        )

    @property
    def is_simple_stack(self) -> bool:
        """Whether the series forms a volume of one image an instance, and the instances stand in ascending position."""
        return (
            bool(self.row.get("is_volume"))
            and "frames" not in self.instances.columns
            and self._stack.order == tuple(range(len(self.instances)))
        )

    @cached_property
    def _stack(self) -> Stack:
        from hilum.model.geometry import stack_slices

        positions, orientations, _ = self._places
        return stack_slices(positions, orientations[0])

    @cached_property
    def _places(self) -> tuple[Sequence[Any], Sequence[Any], Sequence[Any]]:
        """ImagePositionPatient, ImageOrientationPatient and PixelSpacing of each slice: an image, or a frame of one."""
        images = [self.instances.column(f"Image{what}Patient") for what in ("Position", "Orientation")]
        images.append(self.instances.column("PixelSpacing"))
        frames = self.instances.column("frames")
        places = [each for own, *image in zip(frames, *images, strict=True) for each in own or [tuple(image)]]
        positions, orientations, spacings = zip(*places, strict=True)
        return positions, orientations, spacings
