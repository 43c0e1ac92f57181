"""Attributes of a study, series or instance as DICOM JSON, from what the catalog knows or from a header's JSON."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from hilum.model.attributes import ATTRIBUTES, BY_KEYWORD

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

JsonAttributes = dict[str, dict[str, Any]]
"""Tag of eight hexadecimal digits to ``{"vr": .., "Value": [..]}``."""


def _tags(*groups: str) -> frozenset[str]:
    """Tags from texts of a group and its elements."""
    found = [text.split() for text in groups]
    return frozenset(f"{group}{element}" for group, *elements in found for element in elements)


STUDY_GROUPS = frozenset({"0010", "0012"})
"""Patient and clinical trial (PS3.3 C.7.1, C.7.2)."""

STUDY_TAGS = _tags(
    "0008 0020 0030 0050 0051 0080 0090 0096 009C 0201 1030 1032 1048 1049 1060 1062 1080 1084 1110",
    "0020 000D 0010 0200",
    "0032 1032 1033 1034 1060 1064",
    "0040 1012 2016 2017",
)
"""General Study and Patient Study modules."""

SERIES_TAGS = _tags(
    "0008 0021 0031 0060 0068 0070 0081 103E 103F 1010 1040 1050 1052 1070 1072 1090 1111 1250",
    "0018 0015 1000 1016 1018 1019 1020 1030 1050 1200 1201 5100",
    "0020 000E 0011 0052 0060 1040",
    "0040 0244 0245 0250 0251 0253 0254 0260 0275 0280",
)
"""General Series, General Equipment, Frame of Reference and performed step modules."""

PRIVATE_STUDY_GROUPS = frozenset({"0013"})
"""TCIA's own group: collection and site."""

_STUDY_KEYWORDS = tuple(attribute.keyword for attribute in ATTRIBUTES if attribute.level == "study")
_SERIES_KEYWORDS = (
    *(attribute.keyword for attribute in ATTRIBUTES if attribute.level == "series"),
    "ImageType",
    "Rows",
    "Columns",
)
_INSTANCE_KEYWORDS = tuple(attribute.keyword for attribute in ATTRIBUTES if attribute.tag >> 16 != 2)


def study_part(header: Mapping[str, Any]) -> JsonAttributes:
    """Attributes of a header that say something of the study."""
    return _part(header, lambda tag: tag in STUDY_TAGS or tag[:4] in STUDY_GROUPS or tag[:4] in PRIVATE_STUDY_GROUPS)


def series_part(header: Mapping[str, Any]) -> JsonAttributes:
    """Attributes of a header that say something of the series."""
    return _part(header, SERIES_TAGS.__contains__)


def study_of_row(row: Mapping[str, Any]) -> JsonAttributes:
    """What a row of the series table says of the study."""
    return _described(row, _STUDY_KEYWORDS)


def series_of_row(row: Mapping[str, Any]) -> JsonAttributes:
    """What a row of the series table says of the series."""
    return _described(row, _SERIES_KEYWORDS)


def instance_of_columns(values: Mapping[str, Any]) -> JsonAttributes:
    """What the catalog keeps of an instance (`hilum.model.instances`)."""
    return _described(values, _INSTANCE_KEYWORDS)


def attribute(keyword: str, value: Any) -> dict[str, Any]:
    """One attribute; without ``Value`` where there is none."""
    vr = BY_KEYWORD[keyword].vr
    values = [_value(vr, one) for one in (value if isinstance(value, tuple | list) else [value]) if one is not None]
    return {"vr": vr, "Value": values} if values else {"vr": vr}


def tag_of(keyword: str) -> str:
    """Tag of an attribute of the catalog, as eight hexadecimal digits."""
    return f"{BY_KEYWORD[keyword].tag:08X}"


def _part(header: Mapping[str, Any], wanted: Any) -> JsonAttributes:
    return {tag: element for tag, element in header.items() if wanted(tag) and "BulkDataURI" not in element}


def _described(values: Mapping[str, Any], keywords: Iterable[str]) -> JsonAttributes:
    found = {keyword: values.get(keyword) for keyword in keywords}
    return {tag_of(keyword): attribute(keyword, value) for keyword, value in found.items() if value not in (None, "")}


def _value(vr: str, value: Any) -> Any:
    if isinstance(value, date):
        return value.strftime("%Y%m%d")
    if vr == "PN":
        return {"Alphabetic": str(value)}
    return value
