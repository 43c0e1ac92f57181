"""Every path that programs ask: one table, from which the description of the API is made.

A test compares it with the paths that the site has.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from hilum.acquire.layouts import RETRIEVER_LAYOUTS
from hilum.acquire.manifests import Dialect
from hilum.serve.downloads.chosen import MAX_BATCH, MAX_BATCH_SIZE
from hilum.serve.downloads.nbia_calls import CALLS, FORMATS, METADATA_LIST, NUMBERS, VERSIONS
from hilum.serve.downloads.nbia_rows import METADATA_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}
BATCH: Schema = {"type": "integer", "minimum": 1, "maximum": MAX_BATCH}
BATCH_SIZE: Schema = {"type": "integer", "minimum": 1, "maximum": MAX_BATCH_SIZE}
UID: Schema = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)*$", "maxLength": 64}
NAME: Schema = {"type": "string", "pattern": "^[A-Za-z0-9_-]+$", "maxLength": 100}
BINARY: Schema = {}
YES_OR_NO: Schema = {"type": "string", "enum": ["Yes", "No"]}

JSON, DICOM_JSON, CSV, ZIP, DICOM = (
    "application/json",
    "application/dicom+json",
    "text/csv",
    "application/zip",
    "application/dicom",
)

PATH_PARAMETERS: dict[str, tuple[Schema, str]] = {
    "version": ({"type": "string", "enum": list(VERSIONS)}, "Version of the API; v2 wants a token"),
    "name": (NAME, "Id of the cohort or collection"),
    "file_name": ({"type": "string", "enum": [one.file_name for one in Dialect]}, "Which manifest"),
    "study_uid": (UID, "StudyInstanceUID"),
    "series_uid": (UID, "SeriesInstanceUID"),
    "sop_uid": (UID, "SOPInstanceUID"),
}
"""Schema and meaning of what paths name."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A method of a path.

    Attributes
    ----------
    path
        As the site's list of paths has it.
    summary
        What it does.
    answers
        Schema of the answer by media type.
    parameters, form
        Schemas of the query's parameters and of the fields of a form, by name.
    required
        Names that must be given.
    refusals
        Statuses of answers that say why there is no other.
    method
        In lower case.
    """

    path: str
    summary: str
    answers: dict[str, Schema]
    parameters: dict[str, Schema] = field(default_factory=dict)
    form: dict[str, Schema] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    refusals: tuple[int, ...] = (400, 401, 404)
    method: Literal["get", "post"] = "get"


def rows_of(columns: Iterable[str]) -> Schema:
    """Schema of rows, each of which may lack a column."""
    properties = {name: COUNT if name in NUMBERS - {"SeriesNumber", "Series Number"} else TEXT for name in columns}
    properties |= {name: {"type": "integer"} for name in ("SeriesNumber", "Series Number") if name in properties}
    return {"type": "array", "items": {"type": "object", "properties": properties, "additionalProperties": False}}


_FORMAT: Schema = {"type": "string", "enum": list(FORMATS)}
_UID_NAMES = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
_NBIA = "nbia-api/services/<str:version>"


def _named(*names: str) -> dict[str, Schema]:
    return {name: UID if name in _UID_NAMES else TEXT for name in names}


NBIA = (
    *(
        Operation(
            f"{_NBIA}/{call.name}",
            call.summary,
            {JSON: rows_of(call.columns), CSV: TEXT},
            _named(*call.required, *call.parameters) | {"format": _FORMAT},
            required=call.required,
        )
        for call in CALLS
    ),
    Operation(
        f"{_NBIA}/{METADATA_LIST}",
        "What is known of the series of a list",
        {JSON: rows_of(METADATA_COLUMNS), CSV: TEXT},
        form={"list": {"type": "string", "pattern": "^[0-9.]+(,[0-9.]+)*$"}, "format": _FORMAT},
        required=("list",),
        method="post",
    ),
    Operation(
        f"{_NBIA}/getImage",
        "A series as ZIP",
        {ZIP: BINARY},
        {"SeriesInstanceUID": UID, "NewFileNames": YES_OR_NO, "IncludeMD5": YES_OR_NO},
        required=("SeriesInstanceUID",),
    ),
    Operation(
        f"{_NBIA}/getImageWithMD5Hash",
        "A series as ZIP, with the hashes of its files",
        {ZIP: BINARY},
        {"SeriesInstanceUID": UID},
        required=("SeriesInstanceUID",),
    ),
    Operation(
        f"{_NBIA}/getSingleImage",
        "One file of a series",
        {DICOM: BINARY},
        {"SeriesInstanceUID": UID, "SOPInstanceUID": UID},
        required=("SeriesInstanceUID", "SOPInstanceUID"),
    ),
    Operation(
        "nbia-api/oauth/token",
        "A token for a name and a password",
        {
            JSON: {
                "type": "object",
                "properties": {"access_token": TEXT, "token_type": {"const": "Bearer"}, "expires_in": COUNT},
                "required": ["access_token", "token_type", "expires_in"],
            }
        },
        form={"grant_type": {"const": "password"}, "username": TEXT, "password": TEXT, "client_id": TEXT},
        required=("grant_type", "username", "password"),
        refusals=(400, 401, 429),
        method="post",
    ),
)

_PLACES: Schema = {
    "zip": TEXT,
    "manifests": {"type": "object", "properties": {dialect.value: TEXT for dialect in Dialect}},
}
_COUNTS: Schema = dict.fromkeys(("participants", "series", "size_bytes"), COUNT)
_BATCH: Schema = {"batch": BATCH} | _COUNTS | _PLACES
OFFER: Schema = {
    "type": "object",
    "properties": {
        "kind": {"enum": ["cohort", "collection"]},
        "name": TEXT,
        "title": TEXT,
        **_COUNTS,
        "not_here": COUNT,
        "closed": COUNT,
        **_PLACES,
        "batch_size": BATCH_SIZE,
        "batches": {
            "type": "array",
            "items": {"type": "object", "properties": _BATCH, "required": list(_BATCH), "additionalProperties": False},
        },
    },
    "additionalProperties": False,
}
OFFER["required"] = list(OFFER["properties"])
"""What can be downloaded of a cohort or collection; `hilum.serve.downloads.offers`."""

_PART: dict[str, Schema] = {"batch": BATCH, "batch_size": BATCH_SIZE}
_MANIFESTS = dict.fromkeys(("text/plain", CSV, "text/tab-separated-values"), TEXT) | {JSON: {}}

DOWNLOADS = (
    *(
        one
        for kind in ("cohort", "collection")
        for one in (
            Operation(
                f"download/{kind}s/<str:name>.json", f"What there is to download of a {kind}", {JSON: OFFER}, _PART
            ),
            Operation(
                f"download/{kind}s/<str:name>.zip",
                f"A {kind} as one ZIP",
                {ZIP: BINARY},
                _PART | {"layout": {"type": "string", "enum": ["idc", *RETRIEVER_LAYOUTS]}},
            ),
            Operation(f"download/{kind}s/<str:name>/<str:file_name>", f"A {kind} as a manifest", _MANIFESTS, _PART),
        )
    ),
    Operation("download/series/<str:series_uid>.zip", "A series as ZIP, in parts if asked", {ZIP: BINARY}),
)

_ATTRIBUTES: Schema = {
    "type": "array",
    "items": {
        "type": "object",
        "propertyNames": {"pattern": "^[0-9A-F]{8}$"},
        "additionalProperties": {
            "type": "object",
            "properties": {"vr": {"type": "string", "pattern": "^[A-Z]{2}$"}, "Value": {"type": "array"}},
            "required": ["vr"],
        },
    },
}
"""DICOM JSON (PS3.18, F)."""

_SEARCH: dict[str, Schema] = {
    "limit": COUNT | {"maximum": 5000},
    "offset": COUNT | {"maximum": 2**31},
    "includefield": {"type": "string", "enum": ["all", "StudyDescription", "00081030"]},
    "PatientID": TEXT,
    "StudyInstanceUID": UID,
    "StudyDate": {"type": "string", "pattern": "^[0-9]{8}$"},
}
_BELOW_SERIES: dict[str, Schema] = {"SeriesInstanceUID": UID, "Modality": TEXT}
_STUDY = "dicom-web/studies/<uid:study_uid>"
_SERIES = f"{_STUDY}/series/<uid:series_uid>"

DICOMWEB = (
    *(
        Operation(path, f"Search for {level}", {DICOM_JSON: _ATTRIBUTES}, _SEARCH | more, refusals=(400, 401, 406, 413))
        for path, level, more in (
            ("dicom-web/studies", "studies", {}),
            ("dicom-web/series", "series", _BELOW_SERIES),
            ("dicom-web/instances", "instances", _BELOW_SERIES),
            (f"{_STUDY}/series", "series of a study", _BELOW_SERIES),
            (f"{_STUDY}/instances", "instances of a study", _BELOW_SERIES),
            (f"{_SERIES}/instances", "instances of a series", {}),
        )
    ),
    *(
        Operation(f"{path}/metadata", f"Headers of {level}", {DICOM_JSON: _ATTRIBUTES}, refusals=(400, 401, 404, 406))
        for path, level in (
            (_STUDY, "a study"),
            (_SERIES, "a series"),
            (f"{_SERIES}/instances/<uid:sop_uid>", "an instance"),
        )
    ),
)

DESCRIPTION = Operation("api/openapi.json", "This description", {JSON: {"type": "object"}}, refusals=(401,))
OPERATIONS = (*NBIA, *DOWNLOADS, *DICOMWEB, DESCRIPTION)
