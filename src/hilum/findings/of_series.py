"""Lesions of a file as lesions of series: placed in the frame of the CT they belong to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hilum.findings.linking import link_to_series
from hilum.findings.reading import read_lesions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hilum.model.findings import Lesion
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
    """

    lesions: tuple[Lesion, ...]
    warnings: tuple[str, ...]


def read_lesions_of(series: Sequence[Series], path: Path) -> SeriesLesions:
    """Read a file or folder of lesions as lesions of `series`, one series an exam.

    Points of NIH's files do not always share the frame of the CT: where a series forms a volume, the indices decide.

    Raises
    ------
    FormatError
        The file is malformed, or an exam in it means more than one of the series.
    """
    geometries = {one.participant_id: one.geometry for one in series if one.row.get("is_volume")}
    file = read_lesions(path, geometries=geometries)
    linked = link_to_series(file.lesions, series)
    warnings = list(file.warnings)
    if linked.unlinked:
        warnings.append(f"{len(linked.unlinked)} of {len(file.lesions)} lesions of {path} are of other exams: left out")
    return SeriesLesions(linked.findings, tuple(warnings))
