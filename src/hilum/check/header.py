"""The checks of one file's header: rules of the object, and what tells who the participant is."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any

from hilum.check.profile import DESCRIPTORS, protections
from hilum.check.safe_private import is_safe
from hilum.check.texts import checks_of_text, identity_words
from hilum.errors import HeaderError
from hilum.model.kinds import ImageKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydicom.dataset import Dataset

Found = tuple[str, str]
"""Id of a check, and the attribute or value class it was found in."""

CT_IMAGE_CLASS = "1.2.840.10008.5.1.4.1.1.2"

TYPE_1 = (
    *("ImageType", "Modality", "SamplesPerPixel", "PhotometricInterpretation", "Rows", "Columns", "BitsAllocated"),
    *("BitsStored", "HighBit", "PixelRepresentation", "PixelSpacing", "ImageOrientationPatient"),
    *("ImagePositionPatient", "RescaleIntercept", "RescaleSlope"),
)
TYPE_1_UIDS = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
"""Attributes of type 1 of a CT image (PS3.3 table A.3-1: modules general study, general series, frame of reference,
image plane, image pixel, CT image, SOP common)."""

MAX_UID_LENGTH = 64
_UID = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*))*")
"""PS3.5 section 9.1."""

_CURVE_GROUPS = range(0x5000, 0x5100)
_BINARY = frozenset({"US", "SS", "UL", "SL", "FL", "FD", "UV", "SV", "AT", "OB", "OW", "OF", "OD", "OL", "OV", "UN"})
_ADDRESS = ("Address", "Telephone")
_CODED = "DeidentificationMethodCodeSequence"
_SLIDE_WORDS = frozenset({"LABEL", "OVERVIEW"})


def read_dataset(path: Path) -> Dataset:
    """Read a header whole, without pixel data.

    Raises
    ------
    HeaderError
        It cannot be read; ``check`` is ``unreadable-object``.
    """
    import pydicom

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd values are what is looked for, not news
            return pydicom.dcmread(path, stop_before_pixels=True, force=True)
    except Exception as error:  # pydicom raises whatever its parsing does
        raise HeaderError(f"{path}: {error}", check="unreadable-object") from error


def examine_header(dataset: Dataset, kind: str = "") -> list[Found]:
    """Run the checks of a header.

    Parameters
    ----------
    dataset
        From `read_dataset`.
    kind
        `hilum.model.kinds.ImageKind` that its series is catalogued as; empty where it is not.

    Returns
    -------
    What failed, each with where it was found.

    Raises
    ------
    HeaderError
        The header turns out to be unreadable in a nested part.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return list(dict.fromkeys([*_of_object(dataset, kind), *_of_identity(dataset)]))
    except Exception as error:  # values are decoded as they are asked for
        raise HeaderError(f"header cannot be decoded: {error}", check="unreadable-object") from error


def _of_object(dataset: Dataset, kind: str) -> Iterator[Found]:
    yield from _uids(dataset, "")
    media = getattr(dataset, "file_meta", None) or {}
    stated, held = str(media.get("MediaStorageSOPInstanceUID", "")), str(dataset.get("SOPInstanceUID") or "")
    if stated and held and stated != held:
        yield "other-media-uid", "MediaStorageSOPInstanceUID"
    sop_class = str(dataset.get("SOPClassUID") or media.get("MediaStorageSOPClassUID", ""))
    if sop_class == CT_IMAGE_CLASS:
        yield from (("missing-type-1", keyword) for keyword in TYPE_1 if not has_value(dataset, keyword))
        yield from (("missing-type-1", keyword) for keyword in TYPE_1_UIDS if keyword not in dataset)
    if kind in {ImageKind.AXIAL, ImageKind.REFORMAT} and (sign := _localizer_sign(dataset)):
        yield "localizer-as-slices", sign
    if _values(dataset, "BurnedInAnnotation") == {"YES"}:
        yield "burned-in-declared", "BurnedInAnnotation"
    if words := _values(dataset, "ImageType") & _SLIDE_WORDS if dataset.get("Modality") == "SM" else None:
        yield "slide-label", f"ImageType {min(words)}"
    if _values(dataset, "SpecimenLabelInImage") == {"YES"}:
        yield "slide-label", "SpecimenLabelInImage"


def _localizer_sign(dataset: Dataset) -> str:
    """The attribute that shows a projection; empty if none does."""
    if "LOCALIZER" in _values(dataset, "ImageType"):
        return "ImageType"
    if "CONSTANT_ANGLE" in _values(dataset, "AcquisitionType"):
        return "AcquisitionType"
    return "ScanOptions" if any("SCOUT" in word for word in _values(dataset, "ScanOptions")) else ""


def _uids(dataset: Dataset, parents: str) -> Iterator[Found]:
    for name, element in _public(dataset, parents):
        if element.VR == "SQ":
            for item in element.value:
                yield from _uids(item, f"{name} > ")
        elif element.VR == "UI" and element.is_empty:
            yield "empty-uid", name
        elif element.VR == "UI":
            values = [element.value] if isinstance(element.value, str) else element.value
            if not all(len(value) <= MAX_UID_LENGTH and _UID.fullmatch(value) for value in values):
                yield "invalid-uid", name


def _of_identity(dataset: Dataset) -> Iterator[Found]:
    codes = {str(item.get("CodeValue", "")) for item in dataset.get(_CODED) or ()}
    is_replaced = _values(dataset, "PatientIdentityRemoved") == {"YES"}
    if not is_replaced:
        yield "not-declared", "PatientIdentityRemoved"
    if not has_value(dataset, "DeidentificationMethod") and not codes:
        yield "not-declared", "DeidentificationMethod"
    words = identity_words(str(dataset.get("PatientName") or ""), str(dataset.get("PatientID") or ""))
    yield from _kept(dataset, "", frozenset(codes), words, is_replaced=is_replaced)
    yield from _private(dataset)


def _kept(
    dataset: Dataset, parents: str, options: frozenset[str], words: tuple[str, ...], *, is_replaced: bool
) -> Iterator[Found]:
    """Attributes of the profile's table that have a value and that no declared option allows to stay."""
    table = protections()
    for name, element in _public(dataset, parents):
        protection = table.get(element.keyword)
        is_allowed = protection is None or protection.is_uid or bool(protection.options & options)
        if not _is_empty(element) and protection is not None and not is_allowed:
            yield _check_of(element.keyword, is_removed=protection.is_removed, is_replaced=is_replaced), name
        if element.VR == "SQ" and (is_allowed or (protection is not None and not protection.is_removed)):
            for item in element.value:
                yield from _kept(item, f"{name} > ", options, words, is_replaced=is_replaced)
        elif protection is not None and DESCRIPTORS in protection.options and element.VR not in _BINARY:
            yield from ((check, name) for check in checks_of_text(str(element.value or ""), words))


def _check_of(keyword: str, *, is_removed: bool, is_replaced: bool) -> str:
    if any(word in keyword for word in _ADDRESS):
        return "address"
    if is_removed:
        return "identity-not-removed"
    return "identity-replaced" if is_replaced else "identity-not-replaced"


def _private(dataset: Dataset) -> Iterator[Found]:
    for tag in dataset.keys():  # noqa: SIM118 - iterating a data set decodes every value
        if tag.group in _CURVE_GROUPS:
            yield "curve-data", f"group {tag.group:04X}"
        if not tag.is_private:
            element = dataset[tag]
            for item in element.value if element.VR == "SQ" else ():
                yield from _private(item)
        elif tag.element > 0xFF and not _is_empty(dataset.get_item(tag)):
            creator = str(
                dataset.get((tag.group, tag.element >> 8), None) and dataset[tag.group, tag.element >> 8].value
            )
            if not is_safe(creator, tag.group, tag.element):
                yield "private-attribute", f"{creator if creator != 'None' else 'no creator'} ({tag.group:04X})"


def _public(dataset: Dataset, parents: str) -> Iterator[tuple[str, Any]]:
    """Name, with the sequences it lies in, and element of each public attribute."""
    for tag in sorted(dataset.keys()):
        if not tag.is_private and tag.element != 0:
            element = dataset[tag]
            yield f"{parents}{element.keyword or tag}", element


def has_value(dataset: Dataset, keyword: str) -> bool:
    """Whether an attribute is there with a value."""
    return keyword in dataset and not _is_empty(dataset[keyword])


def _is_empty(element: Any) -> bool:
    value = element.value
    if isinstance(value, bytes):
        return not value if element.VR in _BINARY else not value.strip(b" \0")
    if isinstance(value, int | float):
        return False
    if element.VR == "SQ":  # its text would be that of all its items, made out of every value in them
        return not value
    return value is None or not str(value).strip() or (hasattr(value, "__len__") and len(value) == 0)


def _values(dataset: Dataset, keyword: str) -> set[str]:
    """Values of a text attribute, in upper case."""
    value = dataset.get(keyword)
    if value is None:
        return set()
    values = [value] if isinstance(value, str) else list(value) if hasattr(value, "__iter__") else [value]
    return {str(one).strip().upper() for one in values}
