"""What a series is: the image kind, and the class of its reconstruction kernel."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

from hilum.model.nlst import parse_description

if TYPE_CHECKING:
    from collections.abc import Sequence


class ImageKind(StrEnum):
    """What the images of a series show."""

    LOCALIZER = "localizer"
    AXIAL = "axial"
    REFORMAT = "reformat"
    SECONDARY = "secondary"
    SEGMENTATION = "segmentation"
    REPORT = "report"
    SLIDE = "slide"
    OTHER = "other"


class KernelClass(StrEnum):
    """How sharp a reconstruction kernel is."""

    SOFT = "soft"
    SHARP = "sharp"


_KIND_BY_MODALITY = {
    "SEG": ImageKind.SEGMENTATION,
    "RTSTRUCT": ImageKind.SEGMENTATION,
    "SR": ImageKind.REPORT,
    "SM": ImageKind.SLIDE,
}
_KIND_BY_SOP_CLASS = {
    "1.2.840.10008.5.1.4.1.1.66.4": ImageKind.SEGMENTATION,
    "1.2.840.10008.5.1.4.1.1.66.7": ImageKind.SEGMENTATION,  # Label Map Segmentation
    "1.2.840.10008.5.1.4.1.1.481.3": ImageKind.SEGMENTATION,  # RT Structure Set
    "1.2.840.10008.5.1.4.1.1.77.1.6": ImageKind.SLIDE,
}
_REPORT_SOP_CLASSES = "1.2.840.10008.5.1.4.1.1.88."
_SECONDARY_SOP_CLASSES = "1.2.840.10008.5.1.4.1.1.7"
_KIND_BY_NLST_LETTER = {"A": ImageKind.AXIAL, "L": ImageKind.LOCALIZER, "R": ImageKind.REFORMAT}
_DOSE_WORDS = re.compile(r"dose (report|info|record)|patient protocol|screen ?save|exam summary", re.IGNORECASE)

_SOFT_KERNELS = re.compile(
    r"""STANDARD | STND | SOFT | DETAIL            # GE
      | (T?B|BR|I|J|Q|H|BF|BV|QR|HR)[0-4][0-9](?![0-9]).*  # Siemens: below 50 is soft to medium
      | [ABC] | UA | UB | UC | SB | SC             # Philips
      | FC0?[0-9] | FC1[0-9] | FC4[0-9]            # Toshiba: body and head soft
    """,
    re.VERBOSE | re.IGNORECASE,
)
_SHARP_KERNELS = re.compile(
    r"""LUNG | BONE | BONEPLUS | EDGE              # GE
      | (T?B|BR|BL|I|J|Q|H|BF|BV|QR|HR)[5-9][0-9](?![0-9]).*  # Siemens
      | D | E | EB | EC | L | YA | YB | YC | YD | YE  # Philips
      | FC3[0-9] | FC[5-9][0-9]                    # Toshiba: lung and bone
    """,
    re.VERBOSE | re.IGNORECASE,
)


def image_kind(
    *,
    modality: str | None,
    sop_class_uid: str | None,
    image_type: Sequence[str],
    description: str | None,
) -> ImageKind:
    """Say what a series is.

    Parameters
    ----------
    modality, sop_class_uid, image_type, description
        Modality, SOPClassUID, the values of ImageType, SeriesDescription; None or empty where the file has none.
        An NLST description (its second field is the image type) is believed before ImageType.

    References
    ----------
    DICOM PS3.3 C.8.2.1.1.1 and C.8.16.1 (Image Type of CT), PS3.4 annex B (SOP classes).
    """
    sop_class = sop_class_uid or ""
    if sop_class in _KIND_BY_SOP_CLASS:
        return _KIND_BY_SOP_CLASS[sop_class]
    if sop_class.startswith(_REPORT_SOP_CLASSES):
        return ImageKind.REPORT
    if modality in _KIND_BY_MODALITY:
        return _KIND_BY_MODALITY[modality]
    nlst = parse_description(description)
    if nlst is not None:
        return _KIND_BY_NLST_LETTER.get(nlst.image_type[2:3], ImageKind.OTHER)
    if sop_class.startswith(_SECONDARY_SOP_CLASSES) or _DOSE_WORDS.search(description or ""):
        return ImageKind.SECONDARY
    return _ct_kind(image_type) if modality == "CT" else ImageKind.OTHER


def kernel_class(kernel: str | None) -> KernelClass | None:
    """Class of a reconstruction kernel by its maker's name; None if unknown.

    Siemens numbers below 50 are soft (B30f, B45f), from 50 sharp; GE, Philips and Toshiba by name.
    """
    name = (kernel or "").split("\\")[0].strip()
    if _SHARP_KERNELS.fullmatch(name):
        return KernelClass.SHARP
    if _SOFT_KERNELS.fullmatch(name):
        return KernelClass.SOFT
    return None


def _ct_kind(image_type: Sequence[str]) -> ImageKind:
    words = {word.strip().upper() for word in image_type}
    if "LOCALIZER" in words:
        return ImageKind.LOCALIZER
    if words & {"DOSE_INFO", "DOSE REPORT", "SCREEN SAVE"}:
        return ImageKind.SECONDARY
    if words & {"REFORMATTED", "MPR", "CSA MPR", "PROJECTION IMAGE", "MIP"}:
        return ImageKind.REFORMAT
    if "AXIAL" in words or "VOLUME" in words or not words:
        return ImageKind.AXIAL
    return ImageKind.SECONDARY if "SECONDARY" in words else ImageKind.AXIAL
