"""What a segment is, in the tags of 3D Slicer: category, type and region as coded terms, and tracking identifiers.

References
----------
3D Slicer, "Terminologies module", serialised terminology entry: context name, category, type, type modifier, anatomic
context name, region, region modifier, parted by ``~``; a code is ``scheme^value^meaning``. Tags are parted by ``|``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from hilum.model.codes import Code

if TYPE_CHECKING:
    from hilum.model.masks import Segment

ENTRY = "TerminologyEntry"
TRACKING_ID, TRACKING_UID = "TrackingIdentifier", "TrackingUniqueIdentifier"
"""DICOM's names; 3D Slicer keeps tags that it does not know."""

TERMS, REGIONS = "Segmentation category and type - DICOM master list", "Anatomic codes - DICOM master list"
"""Contexts that every 3D Slicer has, in which it looks up words and colours."""

NO_CODE = "^^"


class Terms(TypedDict):
    """The coded part of a `Segment`."""

    category: Code | None
    kind: Code | None
    site: Code | None
    tracking_id: str
    tracking_uid: str


def terms_of(tags: str) -> Terms:
    """Read the tags of a segment; what is not there or not understood is None or empty."""
    said = dict(tag.split(":", 1) for tag in tags.split("|") if ":" in tag)
    parts = [*said.get(ENTRY, "").split("~"), *[""] * 7]
    return {
        "category": _code(parts[1]),
        "kind": _code(parts[2]),
        "site": _code(parts[5]),
        "tracking_id": said.get(TRACKING_ID, ""),
        "tracking_uid": said.get(TRACKING_UID, ""),
    }


def terms_text(segment: Segment) -> str:
    """Write the tags of a segment; empty where there is nothing to say."""
    codes = (segment.category, segment.kind, segment.site)
    category, kind, site = (_code_text(code) for code in codes)
    entry = f"{TERMS}~{category}~{kind}~{NO_CODE}~{REGIONS}~{site}~{NO_CODE}" if any(codes) else ""
    tags = {ENTRY: entry, TRACKING_ID: segment.tracking_id, TRACKING_UID: segment.tracking_uid}
    return "".join(f"{name}:{_plain(value)}|" for name, value in tags.items() if value)


def _code(text: str) -> Code | None:
    scheme, value, meaning = [*text.split("^"), "", "", ""][:3]
    return Code(value, scheme, meaning) if scheme and value else None


def _code_text(code: Code | None) -> str:
    """Write a code; what parts codes and terms from each other becomes a blank in its meaning."""
    if code is None:
        return NO_CODE
    return f"{code.scheme}^{code.value}^{code.meaning.replace('^', ' ').replace('~', ' ')}"


def _plain(value: str) -> str:
    return value.replace("|", " ")
