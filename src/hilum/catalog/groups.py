"""The published groups of NLST participants, counted over the catalog."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from hilum.errors import NotFoundError
from hilum.model.nlst_groups import PUBLISHED_PARTICIPANTS, Group, participant_group

if TYPE_CHECKING:
    from hilum.catalog.archive import Archive

NOT_IN_TABLE = "Images of participants that the participant table lacks"

_SERIES_BY_PARTICIPANT = """
SELECT PatientID, list(DISTINCT coalesce(screening_round, -1)) AS rounds,
    count(*) FILTER (image_kind = 'localizer') AS localizer_series,
    count(*) FILTER (image_kind <> 'localizer') AS axial_series,
    sum(size_bytes) AS size_bytes
FROM series
WHERE collection_id = ? AND analysis_result_id IS NULL AND Modality = 'CT'
GROUP BY PatientID
"""


def count_groups(archive: Archive, collection_id: str) -> list[dict[str, Any]]:
    """Participants, localizer series, other CT series (``axial_series``) and bytes of each published group.

    Participants with images that the participant table lacks follow as a line of their own, so that every CT series
    of the collection is counted once.

    Raises
    ------
    NotFoundError
        The collection has no participant table.

    References
    ----------
    `hilum.model.nlst_groups` says what each group means.
    """
    participants = archive.snapshot().table("participants", collection_id).to_pylist()
    if not participants:
        raise NotFoundError(
            f"collection {collection_id!r} has no participant table; "
            f"hilum catalog import-participants FILE --collection {collection_id}"
        )
    by_id = {row["PatientID"]: row for row in participants}
    totals: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for images in archive.query(_SERIES_BY_PARTICIPANT, [collection_id]).to_pylist():
        participant = by_id.get(images["PatientID"])
        group = participant_group(participant, images["rounds"]) if participant else None
        total = totals[group.value if group else NOT_IN_TABLE]
        total["participants"] += 1
        for name in ("localizer_series", "axial_series", "size_bytes"):
            total[name] += images[name]
    return [_line(group.value, totals[group.value], PUBLISHED_PARTICIPANTS[group]) for group in Group] + (
        [_line(NOT_IN_TABLE, totals[NOT_IN_TABLE], None)] if NOT_IN_TABLE in totals else []
    )


def _line(name: str, total: dict[str, int], published: int | None) -> dict[str, Any]:
    return {
        "group": name,
        "participants": total["participants"],
        "published_participants": published,
        "localizer_series": total["localizer_series"],
        "axial_series": total["axial_series"],
        "size_bytes": total["size_bytes"],
    }
