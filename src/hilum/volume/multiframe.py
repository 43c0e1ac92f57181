"""The frames of instances, and of objects that hold several: enhanced CT, its geometry and rescaling frame by frame.

References
----------
DICOM PS3.3 C.7.6.16 (Multi-frame Functional Groups): C.7.6.16.2.1 (Pixel Measures), C.7.6.16.2.3 (Plane Position),
C.7.6.16.2.4 (Plane Orientation), C.7.6.16.2.9 (Pixel Value Transformation).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hilum.errors import PixelError
from hilum.volume.frames import Frame, PixelForm, make_frame

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydicom.dataset import Dataset

    from hilum.model.instances import Instances

GROUPS = {
    "ImagePositionPatient": "PlanePositionSequence",
    "ImageOrientationPatient": "PlaneOrientationSequence",
    "PixelSpacing": "PixelMeasuresSequence",
    "RescaleSlope": "PixelValueTransformationSequence",
    "RescaleIntercept": "PixelValueTransformationSequence",
}
"""Attribute of a frame to the functional group that holds it."""

TUPLES = frozenset({"ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"})
"""Attributes of `GROUPS` with several values."""


def frames_of(instances: Instances) -> list[Frame]:
    """Frames of instances, in the order of the instances and of the frames in each.

    Raises
    ------
    PixelError
        An instance has no pixel data, is in colour, or cannot be read.
    """
    forms: dict[tuple[Any, ...], PixelForm] = {}
    frames = []
    for values in instances:
        count = values.get("NumberOfFrames") or 1
        if count == 1 and values.get("ImagePositionPatient") is not None:
            frames.append(make_frame(values, forms))
        else:
            each = _values_of_frames(values, count)
            frames += [make_frame(own, forms, index=index, frame_count=count) for index, own in enumerate(each)]
    return frames


def _values_of_frames(values: Mapping[str, Any], count: int) -> Iterator[dict[str, Any]]:
    """Attributes of each frame: those of the object, and over them those of its functional groups."""
    path = Path(values["root"], values["path"])
    header = _read_header(path)
    shared = header.get("SharedFunctionalGroupsSequence") or [None]
    own = header.get("PerFrameFunctionalGroupsSequence") or [None] * count
    if len(own) != count:
        raise PixelError(f"{path}: functional groups of {len(own)} frames, but NumberOfFrames is {count}")
    # Without functional groups every frame would inherit one position: only a lone frame may.
    common = dict(values) if count == 1 else {**values, "ImagePositionPatient": None}
    common |= _values_of_group(shared[0])
    for group in own:
        yield common | _values_of_group(group)


def _read_header(path: Path) -> Dataset:
    import pydicom

    try:
        return pydicom.dcmread(path, stop_before_pixels=True, force=True)
    except Exception as error:  # pydicom raises whatever a damaged element makes it stumble on
        raise PixelError(f"{path}: its functional groups cannot be read ({error}); get the file again") from error


def _values_of_group(group: Dataset | None) -> dict[str, Any]:
    """Values of `GROUPS` that a functional group holds."""
    found: dict[str, Any] = {}
    for keyword, sequence in GROUPS.items():
        items = group.get(sequence) if group is not None else None
        value = items[0].get(keyword) if items else None
        if value is not None:
            found[keyword] = tuple(map(float, value)) if keyword in TUPLES else float(value)
    return found
