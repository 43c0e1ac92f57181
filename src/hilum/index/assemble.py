"""From the records of files to the rows of series."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

from hilum.index.checks import Failure, first_error, severity_of
from hilum.index.duplicates import keep_one_each
from hilum.index.examine import examine
from hilum.index.refused import RefusedFile
from hilum.index.slices import (
    is_one_orientation,
    is_one_pixel_spacing,
    is_one_size,
    may_be_stack,
    measure,
    slices_of,
)
from hilum.index.values import ATTRIBUTE_COLUMNS, Invalid, column_value, joined, most_common
from hilum.model.instances import Instances
from hilum.model.kinds import ImageKind, image_kind, kernel_class
from hilum.model.nlst import COLLECTION_ID as NLST
from hilum.model.nlst import parse_description, round_of_year
from hilum.model.series import Series
from hilum.model.tables import SERIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hilum.index.record import Record
    from hilum.index.slices import Slice
    from hilum.model.geometry import Stack
    from hilum.model.nlst import NlstDescription

UIDS = ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")

DECIMALS = 6
"""Of measured millimetres and degrees: decimal positions subtracted in binary leave noise behind."""

MAX_UID_LENGTH = 64
"""DICOM PS3.5 section 9.1."""

_UID = re.compile(rf"[0-9A-Za-z][0-9A-Za-z._-]{{0,{MAX_UID_LENGTH - 1}}}")
"""What may name a folder, a file and a part of an address; letters, which no UID has, some anonymizers write."""

_EXPECTED = {"text": "text", "float": "a finite number", "int": "a whole number", "date": "a date YYYYMMDD"}


@dataclass(slots=True)
class Assembly:
    """What records gave.

    Attributes
    ----------
    series
        One a SeriesInstanceUID, sorted by it.
    checks
        Rows of the checks table.
    refusals
        Files left out: UIDs missing, instances there already.
    """

    series: list[Series] = field(default_factory=list)
    checks: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[RefusedFile] = field(default_factory=list)


def assemble(collection_id: str, records: Iterable[Record]) -> Assembly:
    """Put records together to series.

    Parameters
    ----------
    collection_id
        Collection the series go to.
    records
        As `hilum.index.record.read_record` gives them, in any order; no record gives an empty assembly.
    """
    assembly = Assembly()
    records_by_series: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        refusal = _refuse_by_uid(record)
        if refusal is None:
            records_by_series[record["SeriesInstanceUID"]].append(record)
        else:
            assembly.refusals.append(refusal)
    for uid in sorted(records_by_series):
        kept, refused = keep_one_each(records_by_series[uid])
        assembly.refusals += refused
        series, failures = _assemble_one(collection_id, kept)
        assembly.series.append(series)
        assembly.checks += [_check_row(collection_id, uid, failure) for failure in failures]
    return assembly


def _refuse_by_uid(record: Record) -> RefusedFile | None:
    missing = [keyword for keyword in UIDS if not isinstance(record.get(keyword), str)]
    if missing:
        reason = f"{', '.join(missing)} absent, expected one value each; the file cannot be told from others"
        return RefusedFile.of_record(record, "missing-uid", reason)
    for keyword in UIDS:
        if not _UID.fullmatch(record[keyword]):
            reason = f"{keyword} {record[keyword]!r}, expected digits and dots, {MAX_UID_LENGTH} at most"
            return RefusedFile.of_record(record, "bad-uid", reason)
    return None


def _check_row(collection_id: str, uid: str, failure: Failure) -> dict[str, Any]:
    return {
        "collection_id": collection_id,
        "SeriesInstanceUID": uid,
        "check": failure.check,
        "severity": severity_of(failure.check).value,
        "detail": failure.detail,
    }


def _assemble_one(collection_id: str, records: list[Record]) -> tuple[Series, list[Failure]]:
    records = sorted(records, key=_number_and_place)
    row, failures = _attribute_columns(records)
    row |= _told_columns(collection_id, row, records)
    kind = ImageKind(row["image_kind"])
    slices = slices_of(records)
    is_stack = may_be_stack(kind, slices)
    stack = measure(slices) if is_stack else None
    failures += examine(records, slices if is_stack else [], stack, kind)
    instances = Instances.from_rows(_in_order(records, slices, stack))
    check = first_error(failures)
    row |= _slice_columns(slices) | _stack_columns(stack, len(slices))
    row |= {
        "collection_id": collection_id,
        "PatientID": row["PatientID"] or "",
        "is_volume": check is None,
        "not_volume_check": check,
        "instance_count": len(records),
        "size_bytes": sum(record["size_bytes"] for record in records),
        "instances": instances.pack(),
    }
    return Series({name: row.get(name) for name in SERIES.column_names}), failures


def _number_and_place(record: Record) -> tuple[float, str, str]:
    number = record.get("InstanceNumber")
    return number if isinstance(number, int | float) else math.inf, record["root"], record["path"]


def _attribute_columns(records: Sequence[Record]) -> tuple[dict[str, Any], list[Failure]]:
    row: dict[str, Any] = {}
    failures = []
    for column in ATTRIBUTE_COLUMNS:
        value = most_common(records, column.name)
        try:
            row[column.name] = column_value(value, column)
        except Invalid:
            row[column.name] = None
            failures.append(Failure("invalid-value", f"{column.name} {value!r}, expected {_EXPECTED[column.type]}"))
    return row, failures


def _told_columns(collection_id: str, row: dict[str, Any], records: Sequence[Record]) -> dict[str, Any]:
    """Columns that follow from attributes, with what an NLST SeriesDescription tells where the header is silent."""
    description = row["SeriesDescription"]
    nlst = parse_description(description)
    year = row["StudyDate"].year if row["StudyDate"] else None
    image_type = records[0].get("ImageType")
    told = {name: row[name] if row[name] is not None else value for name, value in _nlst_columns(nlst).items()}
    exposures = [record["Exposure"] for record in records if isinstance(record.get("Exposure"), int | float)]
    kernel = kernel_class(told["ConvolutionKernel"], row["Manufacturer"])
    return told | {
        "ImageType": None if image_type is None else joined(image_type),
        "image_kind": image_kind(
            modality=row["Modality"],
            sop_class_uid=row["SOPClassUID"],
            image_type=() if image_type is None else joined(image_type).split("\\"),
            description=description,
        ).value,
        "kernel_class": kernel.value if kernel else None,
        "screening_round": nlst.screening_round if nlst else round_of_year(year) if collection_id == NLST else None,
        "exposure_mas": float(median(exposures)) if exposures else nlst.exposure_mas if nlst else None,
    }


def _nlst_columns(nlst: NlstDescription | None) -> dict[str, Any]:
    return {
        "ManufacturerModelName": nlst and nlst.model,
        "ConvolutionKernel": nlst and nlst.kernel,
        "ReconstructionDiameter": nlst and nlst.field_of_view_mm,
        "SliceThickness": nlst and nlst.slice_thickness_mm,
        "KVP": nlst and nlst.kvp,
    }


def _slice_columns(slices: Sequence[Slice]) -> dict[str, Any]:
    if not slices:
        return {}
    spacings = Counter(found.pixel_spacing_mm for found in slices if found.pixel_spacing_mm is not None)
    row_spacing, column_spacing = spacings.most_common(1)[0][0] if spacings else (None, None)
    return {
        "row_spacing_mm": row_spacing,
        "column_spacing_mm": column_spacing,
        "is_one_size": is_one_size(slices),
        "is_one_orientation": is_one_orientation(slices),
        "is_one_pixel_spacing": is_one_pixel_spacing(slices),
    }


def _stack_columns(stack: Stack | None, slice_count: int) -> dict[str, Any]:
    if stack is None:
        return {}
    return {
        "slice_count": slice_count - stack.duplicate_count,
        "slice_spacing_mm": round(stack.spacing_mm, DECIMALS) or None,
        "slice_spacing_deviation_mm": round(stack.max_deviation_mm, DECIMALS),
        "missing_slices": stack.missing_count,
        "duplicated_positions": stack.duplicate_count,
        "gantry_tilt_deg": round(stack.tilt_deg, DECIMALS),
        "is_uniform": stack.is_uniform,
    }


def _in_order(records: Sequence[Record], slices: Sequence[Slice], stack: Stack | None) -> list[Record]:
    """Records in ascending position of their first slice; those without a slice, or all without a stack, as given."""
    ordered = [slices[index].record for index in stack.order] if stack else []
    return [records[index] for index in dict.fromkeys([*ordered, *range(len(records))])]
