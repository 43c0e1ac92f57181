"""What an identifier is: a series, a study, a participant or a single instance, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from hilum.catalog.summary import require_collection
from hilum.errors import NotFoundError
from hilum.model.instances import Instances
from hilum.model.tables import SERIES

if TYPE_CHECKING:
    from collections.abc import Callable

    from hilum.catalog.archive import Archive

Kind = Literal["series", "study", "participant", "instance"]

_BRIEF_COLUMNS = """
    collection_id, PatientID, StudyInstanceUID, StudyDate, SeriesInstanceUID, Modality, image_kind, screening_round,
    SeriesDescription, ConvolutionKernel, SliceThickness, is_volume, instance_count, size_bytes
"""
_ORDER = "ORDER BY collection_id, PatientID, StudyDate, SeriesNumber, SeriesInstanceUID"
_WHOLE = "SELECT * FROM series WHERE SeriesInstanceUID = ? ORDER BY instances IS NULL, collection_id LIMIT 1"
_CHECKS = 'SELECT "check", severity, detail FROM checks WHERE SeriesInstanceUID = ? AND collection_id = ? ORDER BY ALL'
_PARTICIPANT = "SELECT * FROM participants WHERE PatientID = ? ORDER BY collection_id"


@dataclass(frozen=True, slots=True)
class Found:
    """What an identifier names.

    Attributes
    ----------
    kind
        What it is.
    facts
        A series: its row. An instance: its columns. A participant: the row of the participant table, if there is one.
    series
        Series of a study or participant, in brief; the one series otherwise.
    checks
        Checks that the series failed.
    instances
        Instances of the series in geometric order; empty where they are not here.
    """

    kind: Kind
    facts: dict[str, Any]
    series: list[dict[str, Any]]
    checks: list[dict[str, Any]] = field(default_factory=list)
    instances: Instances = field(default_factory=lambda: Instances({}))


def look_up(archive: Archive, identifier: str, *, on_progress: Callable[[int], None] | None = None) -> Found:
    """Say what an identifier names.

    Parameters
    ----------
    identifier
        SeriesInstanceUID, StudyInstanceUID, PatientID or SOPInstanceUID. The last takes a walk over the instances of
        all series that are here: about a second for a million instances.
    on_progress
        Told the number of series walked over.

    Raises
    ------
    NotFoundError
        Nothing has that identifier.
    """
    found = _series(archive, identifier) or _many(archive, identifier)
    if found is None:
        found = _instance(archive, identifier, on_progress or (lambda _: None))
    if found is None:
        raise NotFoundError(f"no series, study, participant or instance {identifier!r} in {archive.path}")
    return found


def list_series(
    archive: Archive,
    *,
    collection_id: str | None = None,
    kind: str | None = None,
    where: str | None = None,
    limit: int,
) -> tuple[list[dict[str, Any]], int]:
    """Give series in brief, in order of participant and date, and how many there are beyond `limit`.

    Parameters
    ----------
    where
        A condition on the columns of the series table, in SQL.

    Raises
    ------
    NotFoundError
        The archive has no such collection.
    QueryError
        The condition is wrong.
    """
    if collection_id is not None:
        require_collection(archive, collection_id)
    conditions = {"collection_id = ?": collection_id, "image_kind = ?": kind}
    bound = {condition: value for condition, value in conditions.items() if value is not None}
    condition = " AND ".join([*bound, f"({where})" if where else "true"])
    counted = archive.query(f"SELECT count(*) AS n FROM series WHERE {condition}", list(bound.values()))  # noqa: S608
    found = _brief(archive, f"{condition} {_ORDER} LIMIT ?", *bound.values(), limit)
    return found, counted.to_pylist()[0]["n"]


def _series(archive: Archive, uid: str) -> Found | None:
    rows = archive.query(_WHOLE, [uid]).to_pylist()
    if not rows:
        return None
    facts = {name: rows[0][name] for name in SERIES.column_names if name != "instances"}
    packed = rows[0]["instances"]
    return Found(
        "series",
        facts,
        _brief(archive, f"SeriesInstanceUID = ? {_ORDER}", uid),
        archive.query(_CHECKS, [uid, facts["collection_id"]]).to_pylist(),
        Instances.unpack(packed) if packed is not None else Instances({}),
    )


def _many(archive: Archive, identifier: str) -> Found | None:
    if series := _brief(archive, f"StudyInstanceUID = ? {_ORDER}", identifier):
        return Found("study", {}, series)
    participant = archive.query(_PARTICIPANT, [identifier]).to_pylist()
    series = _brief(archive, f"PatientID = ? {_ORDER}", identifier)
    if series or participant:
        return Found("participant", participant[0] if participant else {}, series)
    return None


def _instance(archive: Archive, uid: str, on_progress: Callable[[int], None]) -> Found | None:
    for batch in archive.snapshot().batches("series", ["SeriesInstanceUID", "instances"]):
        for series_uid, packed in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            index = None if packed is None else Instances.find(packed, uid)
            if index is not None:
                facts = list(Instances.unpack(packed))[index]
                return Found("instance", facts, _brief(archive, f"SeriesInstanceUID = ? {_ORDER}", series_uid))
        on_progress(batch.num_rows)
    return None


def _brief(archive: Archive, condition: str, *values: object) -> list[dict[str, Any]]:
    sql = f"SELECT {_BRIEF_COLUMNS} FROM series WHERE {condition}"  # noqa: S608 - values are bound
    rows: list[dict[str, Any]] = archive.query(sql, values).to_pylist()
    return rows
