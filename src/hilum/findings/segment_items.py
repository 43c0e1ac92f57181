"""One segment as an item of DICOM's Segment Sequence: name, codes, colour, tracking.

References
----------
DICOM PS3.3 C.8.20.4 (Segment Description Macro); PS3.16 CID 7150 (Segmentation Property Category).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from hilum.findings.anatomy import LYMPH_NODE, kind_of
from hilum.findings.code_sequences import code_item, read_code
from hilum.findings.segment_colours import from_cielab, palette_colour, to_cielab
from hilum.model.codes import Code
from hilum.model.masks import Segment

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

ANATOMICAL_STRUCTURE = Code("91723000", "SCT", "Anatomical Structure")
ABNORMAL_STRUCTURE = Code("49755003", "SCT", "Morphologically Abnormal Structure")

OWN_LABEL = re.compile(r"label ([1-9][0-9]{0,8})")
"""SegmentDescription that keeps the label of a mask where DICOM demands another number."""

LABEL_LENGTH = 64
"""Characters that SegmentLabel holds (VR LO)."""


class AlgorithmType(StrEnum):
    """Who drew a segment (SegmentAlgorithmType)."""

    MANUAL = "MANUAL"
    SEMIAUTOMATIC = "SEMIAUTOMATIC"
    AUTOMATIC = "AUTOMATIC"


@dataclass(frozen=True, slots=True)
class Algorithm:
    """Who drew the segments of a mask.

    Attributes
    ----------
    name
        Of the program; DICOM demands one unless the drawing was by hand.
    """

    type: AlgorithmType = AlgorithmType.MANUAL
    name: str = ""

    def __post_init__(self) -> None:
        if self.type is not AlgorithmType.MANUAL and not self.name:
            raise ValueError(f"{self.type} without a name: expected that of the algorithm or program")


BY_HAND = Algorithm()


def read_segment(item: Dataset) -> Segment:
    """Give what an item of a Segment Sequence says."""
    cielab = item.get("RecommendedDisplayCIELabValue")
    return Segment(
        name=str(item.get("SegmentLabel") or ""),
        colour=from_cielab([int(part) for part in cielab]) if cielab is not None and len(cielab) == 3 else None,
        category=read_code(item, "SegmentedPropertyCategoryCodeSequence"),
        kind=read_code(item, "SegmentedPropertyTypeCodeSequence"),
        site=read_code(item, "AnatomicRegionSequence"),
        tracking_id=str(item.get("TrackingID") or ""),
        tracking_uid=str(item.get("TrackingUID") or ""),
    )


def read_label(item: Dataset) -> int:
    """Label of a mask that hilum wrote as an item of a Segment Sequence: Segment Number, unless the item keeps it."""
    kept = OWN_LABEL.fullmatch(str(item.get("SegmentDescription") or ""))
    return int(kept[1]) if kept else int(item.SegmentNumber)


def segment_item(number: int, label: int, segment: Segment, algorithm: Algorithm) -> Dataset:
    """Give the item of a Segment Sequence.

    What the segment does not say is taken from its name: what it is (`kind_of`), and from that its category. Its colour
    is of the palette.

    Parameters
    ----------
    number, label
        Segment Number, and the label in the mask, which is kept where it is another.
    segment
        With a name and a tracking UID.
    """
    from pydicom.dataset import Dataset

    kind = segment.kind or kind_of(segment.name)
    item = Dataset()
    item.SegmentedPropertyCategoryCodeSequence = [code_item(segment.category or _category_of(kind))]
    item.SegmentNumber = number
    item.SegmentLabel = _line(segment.name)[:LABEL_LENGTH] or f"label {label}"
    if label != number:
        item.SegmentDescription = f"label {label}"
    item.SegmentAlgorithmType = algorithm.type.value
    if algorithm.name:
        item.SegmentAlgorithmName = _line(algorithm.name)[:LABEL_LENGTH]
    item.RecommendedDisplayCIELabValue = to_cielab(segment.colour or palette_colour(label))
    item.SegmentedPropertyTypeCodeSequence = [code_item(kind)]
    if segment.site is not None:
        item.AnatomicRegionSequence = [code_item(segment.site)]
    item.TrackingID = segment.tracking_id or segment.name
    item.TrackingUID = segment.tracking_uid
    return item


def _category_of(kind: Code) -> Code:
    """Property category of a property type: a node is anatomy, another lesion is not."""
    return ANATOMICAL_STRUCTURE if kind == LYMPH_NODE else ABNORMAL_STRUCTURE


def _line(text: str) -> str:
    """Text without what parts values in DICOM (a backslash) or ends lines."""
    return "".join("/" if character == "\\" else character for character in text if character.isprintable()).strip()
