"""The frames of a series, those of objects that hold several (enhanced CT) included.

References
----------
DICOM PS3.3 C.7.6.16 (Multi-frame Functional Groups), C.7.6.16.2.9 (Pixel Value Transformation).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hilum.errors import PixelError
from hilum.index.slices import frame_count
from hilum.volume.frames import Frame, PixelForm, make_frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom.dataset import Dataset

    from hilum.index.record import Record
    from hilum.volume.stacking import Place

RESCALING = ("RescaleSlope", "RescaleIntercept")


def frames_of(records: Sequence[Record], places: Sequence[Place]) -> list[Frame]:
    """Frames of instances at the places given: index of a record, and of a frame in it.

    Raises
    ------
    PixelError
        An instance has no pixel data, is in colour, or lacks what is needed to read it.
    """
    forms: dict[tuple[Any, ...], PixelForm] = {}
    rescalings: dict[int, list[dict[str, float]]] = {}
    frames = []
    for instance, index in places:
        values = records[instance]
        if values.get("frames") is not None:
            if instance not in rescalings:
                rescalings[instance] = _rescalings(Path(values["root"], values["path"]), frame_count(values))
            values = {**values, **rescalings[instance][index]}
        frames.append(make_frame(values, forms, index=index, frame_count=frame_count(values)))
    return frames


def _rescalings(path: Path, count: int) -> list[dict[str, float]]:
    """Slope and intercept of each frame of an object, after its functional groups."""
    import pydicom

    try:
        header = pydicom.dcmread(path, stop_before_pixels=True)
        shared = _rescaling(header.get("SharedFunctionalGroupsSequence", [None])[0])
        each = [shared | _rescaling(group) for group in header.PerFrameFunctionalGroupsSequence]
    except Exception as error:  # pydicom raises whatever a damaged element makes it stumble on
        raise PixelError(f"{path}: its functional groups cannot be read ({error}); get the file again") from error
    if len(each) != count:
        raise PixelError(f"{path}: functional groups of {len(each)} frames, NumberOfFrames {count}; expected as many")
    return each


def _rescaling(group: Dataset | None) -> dict[str, float]:
    """Slope and intercept that a functional group holds."""
    items = group.get("PixelValueTransformationSequence") if group is not None else None
    return {keyword: float(items[0][keyword].value) for keyword in RESCALING} if items else {}
