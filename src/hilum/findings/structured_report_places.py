"""Where the graphics of a report lie: on images of a series, or in the patient."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from hilum.errors import FormatError
from hilum.findings.format import check_frame_of_reference, need_target
from hilum.findings.image_planes import ImagePlanes, ImageReference
from hilum.findings.structured_report_items import COORDINATES, Graphic, Item

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from hilum.model.series import Series

    Floats = NDArray[np.float64]


class Places:
    """Turns the graphics of one report into millimetres.

    Parameters
    ----------
    path
        Of the report.
    target
        Series that it is on; None where its findings are drawn in the patient.
    """

    def __init__(self, path: Path, target: Series | None) -> None:
        self.path, self._target = path, target
        self._frame_of_reference_uid = ""

    @property
    def name(self) -> str:
        """Name of the report's file."""
        return self.path.name

    @property
    def series_uid(self) -> str:
        """Series that the report is on; empty where none is given."""
        return "" if self._target is None else self._target.uid

    @property
    def frame_of_reference_uid(self) -> str:
        """Frame of reference of the series, or of what has been placed so far; empty where nothing states one."""
        stated = None if self._target is None else self._target.row.get("FrameOfReferenceUID")
        return str(stated or self._frame_of_reference_uid)

    @cached_property
    def planes(self) -> ImagePlanes:
        """Images of the series.

        Raises
        ------
        FormatError
            No series is given.
        """
        return ImagePlanes(need_target(self.path, self._target, "its findings are drawn on images of a series"))

    def to_mm(self, item: Item) -> Floats:
        """``(n, 3)`` LPS of the points of a graphic.

        Raises
        ------
        FormatError
            It has no points, is drawn on an image that the series has not, or in another frame of reference.
        """
        graphic = item.value
        if not isinstance(graphic, Graphic):
            raise FormatError(f"{item.kind} without coordinates; expected them in GraphicData")
        if COORDINATES[item.kind] == 2:
            return self._image_to_mm(graphic, item)
        check_frame_of_reference(graphic.frame_of_reference_uid, self._target, "its graphic")
        self._keep_frame_of_reference(graphic.frame_of_reference_uid)
        return np.asarray(graphic.points, dtype=np.float64)

    def _image_to_mm(self, graphic: Graphic, item: Item) -> Floats:
        image = next((child.value for child in item.children if isinstance(child.value, ImageReference)), None)
        if image is None:
            raise FormatError("points of an image that it does not name; expected an IMAGE below the SCOORD")
        plane = self.planes.of(image.sop_uid, image.frame)
        if plane is None:
            raise FormatError(
                f"drawn on image {image.sop_uid}, which series {self.series_uid} has not, or has without a place; "
                "give the series it was drawn on"
            )
        return plane.to_mm(graphic.points)

    def _keep_frame_of_reference(self, uid: str) -> None:
        if self._target is None and self._frame_of_reference_uid and uid not in ("", self._frame_of_reference_uid):
            raise FormatError(
                f"drawn in frame of reference {uid}, an earlier one in {self._frame_of_reference_uid}; expected one"
            )
        self._frame_of_reference_uid = self._frame_of_reference_uid or uid
