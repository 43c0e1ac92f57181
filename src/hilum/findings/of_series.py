"""Lesions of a file as lesions of series: placed in the frame of the CT they belong to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hilum.findings.linking import link_to_series
from hilum.findings.reading import read_lesions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hilum.errors import Refusal
    from hilum.model.findings import Lesion
    from hilum.model.geometry import Geometry
    from hilum.model.series import Series


@dataclass(frozen=True, slots=True)
class SeriesLesions:
    """Lesions of series.

    Attributes
    ----------
    lesions
        Lesions whose ``exam_id`` and ``series_uid`` are a SeriesInstanceUID.
    warnings
        What was odd in the file, and how many of its lesions belong to none of the series.
    refusals
        Lines that were left out; none unless the reading was lenient.
    """

    lesions: tuple[Lesion, ...]
    warnings: tuple[str, ...]
    refusals: tuple[Refusal, ...] = ()


def read_lesions_of(series: Sequence[Series], path: Path, *, is_lenient: bool = False) -> SeriesLesions:
    """Read a file or folder of lesions as lesions of `series`, one series an exam.

    Points of NIH's files do not always share the frame of the CT: where a series forms a volume, the indices decide,
    and no lesion may lie outside it.

    Parameters
    ----------
    is_lenient
        Leave refused lines out and list them, as `read_lesions`.

    Raises
    ------
    FormatError
        The file is malformed, or an exam in it means more than one of the series.
    """
    file = read_lesions(path, geometries=_geometries(series), is_lenient=is_lenient)
    linked = link_to_series(file.lesions, series)
    warnings = list(file.warnings)
    if linked.unlinked:
        warnings.append(f"{len(linked.unlinked)} of {len(file.lesions)} lesions of {path} are of other exams: left out")
    return SeriesLesions(linked.findings, tuple(warnings), file.refusals)


def _geometries(series: Sequence[Series]) -> dict[str, Geometry]:
    """Grid by each name of an exam that means one series alone."""
    found: dict[str, list[Series]] = {}
    for one in series:
        for name in {one.uid, one.study_uid, one.participant_id}:
            found.setdefault(name, []).append(one)
    return {name: ones[0].geometry for name, ones in found.items() if len(ones) == 1 and ones[0].row.get("is_volume")}
