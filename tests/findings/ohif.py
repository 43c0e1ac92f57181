"""OHIF's reading of structured reports, rule by rule: what its viewer makes of a measurement group.

Taken from OHIF 3.13.2 (extensions/cornerstone-dicom-sr: getSopClassHandlerModule.ts, hydrateStructuredReport.ts) and
@cornerstonejs/adapters 5.6.8 (Cornerstone3D: MeasurementReport, Bidirectional, Probe, RectangleROI), which it uses. The
rules look at code meanings, at the first item of a kind, and at sequences of one item as that item, as they do here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

TAG = "Cornerstone3DTools@^0.1.0"
TOOLS = ("Angle", "ArrowAnnotate", "Bidirectional", "CircleROI", "Length", "PlanarFreehandROI", "Probe", "RectangleROI")
FREE_TEXT = "CORNERSTONEFREETEXT"


@dataclass(frozen=True)
class OhifMeasurement:
    """What OHIF shows: its tool, label, finding and sites, the image it jumps to, and points (column, row) of it."""

    tool: str
    label: str
    finding: str
    sites: tuple[str, ...]
    image_uid: str
    points: tuple[tuple[float, float], ...]
    numbers: dict[str, float]
    tracking_uid: str


def ohif_measurements(report: Dataset) -> list[OhifMeasurement]:
    """Give the measurements that OHIF shows of a report, in order of its groups; a group it cannot use is an error."""
    assert report.ContentTemplateSequence[0].TemplateIdentifier == "1500"
    content = next(item for item in report.ContentSequence if meaning(item) == "Imaging Measurements")
    groups = [item for item in content.get("ContentSequence", []) if meaning(item) == "Measurement Group"]
    return [measurement(group) for group in groups]


def measurement(group: Dataset) -> OhifMeasurement:
    items = list(group.ContentSequence)
    assert all("ConceptNameCodeSequence" in item for item in items), "each item's name is looked at"
    identifier = next(item.TextValue for item in items if meaning(item) == "Tracking Identifier")
    tool = next(tool for tool in TOOLS if identifier.startswith(f"{TAG}:{tool}"))
    numbers = [item for item in items if item.ValueType == "NUM"]
    below = list(numbers[0].ContentSequence) if numbers else [item for item in items if "SCOORD" in item.ValueType]
    graphic = next(item for item in below if item.ValueType == "SCOORD")
    assert not any(item.ValueType == "SCOORD3D" for item in below), "it would be taken, and shown without a jump"
    graphics = [graphic]
    if tool == "Bidirectional":
        axes = [next(item for item in items if meaning(item) == name) for name in ("Long Axis", "Short Axis")]
        graphics = [next(one for one in axis.ContentSequence if one.ValueType == "SCOORD") for axis in axes]
    comment = next((item.TextValue for item in items if code(item) == ("121106", "DCM")), "")
    finding = next((item.ConceptCodeSequence[0] for item in items if code(item) == ("121071", "DCM")), None)
    sites = [item.ConceptCodeSequence[0].CodeMeaning for item in items if code(item) == ("363698007", "SCT")]
    tracking = next(item.UID for item in items if item.ValueType == "UIDREF")
    reference = graphic.ContentSequence[0].ReferencedSOPSequence[0]
    return OhifMeasurement(
        tool=tool,
        label=comment,
        finding="" if finding is None else finding.CodeMeaning,
        sites=tuple(sites),
        image_uid=reference.ReferencedSOPInstanceUID,
        points=tuple(point for one in graphics for point in pairs(one.GraphicData)),
        numbers={meaning(item): float(item.MeasuredValueSequence[0].NumericValue) for item in numbers},
        tracking_uid=tracking,
    )


def meaning(item: Dataset) -> str:
    return str(item.ConceptNameCodeSequence[0].CodeMeaning)


def code(item: Dataset) -> tuple[str, str]:
    name = item.ConceptNameCodeSequence[0]
    return str(name.CodeValue), str(name.CodingSchemeDesignator)


def pairs(numbers: list[float]) -> list[tuple[float, float]]:
    return list(zip(numbers[::2], numbers[1::2], strict=True))
