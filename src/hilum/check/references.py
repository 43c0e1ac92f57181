"""Whether what SEG, SR and RTSTRUCT objects refer to is there."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from hilum.check.finding import Finding, place_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from hilum.findings.references import Reference
    from hilum.model.series import Series


def check_references(
    named: Mapping[str, frozenset[Reference]], sources: Mapping[str, Series], near: Iterable[Series]
) -> Iterator[Finding]:
    """Look for the instances that objects name.

    Parameters
    ----------
    named
        SeriesInstanceUID of the objects to what they name.
    sources
        Their series, by the same UID.
    near
        The series of their studies, and those they name; there may be others, which are not looked in.
    """
    holders: dict[str, list[Series]] = defaultdict(list)
    for series in near:
        if series["instances"] is not None:
            for sop_uid in series.instances.column("SOPInstanceUID"):
                holders[sop_uid].append(series)
    for uid, references in sorted(named.items()):
        yield from _of_one(sources[uid], references, holders)


def _of_one(source: Series, references: frozenset[Reference], holders: Mapping[str, list[Series]]) -> Iterator[Finding]:
    absent: Counter[str] = Counter()
    others: Counter[str] = Counter()
    named = {reference.series_uid for reference in references}
    for reference in references:
        held = holders.get(reference.sop_uid, ())
        series = [one for one in held if one.study_uid == source.study_uid or one.uid in named]
        if not series:
            absent[reference.series_uid] += 1
        elif wrong := _mismatch(source, reference, series):
            others[wrong] += 1
    for check, counts in (("reference-absent", absent), ("reference-other", others)):
        if counts:
            detail = _detail(check, counts, len(references))
            yield Finding(check, source.uid, detail, place_of(source), source.participant_id)


def _detail(check: str, counts: Counter[str], total: int) -> str:
    found = f"{counts.total()} of {total} instances named"
    if check == "reference-absent":
        return f"{found} are not here, of series {', '.join(uid or '(not stated)' for uid in sorted(counts))}"
    return f"{found}: {'; '.join(sorted(counts))}"


def _mismatch(source: Series, reference: Reference, series: list[Series]) -> str:
    """What is wrong with the series an instance was found in; empty if one of them is right."""
    uids = {one.uid for one in series}
    if reference.series_uid and reference.series_uid not in uids:
        return f"said to be of series {reference.series_uid}, is of {min(uids)}"
    if source.participant_id not in {one.participant_id for one in series}:
        return f"of participant {series[0].participant_id}, the object is of {source.participant_id}"
    if source.study_uid not in {one.study_uid for one in series}:
        return f"of study {series[0].study_uid}, the object is of {source.study_uid}"
    return ""
