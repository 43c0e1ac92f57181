"""Hits, false positives and misses as whoever asks may see them: each with a picture and a way into the viewer."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from hilum.serve.access.decisions import visible_series
from hilum.serve.viewer.links import study_link
from hilum.volume.windows import SOFT_TISSUE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hilum.publish.results import Result
    from hilum.serve.access.principal import Principal
    from hilum.serve.published.models import Series

    Row = Mapping[str, Any]

SHOWN_SHARE = 3 / 16
"""Side of a picture as a share of the image's longer side: 96 of 512 pixels, some 70 mm of a chest CT."""

PICTURE_PIXELS = 112
"""Side of a picture as it is sent."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A part of an image round a place.

    Attributes
    ----------
    address
        Where it comes from.
    x, y
        The place in it, per cent of its width and height.
    """

    address: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """A row of a list, of a series that is visible.

    Attributes
    ----------
    row
        As `hilum.model.tables.OUTCOMES` has it.
    collection_id, participant_id
        Whose it is.
    link
        Address that opens the viewer at the slice, or at the series where no image holds the place.
    picture
        None where no image holds the place, or it is no CT.
    reports
        Addresses that open the structured reports of the same marks.
    """

    row: Row
    collection_id: str
    participant_id: str
    link: str
    picture: Picture | None
    reports: tuple[str, ...]


def outcomes_for(principal: Principal, result: Result, rows: Sequence[Row]) -> list[Outcome]:
    """Give those rows whose series the principal sees; nothing is told of the others."""
    uids = {row["SeriesInstanceUID"] for row in rows if row["SeriesInstanceUID"]}
    found = visible_series(principal).filter(series_uid__in=uids).select_related("study")
    series = {(one.collection_id, one.series_uid): one for one in found.defer("instances", "attributes")}
    reports = _reports(principal, result, series.values())
    return [
        _outcome(row, one, reports.get(one.study.pk, ()))
        for row in rows
        if (one := series.get((row["collection_id"], row["SeriesInstanceUID"])))
    ]


def series_of_participants(principal: Principal, result: Result, words: str) -> tuple[str, ...]:
    """UIDs of the visible series of participants whose id begins with `words`, in a result's collections."""
    series = visible_series(principal).filter(collection__in=result.collection_ids)
    found = series.filter(study__participant_id__istartswith=words).values_list("series_uid", flat=True)
    return tuple(found)


def _reports(principal: Principal, result: Result, series: Iterable[Series]) -> dict[int, tuple[str, ...]]:
    """Addresses of the structured reports of a result's marks, by study."""
    studies = {one.study.pk for one in series}
    if not (studies and result.report_description):
        return {}
    found = visible_series(principal).filter(
        study__in=studies, modality="SR", description__startswith=result.report_description
    )
    links: dict[int, list[str]] = defaultdict(list)
    for one in found.select_related("study").defer("instances", "attributes").order_by("series_uid"):
        links[one.study.pk].append(study_link(one.study.study_uid, series_uid=one.series_uid))
    return {key: tuple(own) for key, own in links.items()}


def _outcome(row: Row, series: Series, reports: tuple[str, ...]) -> Outcome:
    study_uid, sop_uid = series.study.study_uid, row["SOPInstanceUID"] or ""
    return Outcome(
        row,
        series.collection_id,
        series.study.participant_id,
        study_link(study_uid, series_uid=series.series_uid, sop_uid=sop_uid),
        _picture(row, series) if sop_uid and series.modality == "CT" else None,
        reports,
    )


def _picture(row: Row, series: Series) -> Picture:
    """The part of the row's image round its place, in the window of the reports."""
    side = min(SHOWN_SHARE * max(row["image_columns"], row["image_rows"]), row["image_columns"], row["image_rows"])
    left, top = (
        min(max(place - side / 2, 0), size - side)
        for place, size in ((row["image_x"], row["image_columns"]), (row["image_y"], row["image_rows"]))
    )
    frame = f"/frames/{row['frame']}" if row["frame"] else ""
    numbers = (PICTURE_PIXELS, PICTURE_PIXELS, *(round(value) for value in (left, top, side, side)))
    window = f"{SOFT_TISSUE.centre_hu:g},{SOFT_TISSUE.width_hu:g},linear-exact"
    query = urlencode({"viewport": ",".join(map(str, numbers)), "window": window}, safe=",")
    image = f"studies/{series.study.study_uid}/series/{series.series_uid}/instances/{row['SOPInstanceUID']}{frame}"
    x, y = (row["image_x"] - left) / side, (row["image_y"] - top) / side
    return Picture(f"/dicom-web/{image}/rendered?{query}", 100 * x, 100 * y)
