"""Freezing an assessment as a result of the archive."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from hilum.assess.leaderboard import Entry
from hilum.assess.listing import KINDS
from hilum.assess.plot import froc_svg
from hilum.errors import AssessmentError, NotFoundError
from hilum.publish.outcomes import outcome_bytes, outcome_rows
from hilum.publish.results import DIGEST_IN_NAME, Listed, Result, write_result

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hilum.assess import Assessment, Strata
    from hilum.catalog import Archive
    from hilum.model.series import Series

UNKNOWN_TOLD = 3
CURVES = ("curve", "afroc_curves")
"""What the record leaves to the file of all numbers: as long as the list of marks."""


@dataclass(frozen=True)
class Asked:
    """What is to be published.

    Attributes
    ----------
    name, title, subtitle, notice
        As in `Result`.
    assessment, strata
        The result.
    hit
        The hit criterion as it was written.
    rates
        False positives an exam at which lesions and marks are listed.
    series
        Exam to series, for those that the archive has.
    collection_ids
        Collections that it was made on besides those of the series.
    about, provenance, remarks, report_description
        As in `Entry` and `Result`.
    """

    name: str
    title: str
    subtitle: str
    notice: str
    assessment: Assessment
    strata: Sequence[Strata]
    hit: str
    rates: Sequence[float]
    series: Mapping[str, Series]
    collection_ids: Sequence[str]
    about: Mapping[str, str]
    provenance: Mapping[str, str]
    remarks: Sequence[str]
    report_description: str = ""


def publish_result(
    archive: Archive, asked: Asked, *, replace: bool = False, on_progress: Callable[[int], None] = lambda _: None
) -> Result:
    """Freeze an assessment as a result of the archive.

    Parameters
    ----------
    replace
        Put it in the place of a result of that name.
    on_progress
        Told how many more exams have their images looked up.

    Raises
    ------
    NotFoundError
        The archive has no collection that is named.
    AssessmentError
        Exams are no series of the archive, and no collection is named: nobody could say who may see the result.
    ArchiveError, ConfigError
        As `write_result`.
    """
    collection_ids = _collections(archive, asked)
    rates = sorted({float(rate) for rate in asked.rates})
    rows = outcome_rows(asked.assessment, rates, asked.series, on_progress=on_progress)
    numbers = asked.assessment.to_json() | {"strata": [one.to_json() for one in asked.strata]}
    assessment = json.dumps(numbers, indent=1, allow_nan=False).encode() + b"\n"
    outcomes = outcome_bytes(rows)
    parts = {_name("assessment", assessment, "json"): assessment, _name("outcomes", outcomes, "parquet"): outcomes}
    assessment_file, outcomes_file = parts
    result = Result(
        name=asked.name,
        title=asked.title,
        subtitle=asked.subtitle,
        notice=asked.notice,
        created_at=datetime.now(UTC).replace(microsecond=0),
        collection_ids=collection_ids,
        summary={key: value for key, value in numbers.items() if key not in {*CURVES, "strata"}},
        strata=tuple(numbers["strata"]),
        curve_svg=froc_svg(asked.assessment),
        listed=tuple(_listed(asked.assessment, rate, rows) for rate in rates),
        provenance=dict(asked.provenance),
        remarks=tuple(asked.remarks),
        entry=Entry.of(asked.name, asked.assessment, hit=asked.hit, about=asked.about),
        report_description=asked.report_description,
        assessment_file=assessment_file,
        outcomes_file=outcomes_file,
    )
    write_result(archive, result, parts, replace=replace)
    return result


def _collections(archive: Archive, asked: Asked) -> tuple[str, ...]:
    """Collections that the result was made on."""
    known = archive.snapshot().collection_ids
    if strangers := sorted(set(asked.collection_ids) - set(known)):
        raise NotFoundError(f"no collection {', '.join(strangers)} in {archive.path}; it has {', '.join(known)}")
    unknown = [exam_id for exam_id in asked.assessment.exam_ids if exam_id not in asked.series]
    if unknown and not asked.collection_ids:
        names = ", ".join(repr(exam_id) for exam_id in unknown[:UNKNOWN_TOLD])
        raise AssessmentError(
            f"{len(unknown)} of {len(asked.assessment.exam_ids)} exams are no series of the archive, as {names}: name "
            "the collections they are of with --collection, so that only who may see these sees the result"
        )
    return tuple(sorted({*asked.collection_ids, *(str(one["collection_id"]) for one in asked.series.values())}))


def _listed(assessment: Assessment, rate: float, rows: Sequence[Mapping[str, Any]]) -> Listed:
    found = Counter(row["kind"] for row in rows if row["rate"] == rate)
    counts: dict[str, int] = {kind: found[kind] for kind in KINDS}
    return Listed(rate, assessment.froc.operating_point(rate).threshold, counts)


def _name(what: str, content: bytes, suffix: str) -> str:
    return f"{what}-{sha256(content).hexdigest()[:DIGEST_IN_NAME]}.{suffix}"
