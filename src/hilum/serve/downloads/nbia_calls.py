"""The calls of the NBIA API that give rows: their parameters, their columns, and where the rows come from.

The paths, the checks of parameters and the description of the API are made from this one table.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from hilum.serve.downloads import nbia_rows as rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.db.models import QuerySet

    from hilum.serve.published.models import Series

VERSIONS = ("v1", "v2", "v4")
"""Of the API: v1 is for everybody, v2 wants a token, v4 takes either and no parameter it does not know."""

FORMATS = ("json", "csv")

NUMBERS = frozenset(
    {
        *("ImageCount", "FileSize", "SeriesNumber", "SeriesCount", "ObjectCount", "TotalSizeInBytes", "count"),
        *("Number of Images", "File Size", "Series Number"),
    }
)
"""Columns that hold whole numbers; the others hold text."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call that gives rows.

    Attributes
    ----------
    name
        Its name, the end of its path.
    summary
        What it gives.
    columns
        Names of the columns; a row lacks what is not known.
    rows
        Gives the rows of the series that match.
    parameters
        Names it may be asked with; ``format`` besides.
    required
        Names it must be asked with.
    """

    name: str
    summary: str
    columns: tuple[str, ...]
    rows: Callable[[QuerySet[Series]], Iterator[rows.Row]]
    parameters: tuple[str, ...] = ()
    required: tuple[str, ...] = ()


def _metadata(found: QuerySet[Series]) -> Iterator[rows.Row]:
    return map(rows.as_retriever_row, rows.series_of(found))


_COUNTS = ("criteria", "count")
_PLACE = ("Collection", "BodyPartExamined", "Modality")

CALLS = (
    Call("getCollectionValues", "Collections", ("Collection",), partial(rows.values_of, "Collection")),
    Call("getModalityValues", "Modalities", ("Modality",), partial(rows.values_of, "Modality"), _PLACE),
    Call("getBodyPartValues", "Body parts", ("BodyPartExamined",), partial(rows.values_of, "BodyPartExamined"), _PLACE),
    Call("getManufacturerValues", "Manufacturers", ("Manufacturer",), partial(rows.values_of, "Manufacturer"), _PLACE),
    Call("getCollectionValuesAndCounts", "Participants a collection", _COUNTS, partial(rows.counts_of, "Collection")),
    Call("getModalityValuesAndCounts", "Participants a modality", _COUNTS, partial(rows.counts_of, "Modality"), _PLACE),
    Call(
        "getBodyPartValuesAndCounts",
        "Participants a body part",
        _COUNTS,
        partial(rows.counts_of, "BodyPartExamined"),
        _PLACE,
    ),
    Call(
        "getManufacturerValuesAndCounts",
        "Participants a manufacturer",
        _COUNTS,
        partial(rows.counts_of, "Manufacturer"),
        _PLACE,
    ),
    Call("getPatient", "Participants", rows.PATIENT_COLUMNS, rows.patients_of, ("Collection",)),
    Call(
        "getPatientByCollectionAndModality",
        "Participants of a collection with a modality",
        rows.PATIENT_COLUMNS,
        rows.patients_of,
        required=("Collection", "Modality"),
    ),
    Call(
        "getPatientStudy",
        "Studies",
        rows.STUDY_COLUMNS,
        rows.studies_of,
        ("Collection", "PatientID", "StudyInstanceUID"),
    ),
    Call("getSeries", "Series", rows.SERIES_COLUMNS, rows.series_of, (*rows.FILTERS, rows.MODEL)),
    Call(
        "getSeriesMetaData",
        "A series as the NBIA Data Retriever writes it",
        rows.RETRIEVER_ROW_COLUMNS,
        _metadata,
        required=("SeriesInstanceUID",),
    ),
    Call(
        "getSeriesSize",
        "Bytes and files of a series",
        ("TotalSizeInBytes", "ObjectCount"),
        rows.sizes_of,
        required=("SeriesInstanceUID",),
    ),
    Call(
        "getSOPInstanceUIDs",
        "UIDs of the objects of a series",
        ("SOPInstanceUID",),
        rows.images_of,
        required=("SeriesInstanceUID",),
    ),
)

METADATA_LIST = "getSeriesMetadata"
"""The call that takes a list of series in a form."""
