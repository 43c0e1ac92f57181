"""From a snapshot and criteria to a cohort: count the flow, choose one series of several, say why."""

from __future__ import annotations

import math
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from hilum.catalog.reader import Reader
from hilum.cohort.cohort import Cohort, Entry, FlowStep
from hilum.cohort.criteria import SLICES_SQL, THICKNESS_SQL
from hilum.cohort.persons import link_persons
from hilum.errors import NotFoundError, QueryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from hilum.catalog import Archive, Snapshot
    from hilum.cohort.criteria import Condition, Criteria, OnePer
    from hilum.cohort.persons import Link
    from hilum.model.kinds import KernelClass

EXAM_SQL = """concat_ws(' ', collection_id, "PatientID", coalesce('T' || screening_round, "StudyInstanceUID"))"""
"""An exam is a participant's visit: NLST has participants with two studies in one round."""

REASON_FITS = "fits the criteria"
REASON_ONLY = "only one"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A series that fulfils the criteria, with what the choice among several asks.

    Attributes
    ----------
    exam
        The exam it belongs to, distinct in the archive.
    thickness_mm, kernel_class
        None where not known.
    """

    collection_id: str
    PatientID: str
    StudyInstanceUID: str
    SeriesInstanceUID: str
    exam: str
    thickness_mm: float | None
    kernel_class: str | None
    slices: int


def build_cohort(
    archive: Archive, name: str, criteria: Criteria, *, links: Sequence[Link] = (), snapshot_id: str | None = None
) -> Cohort:
    """Choose the series of the current snapshot, or of an earlier one; nothing is written.

    Parameters
    ----------
    links
        PatientIDs that are one person.

    Raises
    ------
    NotFoundError
        A collection or the snapshot is not in the archive, or no series is left; the message has the flow.
    QueryError
        `criteria.where` is no condition over the series table.
    """
    snapshot = archive.snapshot(snapshot_id)
    _require_collections(snapshot, criteria.collections)
    conditions = criteria.conditions()
    reader = Reader(snapshot)
    with _explained(criteria.where):
        # The condition alone first, so that the complaint is about it and not about the statement round it.
        reader.query(f"SELECT 1 FROM series WHERE ({criteria.where or 'true'}\n) LIMIT 0")  # noqa: S608
        flow = _count_flow(reader, conditions)
        candidates = _candidates(reader, conditions)
    entries, more_flow = _choose(candidates, criteria)
    cohort = Cohort(name, snapshot.snapshot_id, criteria, (*flow, *more_flow), tuple(entries))
    if not entries:
        raise NotFoundError(f"no series is left: {cohort.flow_text}; ask for less")
    return link_persons(cohort, links)


def choose_one(candidates: Sequence[Candidate], prefer_kernel: KernelClass) -> tuple[Candidate, str]:
    """Choose one series of several: the thinnest, then by kernel, then most slices, then lowest UID; and say why.

    Kernels stand in the order `prefer_kernel`, the other class, unknown. A series of unknown thickness comes last.
    """
    ranked = sorted(candidates, key=lambda candidate: _rank(candidate, prefer_kernel))
    best, best_rank = ranked[0], _rank(ranked[0], prefer_kernel)
    if len(ranked) == 1:
        return best, REASON_ONLY
    # The first value in which the best differs from the next decides; all before it are shared.
    next_rank = _rank(ranked[1], prefer_kernel)
    decisive = next(i for i, (mine, other) in enumerate(zip(best_rank, next_rank, strict=True)) if mine != other)
    equals = sum(_rank(candidate, prefer_kernel)[:decisive] == best_rank[:decisive] for candidate in ranked)
    return best, _reason(best, decisive, equals)


def _rank(candidate: Candidate, prefer_kernel: KernelClass) -> tuple[float, int, int, str]:
    thickness = math.inf if candidate.thickness_mm is None else candidate.thickness_mm
    kernel = 2 if candidate.kernel_class is None else int(candidate.kernel_class != prefer_kernel)
    return thickness, kernel, -candidate.slices, candidate.SeriesInstanceUID


def _reason(best: Candidate, decisive: int, equals: int) -> str:
    thickness = "unknown thickness" if best.thickness_mm is None else f"{best.thickness_mm:g} mm"
    kernel = best.kernel_class or "unknown"
    return (
        f"thinnest of {equals}: {thickness}",
        f"{kernel} kernel of {equals} of {thickness}",
        f"most slices of {equals} of {thickness} and {kernel} kernel: {best.slices}",
        f"lowest UID of {equals} of {thickness}, {kernel} kernel and {best.slices} slices",
    )[decisive]


def _choose(candidates: Sequence[Candidate], criteria: Criteria) -> tuple[list[Entry], list[FlowStep]]:
    """Entries in order, and the steps of the flow that SQL does not take."""
    once = _each_once(candidates)
    flow = [_flow_step("each series once", once)] if len(once) < len(candidates) else []
    chosen = [(candidate, REASON_FITS) for candidate in once]
    if criteria.one_per != "none":
        chosen = [choose_one(group, criteria.prefer_kernel) for group in _groups(once, criteria.one_per)]
        flow.append(_flow_step(f"one per {criteria.one_per}", [candidate for candidate, _ in chosen]))
    return [_entry(candidate, reason) for candidate, reason in sorted(chosen, key=lambda pair: _place(pair[0]))], flow


def _each_once(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Of a series that is in two collections, the one of the collection that comes first in the alphabet."""
    by_uid: dict[str, Candidate] = {}
    for candidate in sorted(candidates, key=_place):
        by_uid.setdefault(candidate.SeriesInstanceUID, candidate)
    return list(by_uid.values())


def _groups(candidates: Iterable[Candidate], one_per: OnePer) -> Iterable[list[Candidate]]:
    groups: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        groups[candidate.exam if one_per == "exam" else _participant(candidate)].append(candidate)
    return groups.values()


def _participant(candidate: Candidate) -> str:
    return f"{candidate.collection_id} {candidate.PatientID}"


def _place(candidate: Candidate) -> tuple[str, str, str, str]:
    return candidate.collection_id, candidate.PatientID, candidate.StudyInstanceUID, candidate.SeriesInstanceUID


def _entry(candidate: Candidate, reason: str) -> Entry:
    return Entry(*_place(candidate), person_id=candidate.PatientID, reason=reason)


def _flow_step(step: str, candidates: Sequence[Candidate]) -> FlowStep:
    exams = {candidate.exam for candidate in candidates}
    return FlowStep(step, len(candidates), len(exams), len({_participant(candidate) for candidate in candidates}))


def _staged_sql(conditions: Sequence[Condition]) -> tuple[str, dict[str, Any]]:
    """Give a statement with one row a series and its stage: the number of conditions it fulfils from the first on."""
    failing = " ".join(
        f"WHEN NOT coalesce({condition.sql}, false) THEN {stage}" for stage, condition in enumerate(conditions)
    )
    # The conditions are our own text and the user's --where, which may say what it likes: a reader only reads.
    sql = f"""
        SELECT collection_id, "PatientID", "StudyInstanceUID", "SeriesInstanceUID", {EXAM_SQL} AS exam,
            {THICKNESS_SQL} AS thickness_mm, kernel_class, {SLICES_SQL} AS slices,
            CASE {failing} ELSE {len(conditions)} END AS stage
        FROM series"""  # noqa: S608
    return sql, {name: value for condition in conditions for name, value in condition.parameters.items()}


def _count_flow(reader: Reader, conditions: Sequence[Condition]) -> list[FlowStep]:
    staged, parameters = _staged_sql(conditions)
    counts = ", ".join(
        f"count(*) FILTER (stage > {stage}) AS series_{stage}, "
        f"count(DISTINCT exam) FILTER (stage > {stage}) AS exams_{stage}, "
        f'count(DISTINCT (collection_id, "PatientID")) FILTER (stage > {stage}) AS participants_{stage}'
        for stage in range(len(conditions))
    )
    table = reader.query(f"SELECT {counts} FROM ({staged})", parameters)  # noqa: S608 - our own text
    numbers = [column[0].as_py() for column in table.columns]
    return [
        FlowStep(condition.label, *numbers[3 * stage : 3 * stage + 3]) for stage, condition in enumerate(conditions)
    ]


def _candidates(reader: Reader, conditions: Sequence[Condition]) -> list[Candidate]:
    staged, parameters = _staged_sql(conditions)
    columns = ", ".join(f'"{field.name}"' for field in fields(Candidate))
    table = reader.query(f"SELECT {columns} FROM ({staged}) WHERE stage = {len(conditions)}", parameters)  # noqa: S608
    return [Candidate(*values) for values in zip(*(column.to_pylist() for column in table.columns), strict=True)]


def _require_collections(snapshot: Snapshot, collections: Sequence[str]) -> None:
    if unknown := sorted(set(collections) - set(snapshot.collection_ids)):
        known = ", ".join(snapshot.collection_ids) or "none"
        raise NotFoundError(f"no collection {unknown[0]!r} in the archive; it has {known}")


@contextmanager
def _explained(where: str) -> Iterator[None]:
    """Say of a failing statement that the user's condition is to blame: the rest is ours."""
    try:
        yield
    except QueryError as error:
        if not where:
            raise
        complaint = str(error).split("\n\nLINE ")[0]
        raise QueryError(
            f"condition {where!r}: {complaint}; write SQL over the columns of the series table, such as: KVP <= 120"
        ) from error
