"""What `hilum check` looks for, in one table: the id of each check, its group, severity and meaning.

The checks of indexing (`hilum.index.checks`) are part of it under their names: they are not made again.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hilum.index import checks as indexing


class Severity(StrEnum):
    """How bad it is. Errors and warnings that nobody accepted make the exit status 1."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Group(StrEnum):
    """What a check looks at."""

    FILES = "files"
    GEOMETRY = "geometry"
    PIXELS = "pixels"
    OBJECTS = "objects"
    REFERENCES = "references"
    ANNOTATIONS = "annotations"
    DUPLICATES = "duplicates"
    IDENTITY = "de-identification"


@dataclass(frozen=True, slots=True)
class Rule:
    """One check: its id, group and severity, and what a finding of it means, in a line."""

    check: str
    group: Group
    severity: Severity
    meaning: str


ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE

_OBJECT_CHECKS = frozenset(
    {"no-pixel-data", "not-ct", "localizer", "secondary-image", "not-grayscale", "inconsistent-attribute"}
    | {"invalid-value", "no-patient-id", "mixed-identity"}
)
_NO_FLAW = frozenset({"no-pixel-data", "not-ct", "localizer", "not-grayscale"})
"""Errors to those who want a volume; to a collection, objects of another kind."""
_LOOK = frozenset({"secondary-image", "too-few-slices"})
_PIXEL_CHECKS = frozenset({"short-pixel-data", "bad-size"})

_INDEXED = tuple(
    Rule(
        check.name,
        Group.FILES
        if check.severity is indexing.Severity.REFUSAL
        else Group.OBJECTS
        if check.name in _OBJECT_CHECKS
        else Group.PIXELS
        if check.name in _PIXEL_CHECKS
        else Group.GEOMETRY,
        NOTE
        if check.name in _NO_FLAW
        else WARNING
        if check.name in _LOOK or check.severity is indexing.Severity.WARNING
        else ERROR,
        check.meaning,
    )
    for check in indexing.CHECKS
)

RULES: tuple[Rule, ...] = (
    *_INDEXED,
    Rule("flipped-order", Group.GEOMETRY, NOTE, "InstanceNumber rises against the normal of the slices"),
    Rule("shuffled-order", Group.GEOMETRY, WARNING, "InstanceNumber neither rises nor falls along the slices"),
    Rule("unreadable-pixels", Group.PIXELS, ERROR, "pixel data cannot be read or decoded"),
    Rule("constant-slice", Group.PIXELS, WARNING, "all pixels of a slice have one value"),
    Rule("padding", Group.PIXELS, NOTE, "declared padding lies below −1024 HU: load with `padding_hu`"),
    Rule("undeclared-padding", Group.PIXELS, WARNING, "1 % of a slice has one value below −1024 HU, not declared"),
    Rule("clipped-range", Group.PIXELS, WARNING, "values end in a plateau inside the range of a CT: a window was cut"),
    Rule("saturated", Group.PIXELS, NOTE, "0.1 % of a slice has the greatest value that its bits hold: metal, or cut"),
    Rule("wrong-rescale", Group.PIXELS, ERROR, "no value below 0 HU, or none above: slope or intercept is wrong"),
    Rule("unreadable-object", Group.OBJECTS, ERROR, "the header cannot be read whole; other checks miss this file"),
    Rule("empty-uid", Group.OBJECTS, ERROR, "a UID is there without a value"),
    Rule("invalid-uid", Group.OBJECTS, ERROR, "a UID is not digits and dots, 64 at most, no part with a leading zero"),
    Rule("other-media-uid", Group.OBJECTS, WARNING, "MediaStorageSOPInstanceUID differs from SOPInstanceUID"),
    Rule("missing-type-1", Group.OBJECTS, ERROR, "a CT image lacks the value of an attribute of type 1"),
    Rule("localizer-as-slices", Group.OBJECTS, WARNING, "localizers in a series that is catalogued as slices"),
    Rule("reference-absent", Group.REFERENCES, WARNING, "a SEG, SR or RTSTRUCT names instances that are not here"),
    Rule("reference-other", Group.REFERENCES, ERROR, "it names instances of another series, study or participant"),
    Rule("reference-off-grid", Group.REFERENCES, ERROR, "a SEG lies off the slices, or frame of reference, it names"),
    Rule("lesions-unreadable", Group.ANNOTATIONS, ERROR, "the file of lesions cannot be read"),
    Rule("lesion-unlinked", Group.ANNOTATIONS, NOTE, "lesions of exams that are not among the series checked"),
    Rule("no-size", Group.ANNOTATIONS, WARNING, "a lesion of size 0 or without one, where others of the list have one"),
    Rule("short-above-long", Group.ANNOTATIONS, WARNING, "a lesion's short axis is longer than its long axis"),
    Rule("outside-volume", Group.ANNOTATIONS, ERROR, "a lesion lies outside the volume of its exam"),
    Rule("in-air", Group.ANNOTATIONS, WARNING, "all voxels about a lesion's centre are air"),
    Rule("equal-scan", Group.DUPLICATES, ERROR, "equal pixels under two PatientIDs: one scan, two participants"),
    Rule("equal-pixels", Group.DUPLICATES, WARNING, "equal pixels under two SeriesInstanceUIDs of a participant"),
    Rule("equal-grid", Group.DUPLICATES, NOTE, "equal positions of all slices under two PatientIDs: perhaps one scan"),
    Rule("equal-study", Group.DUPLICATES, ERROR, "one StudyInstanceUID under two PatientIDs"),
    Rule("equal-annotation-grid", Group.DUPLICATES, WARNING, "annotations of two ids lie on one voxel grid: one scan"),
    Rule("identity-not-removed", Group.IDENTITY, WARNING, "an attribute has a value that the basic profile removes"),
    Rule(
        "identity-not-replaced", Group.IDENTITY, WARNING, "likewise one it empties or replaces, and no word that it was"
    ),
    Rule("identity-replaced", Group.IDENTITY, NOTE, "likewise, in a file that says it was: see that it is a dummy"),
    Rule("address", Group.IDENTITY, ERROR, "an attribute for addresses or telephone numbers has a value"),
    Rule(
        "not-declared", Group.IDENTITY, WARNING, "PatientIdentityRemoved or the method of de-identification is absent"
    ),
    Rule("private-attribute", Group.IDENTITY, WARNING, "a private attribute that is not on the list of safe ones"),
    Rule("curve-data", Group.IDENTITY, WARNING, "curve data (group 50xx), which the basic profile removes"),
    Rule("name-in-text", Group.IDENTITY, WARNING, "a person's name or the PatientID stands in a description"),
    Rule("date-in-text", Group.IDENTITY, WARNING, "a date stands in a description"),
    Rule("contact-in-text", Group.IDENTITY, WARNING, "an e-mail address or telephone number stands in a description"),
    Rule("burned-in-declared", Group.IDENTITY, ERROR, "BurnedInAnnotation is YES"),
    Rule("burned-in-text", Group.IDENTITY, WARNING, "a capture or localizer shows lines of text"),
    Rule("slide-label", Group.IDENTITY, ERROR, "the label or overview of a slide: it shows the name written there"),
)

BY_CHECK: dict[str, Rule] = {rule.check: rule for rule in RULES}

_ORDER = {rule.check: number for number, rule in enumerate(RULES)}


def order_of(check: str) -> tuple[int, int]:
    """Sort key of a check: the worst first, then as in the table."""
    return list(Severity).index(BY_CHECK[check].severity), _ORDER[check]


def markdown_table() -> str:
    """Give the checks as a Markdown table, for the documentation."""
    lines = ["| check | group | severity | meaning |", "|---|---|---|---|"]
    rows = (f"| `{rule.check}` | {rule.group} | {rule.severity} | {rule.meaning} |" for rule in RULES)
    return "\n".join([*lines, *rows])
