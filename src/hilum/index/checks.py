"""The named checks of indexing, in one table: what each says, and what follows from it.

A *refusal* leaves a file out of the catalog; an *error* says that no volume can be made of the series, a *warning* that
it wants a look before use. A series with errors is catalogued all the same: its ``not_volume_check`` is the first of
its errors in the order of this table.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """What follows from a failed check."""

    REFUSAL = "refusal"
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its name, severity, and what a failure means, in a line."""

    name: str
    severity: Severity
    meaning: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A check that a series failed: its name, and what was found where what was expected."""

    check: str
    detail: str


CHECKS: tuple[Check, ...] = (
    Check("empty-file", Severity.REFUSAL, "the file has no bytes"),
    Check("not-dicom", Severity.REFUSAL, "neither DICOM nor a kind of file that is passed over"),
    Check("truncated-header", Severity.REFUSAL, "the file ends inside its header"),
    Check("unreadable-header", Severity.REFUSAL, "the header is damaged: neither reader makes sense of it"),
    Check("unreadable-file", Severity.REFUSAL, "the file or folder cannot be opened: no permission, or a disk error"),
    Check("broken-link", Severity.REFUSAL, "a link that leads nowhere, or to itself"),
    Check("undecodable-path", Severity.REFUSAL, "the name is no text in UTF-8: rename it"),
    Check("missing-uid", Severity.REFUSAL, "SOPInstanceUID, SeriesInstanceUID or StudyInstanceUID is absent"),
    Check("bad-uid", Severity.REFUSAL, "one of them holds other characters than a name may have"),
    Check("duplicate-instance", Severity.REFUSAL, "a copy, byte for byte, of an instance that is kept"),
    Check("conflicting-instance", Severity.REFUSAL, "SOPInstanceUID of an instance that is kept, with other content"),
    Check("no-pixel-data", Severity.ERROR, "an object without pixel data: a report, a plan, or a cut image"),
    Check("not-ct", Severity.ERROR, "Modality is not CT"),
    Check("mixed-identity", Severity.ERROR, "one SeriesInstanceUID under several studies or participants"),
    Check("localizer", Severity.ERROR, "a projection to plan the scan on, no slices"),
    Check("secondary-image", Severity.ERROR, "a dose report, screen save or capture, no slices"),
    Check("not-grayscale", Severity.ERROR, "several values a pixel: colour, no Hounsfield units"),
    Check("bad-size", Severity.ERROR, "Rows or Columns absent or zero"),
    Check("short-pixel-data", Severity.ERROR, "fewer bytes of pixels than Rows x Columns need: the file is cut"),
    Check("mixed-size", Severity.ERROR, "slices of different Rows or Columns"),
    Check("no-orientation", Severity.ERROR, "ImageOrientationPatient absent, not finite, or no right angle"),
    Check("mixed-orientation", Severity.ERROR, "slices of different ImageOrientationPatient"),
    Check("no-pixel-spacing", Severity.ERROR, "PixelSpacing absent or not finite"),
    Check("bad-pixel-spacing", Severity.ERROR, "PixelSpacing zero or negative"),
    Check("mixed-pixel-spacing", Severity.ERROR, "slices of different PixelSpacing"),
    Check("no-position", Severity.ERROR, "ImagePositionPatient absent or not finite"),
    Check("too-few-slices", Severity.ERROR, "fewer than 3 slice positions"),
    Check("duplicated-positions", Severity.ERROR, "several slices at one position"),
    Check("missing-slices", Severity.ERROR, "gaps in the slice positions"),
    Check("uneven-spacing", Severity.ERROR, "slices off a regular grid by more than 0.1 mm, without a gap"),
    Check("gantry-tilt", Severity.ERROR, "slices shifted against each other: a tilted gantry"),
    Check("inconsistent-attribute", Severity.WARNING, "an attribute of the study or series differs among instances"),
    Check("invalid-value", Severity.WARNING, "a value has not the form its attribute demands; the column is null"),
    Check("no-patient-id", Severity.WARNING, "PatientID is absent or empty"),
)

BY_NAME: dict[str, Check] = {check.name: check for check in CHECKS}

_ORDER = {check.name: number for number, check in enumerate(CHECKS)}


def severity_of(check: str) -> Severity:
    """Severity of a check."""
    return BY_NAME[check].severity


def first_error(failures: list[Failure]) -> str | None:
    """Name of the error that comes first in the table; None if no failure is an error."""
    errors = [failure.check for failure in failures if severity_of(failure.check) is Severity.ERROR]
    return min(errors, key=_ORDER.__getitem__, default=None)


def markdown_table() -> str:
    """Give the checks as a Markdown table, for the documentation."""
    lines = ["| check | severity | meaning |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| `{check.name}` | {check.severity} | {check.meaning} |" for check in CHECKS)])
