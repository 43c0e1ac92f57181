"""A volume from elsewhere as a valid CT series, with what is not known left empty.

A CT image must have some attributes though their value is not known ("Type 2"): those stand empty. All else that is
neither given nor follows from the volume is absent.

References
----------
DICOM PS3.3 A.3 (CT Image IOD) and its modules, C.7.1.1 to C.7.6.2 and C.8.2.1; PS3.5 section 7.4.3 (Type 2).
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hilum.errors import FormatError
from hilum.volume.axes import axial_grid
from hilum.volume.dicom_series import OWN_KEYWORDS, RIGHT_ANGLE_TOLERANCE, write_dicom_series
from hilum.volume.volume import Volume, fits_int16

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from hilum.model.geometry import Geometry

TYPE_2 = (
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "Manufacturer",
    "ReferringPhysicianName",
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "SliceThickness",
    "KVP",
    "PatientPosition",
    "StudyID",
    "SeriesNumber",
    "Laterality",
    "Laterality",
    "AcquisitionNumber",
    "PositionReferenceIndicator",
)
"""Attributes that a CT image must have, empty where nothing is known."""

FIXED = frozenset({"SOPClassUID", "Modality"})
"""What makes the series one of CT images."""

UTF_8 = "ISO_IR 192"
"""Specific Character Set of values beyond ASCII."""


def parse_attributes(texts: Iterable[str]) -> dict[str, str]:
    """Attributes written as ``Keyword=value``; several values of one are parted by backslashes.

    Raises
    ------
    ValueError
        A text has another form, or its keyword or value is not as DICOM demands, or follows from the volume.
    """
    attributes: dict[str, str] = {}
    for text in texts:
        keyword, sign, value = text.partition("=")
        if not sign:
            raise ValueError(f"{text!r}: expected Keyword=value, such as StudyDescription=chest")
        check_attribute(keyword, value)
        attributes[keyword] = value
    return attributes


def check_attribute(keyword: str, value: str) -> None:
    """Raise a ValueError if an attribute is unknown, not to be given, or has a value that its kind does not allow."""
    from pydicom.config import RAISE
    from pydicom.datadict import dictionary_VR, tag_for_keyword
    from pydicom.valuerep import STR_VR, validate_value

    if tag_for_keyword(keyword) is None:
        raise ValueError(f"{keyword!r}: no keyword of the DICOM data dictionary, such as PatientID")
    if keyword in OWN_KEYWORDS | FIXED:
        raise ValueError(f"{keyword} follows from the volume and cannot be given")
    vr = dictionary_VR(keyword)
    if vr not in STR_VR or not value.isprintable():
        raise ValueError(f"{keyword}={value!r}: expected a line of text for an attribute that holds text, not VR {vr}")
    for part in value.split("\\"):
        try:
            validate_value(vr, part, RAISE)
        except ValueError as error:
            raise ValueError(f"{keyword}={value}: {error}") from error


def ct_volume(values: NDArray[Any], geometry: Geometry, *, rounding: bool = False) -> Volume:
    """Whole HU on an axial grid: the voxels of a file as a CT image can hold them.

    Axes are exchanged and turned round as by `hilum.volume.axes.as_axial`, nothing is resampled.

    Parameters
    ----------
    values
        HU, (slice, row, column), of any type.
    rounding
        Take fractions to the nearest whole HU, halves to the even one; otherwise they are refused.

    Raises
    ------
    FormatError
        Values are not numbers, not whole (without `rounding`), or beyond int16; or rows and columns of the grid are
        not at right angles.
    """
    turned, grid = axial_grid(values, geometry)
    hu = np.rint(turned) if rounding and turned.dtype.kind == "f" else turned
    if not fits_int16(hu):
        raise FormatError(_misfit(hu))
    axes = np.asarray(grid.direction)
    if abs(cosine := float(axes[:, 1] @ axes[:, 2])) > RIGHT_ANGLE_TOLERANCE:
        raise FormatError(
            f"rows and columns are {np.degrees(np.arccos(cosine)):.2f} degrees apart, not 90 as in a CT image: "
            "resample the volume to a straight grid first"
        )
    return Volume(np.ascontiguousarray(hu, dtype=np.int16), grid)


def _misfit(hu: NDArray[Any]) -> str:
    """Say why values are no HU of a CT image."""
    limits = np.iinfo(np.int16)
    unknown = int(np.count_nonzero(~np.isfinite(hu)))
    if unknown:
        return f"{unknown} of {hu.size} values are no finite numbers; expected HU in each voxel"
    if hu.min() < limits.min or hu.max() > limits.max:
        return f"values from {hu.min():g} to {hu.max():g}; expected HU from {limits.min} to {limits.max}"
    fractions = np.abs(hu - np.rint(hu))
    return (
        f"{np.count_nonzero(fractions)} of {hu.size} values are no whole HU, by up to {fractions.max():g}; a CT image "
        "holds whole ones: round them to the nearest (--round), or give whole values"
    )


def write_ct_series(volume: Volume, folder: str | Path, *, attributes: Mapping[str, str]) -> list[Path]:
    """Write a volume as a valid CT series, a file a slice; the same volume and attributes give the same bytes.

    The folder appears whole or not at all.

    Parameters
    ----------
    folder
        Absent or empty, so that no slices of another series are among the files.
    attributes
        Keyword to value, checked by `check_attribute`. What a CT image must have and is not given stands empty.

    Returns
    -------
    Paths of the files, in the order of the slices.

    Raises
    ------
    FormatError
        The folder holds files already.
    """
    target = Path(folder)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise FormatError(f"{target} is there and not an empty folder; name an empty or new one")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as place:
        unfinished = Path(place) / target.name
        names = [
            path.name for path in write_dicom_series(volume, unfinished, attributes=complete_attributes(attributes))
        ]
        unfinished.replace(target)
    return [target / name for name in names]


def complete_attributes(attributes: Mapping[str, Any]) -> dict[str, object]:
    """Attributes with those a CT image must have, empty, and the character set that the texts among them need."""
    complete: dict[str, object] = {**dict.fromkeys(TYPE_2, ""), **attributes}
    if not all(value.isascii() for value in attributes.values() if isinstance(value, str)):
        complete.setdefault("SpecificCharacterSet", UTF_8)
    return complete
