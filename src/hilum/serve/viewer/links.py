"""Addresses that open the viewer at a place."""

from __future__ import annotations

from urllib.parse import urlencode


def study_link(study_uid: str, *, series_uid: str = "", sop_uid: str = "") -> str:
    """Address of a study; with a series, of that series first; with an instance too, at that slice.

    A series that is an SR opens with its measurements listed, at the first of them; a SEG with its segments drawn.
    """
    query = {"StudyInstanceUIDs": study_uid}
    if series_uid:
        query["initialSeriesInstanceUID"] = series_uid
    if sop_uid:
        query["initialSopInstanceUID"] = sop_uid
    return f"/viewer?{urlencode(query)}"


def reformat_link(study_uid: str) -> str:
    """Address of a study in three planes."""
    return f"/viewer?{urlencode({'StudyInstanceUIDs': study_uid, 'hangingprotocolId': 'mpr'})}"


def slide_link(study_uid: str, *, series_uid: str = "") -> str:
    """Address of a study's slides; with a series, of that one first."""
    query = {"StudyInstanceUIDs": study_uid}
    if series_uid:
        query["initialSeriesInstanceUID"] = series_uid
    return f"/microscopy?{urlencode(query)}"
