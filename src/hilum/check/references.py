"""What SEG, SR and RTSTRUCT objects refer to, and whether it is there."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hilum.check.finding import Finding, place_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pydicom.dataset import Dataset

    from hilum.model.series import Series


@dataclass(frozen=True, slots=True)
class Reference:
    """An instance that an object names, and the series it says the instance is of (empty if it does not say)."""

    sop_uid: str
    series_uid: str


def references_of(dataset: Dataset) -> frozenset[Reference]:
    """Give the instances that an object names; of those named under a series and alone, only the former.

    An item of a sequence that has a SeriesInstanceUID says it for all references below it: so do the Referenced Series
    Sequence of a SEG, the evidence of an SR and the RT Referenced Series Sequence of an RTSTRUCT.
    """
    found = frozenset(_references(dataset, "", is_root=True))
    stated = frozenset(one for one in found if one.series_uid)
    return stated or found


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
        The series of their studies, and those they name.
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
    for reference in references:
        series = holders.get(reference.sop_uid)
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


def _references(dataset: Dataset, series_uid: str, *, is_root: bool = False) -> Iterator[Reference]:
    if not is_root:
        series_uid = str(dataset.get("SeriesInstanceUID") or series_uid)
        if sop_uid := str(dataset.get("ReferencedSOPInstanceUID") or ""):
            yield Reference(sop_uid, series_uid)
    for tag in dataset.keys():  # noqa: SIM118 - iterating a data set decodes every value
        element = dataset[tag]
        if element.VR == "SQ" and not tag.is_private and "Procedure" not in element.keyword.replace(_EVIDENCE, ""):
            for item in element.value:
                yield from _references(item, series_uid)


_EVIDENCE = "CurrentRequestedProcedureEvidenceSequence"
"""The one sequence about procedures that names images; the others name steps of the work list."""
