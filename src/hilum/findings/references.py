"""What SEG, SR and RTSTRUCT objects refer to."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hilum.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pydicom.dataset import Dataset

    from hilum.model.series import Series

NAMING = (
    "ReferencedSeriesSequence",
    "CurrentRequestedProcedureEvidenceSequence",
    "PertinentOtherEvidenceSequence",
    "ReferencedFrameOfReferenceSequence",
)
"""Sequences of a SEG, an SR and an RTSTRUCT that name their images under a series."""


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


def referred_series(path: Path) -> frozenset[str]:
    """Give the SeriesInstanceUIDs that a file of a SEG, SR or RTSTRUCT says it was made on; none where it names none.

    Raises
    ------
    FormatError
        The file cannot be read as DICOM.
    """
    import pydicom

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's word on odd values: the UIDs are taken as they are
        try:
            dataset = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(NAMING), force=True)
            return frozenset(one.series_uid for one in references_of(dataset) if one.series_uid)
        except Exception as error:  # pydicom raises whatever a damaged element makes it stumble on
            raise FormatError(f"{path}: cannot be read as DICOM ({error}); get the file again") from error


def referred_among(path: Path, series: Sequence[Series]) -> list[Series]:
    """Give those of some series that a file of a SEG, SR or RTSTRUCT says it was made on; errors as above."""
    uids = referred_series(path)
    return [one for one in series if one.uid in uids]


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
