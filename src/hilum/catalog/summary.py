"""What a collection holds, in counts: original data by modality and screening round, derived data apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hilum.errors import NotFoundError

if TYPE_CHECKING:
    from hilum.catalog.archive import Archive

ALL = "all"
"""Modality of the line that counts all original data."""

# An exam is an imaging visit: what one participant had on one day, in one study or several.
_COUNTS = """
    count(DISTINCT PatientID) AS participants,
    count(DISTINCT (PatientID, coalesce(CAST(StudyDate AS VARCHAR), StudyInstanceUID))) AS exams,
    count(DISTINCT StudyInstanceUID) AS studies,
    count(*) AS series,
    sum(instance_count) AS images,
    sum(size_bytes) AS size_bytes
"""
_TERMS = """
    string_agg(DISTINCT licence, ', ' ORDER BY licence) AS licence,
    string_agg(DISTINCT source_doi, ', ' ORDER BY source_doi) AS source_doi
"""
_KINDS = """
    count(*) FILTER (image_kind = 'localizer') AS localizer,
    count(*) FILTER (image_kind = 'axial') AS axial,
    count(*) FILTER (image_kind = 'reformat') AS reformat,
    count(*) FILTER (image_kind NOT IN ('localizer', 'axial', 'reformat')) AS other
"""

_LIST = f"""
SELECT collection_id, {_COUNTS}, {_TERMS}, any_value(derived.series) AS derived_series
FROM series LEFT JOIN (
    SELECT collection_id, count(*) AS series FROM series WHERE analysis_result_id IS NOT NULL GROUP BY collection_id
) AS derived USING (collection_id)
WHERE analysis_result_id IS NULL GROUP BY collection_id ORDER BY collection_id
"""  # noqa: S608 - constants
_ORIGINAL = f"""
SELECT CASE grouping(Modality) WHEN 1 THEN '{ALL}' ELSE Modality END AS modality, {_COUNTS}, {_KINDS}, {_TERMS}
FROM series WHERE collection_id = ? AND analysis_result_id IS NULL
GROUP BY ROLLUP (Modality) ORDER BY grouping(Modality) DESC, series DESC, modality
"""  # noqa: S608
_ROUNDS = f"""
SELECT 'T' || screening_round AS round, {_COUNTS}, {_KINDS} FROM series
WHERE collection_id = ? AND analysis_result_id IS NULL AND screening_round IS NOT NULL
GROUP BY screening_round ORDER BY screening_round
"""  # noqa: S608
_DERIVED = f"""
SELECT analysis_result_id, Modality AS modality, {_COUNTS}, {_TERMS} FROM series
WHERE collection_id = ? AND analysis_result_id IS NOT NULL GROUP BY ALL ORDER BY analysis_result_id, modality
"""  # noqa: S608
_CHECKS = """
SELECT "check", severity, count(DISTINCT SeriesInstanceUID) AS series FROM checks
WHERE collection_id = ? GROUP BY ALL ORDER BY severity, series DESC, "check"
"""
_REFUSALS = """
SELECT "check", count(*) AS files FROM refusals WHERE collection_id = ? GROUP BY ALL ORDER BY files DESC, "check"
"""
_SOURCES = """
SELECT source_doi, analysis_result_id, title, licence, licence_url, citation FROM sources
WHERE collection_id = ? ORDER BY analysis_result_id NULLS FIRST, source_doi
"""
_SECTIONS = {
    "original": _ORIGINAL,
    "rounds": _ROUNDS,
    "derived": _DERIVED,
    "checks": _CHECKS,
    "refusals": _REFUSALS,
    "sources": _SOURCES,
}


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts over one collection; a section without rows is empty.

    Attributes
    ----------
    original
        All, then a line a modality: participants, exams, studies, series, images, bytes, series of each image kind,
        licence, DOI.
    rounds
        A line a screening round, of the original data.
    derived
        A line an analysis and modality.
    checks
        Named checks that series failed, with the number of series.
    refusals
        Checks that refused files, with the number of files.
    sources
        Published data sets the series come from, with citation.
    """

    collection_id: str
    original: list[dict[str, Any]]
    rounds: list[dict[str, Any]]
    derived: list[dict[str, Any]]
    checks: list[dict[str, Any]]
    refusals: list[dict[str, Any]]
    sources: list[dict[str, Any]]


def list_collections(archive: Archive) -> list[dict[str, Any]]:
    """Count participants, exams, studies, series, images and bytes of the original data of each collection."""
    rows: list[dict[str, Any]] = archive.query(_LIST).to_pylist()
    return rows


def summarize(archive: Archive, collection_id: str) -> Summary:
    """Count what a collection holds.

    Raises
    ------
    NotFoundError
        The archive has no such collection.
    """
    require_collection(archive, collection_id)
    sections = {name: archive.query(sql, [collection_id]).to_pylist() for name, sql in _SECTIONS.items()}
    return Summary(collection_id, **sections)


def require_collection(archive: Archive, collection_id: str) -> None:
    """Refuse a collection that the archive does not have.

    Raises
    ------
    NotFoundError
        As said.
    """
    known = archive.snapshot().collection_ids
    if collection_id not in known:
        found = f"it has {', '.join(known)}" if known else "it has none yet"
        raise NotFoundError(f"no collection {collection_id!r} in {archive.path}; {found}")
