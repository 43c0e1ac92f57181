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
_SECONDARY_SOP_CLASS = "1.2.840.10008.5.1.4.1.1.7"
_CT_SOP_CLASS = "1.2.840.10008.5.1.4.1.1.2"
_KIND_BY_NLST_LETTER = {"A": ImageKind.AXIAL, "L": ImageKind.LOCALIZER, "R": ImageKind.REFORMAT}

_SECONDARY_WORDS = re.compile(r"dose (report|info|record)|patient protocol|screen ?save|exam summary", re.IGNORECASE)
_LOCALIZER_WORDS = re.compile(
    r"""topo | (?<![a-z]) (scouts? | surv?view | scano(gram)? | locali[sz]ers? | pilot
        | tr?[0-9]{2}[sfu]? | fl0[0-9]) (?![a-z0-9])   # Siemens T20s, Tr20 and Toshiba FL01: kernels of localizers
    """,
    re.VERBOSE | re.IGNORECASE,
)
_REFORMAT_WORDS = re.compile(
    r"""(?<![a-z]) (cor | coronals? | sag | sagg?itt?als? | mprs? | (min)?mips? | rfmt | reformat(ted|s)?
        | obl(ique)? | curved | cpr) (?![a-z])""",
    re.VERBOSE | re.IGNORECASE,
)
_REFORMAT_TYPE = re.compile(r"\b(REFORMATTED|MPR|MIP|MINIP|PROJECTION IMAGE)\b")
"""Within a value of ImageType, such as ``CT_SOM5 MPR``."""

_SOFT_KERNELS = re.compile(
    r"""STANDARD | STND | SOFT                            # GE
      | (B|BR|BF|BV|D|H|HR|HF|I|J|Q|QR|U)[1-4][0-9][a-z]? # Siemens: below 50 smooth to medium
      | FC[01][0-9]                                       # Toshiba, Canon: body
    """,
    re.VERBOSE | re.IGNORECASE,
)
_SHARP_KERNELS = re.compile(
    r"""LUNG | BONE | BONEPLUS | EDGE                         # GE
      | (B|BL|BR|BF|BV|D|H|HR|HF|I|J|Q|QR|U)[5-9][0-9][a-z]?  # Siemens: from 50 medium sharp to ultra sharp
      | FC3[01] | FC[58][0-9]                                 # Toshiba, Canon: bone, lung
    """,
    re.VERBOSE | re.IGNORECASE,
)
_SOFT_PHILIPS = frozenset({"A", "B", "C", "UA", "UB", "UC", "SA", "SB", "SC"})
_SHARP_PHILIPS = frozenset({"D", "E", "L", "YA", "YB", "YC", "YD", "YE", "EB", "EC"})


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
        An NLST description (its second field is the image type) is believed before ImageType; any other only
        where a CT has no ImageType, as in an index without instances. A CT that nothing else is said of is axial.

    References
    ----------
    DICOM PS3.3 C.8.2.1.1.1 and C.8.16.1 (Image Type of CT), PS3.4 annex B (SOP classes).
    """
    kind = _kind_by_object(modality, sop_class_uid or "")
    if kind is not None:
        return kind
    nlst = parse_description(description)
    if nlst is not None:
        return _KIND_BY_NLST_LETTER.get(nlst.image_type[2:3], ImageKind.OTHER)
    return _kind_by_image_type(image_type) if any(image_type) else _kind_by_description(description or "")


def kernel_class(kernel: str | None, manufacturer: str | None = None) -> KernelClass | None:
    """Class of a reconstruction kernel by its maker's name; None where the name does not say.

    Parameters
    ----------
    kernel
        ConvolutionKernel; of several values the first counts.
    manufacturer
        Manufacturer, as the file gives it. Philips calls its kernels by single letters (A, B, C soft; D, E, L
        sharp), which are believed of Philips only.

    References
    ----------
    Siemens: the number rises with sharpness, below 50 smooth to medium (B30f, Br40d), from 50 sharp (B50f, Bl57d).
    Toshiba and Canon: FC01 to FC19 body, FC30 and FC31 bone, FC50 to FC59 lung, FC80 to FC89 high resolution lung.
    """
    name = (kernel or "").split("\\")[0].strip().upper()
    if "PHILIPS" in (manufacturer or "").upper():
        is_soft, is_sharp = name in _SOFT_PHILIPS, name in _SHARP_PHILIPS
    else:
        is_soft, is_sharp = bool(_SOFT_KERNELS.fullmatch(name)), bool(_SHARP_KERNELS.fullmatch(name))
    if is_sharp:
        return KernelClass.SHARP
    return KernelClass.SOFT if is_soft else None


def _kind_by_object(modality: str | None, sop_class: str) -> ImageKind | None:
    """Kind of anything but a CT image, which needs a closer look."""
    if sop_class in _KIND_BY_SOP_CLASS:
        return _KIND_BY_SOP_CLASS[sop_class]
    if sop_class.startswith(_REPORT_SOP_CLASSES):
        return ImageKind.REPORT
    if modality in _KIND_BY_MODALITY:
        return _KIND_BY_MODALITY[modality]
    if _is_within(sop_class, _SECONDARY_SOP_CLASS):
        return ImageKind.SECONDARY
    is_ct = modality == "CT" and (not sop_class or _is_within(sop_class, _CT_SOP_CLASS))
    return None if is_ct else ImageKind.OTHER


def _kind_by_image_type(image_type: Sequence[str]) -> ImageKind:
    words = {word.strip().upper() for word in image_type}
    if "LOCALIZER" in words:
        return ImageKind.LOCALIZER
    if words & {"DOSE_INFO", "DOSE REPORT", "SCREEN SAVE"}:
        return ImageKind.SECONDARY
    if any(_REFORMAT_TYPE.search(word) for word in words):
        return ImageKind.REFORMAT
    return ImageKind.AXIAL


def _kind_by_description(description: str) -> ImageKind:
    if _SECONDARY_WORDS.search(description):
        return ImageKind.SECONDARY
    if _LOCALIZER_WORDS.search(description):
        return ImageKind.LOCALIZER
    return ImageKind.REFORMAT if _REFORMAT_WORDS.search(description) else ImageKind.AXIAL


def _is_within(sop_class: str, root: str) -> bool:
    """Whether a SOP class is `root` or one of its enhanced and multi-frame variants."""
    return sop_class == root or sop_class.startswith(f"{root}.")
