"""DICOM structured reports of measurements (TID 1500) as a format of findings."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from hilum.findings.anatomy import LESION
from hilum.findings.format import Format, need_target
from hilum.findings.image_planes import ImagePlanes
from hilum.findings.references import referred_among
from hilum.findings.regions import measure_regions
from hilum.findings.structured_report_document import Head, report_bytes
from hilum.findings.structured_report_groups import lesion_group, mark_group
from hilum.findings.structured_report_reading import is_structured_report, read_structured_report
from hilum.model.findings import Lesion, Mark

if TYPE_CHECKING:
    from pathlib import Path

    from hilum.model.findings import FindingSet
    from hilum.model.masks import LabelMask
    from hilum.model.series import Series

DESCRIPTION = "Findings"


def write_structured_report(path: Path, findings: FindingSet, target: Series | None) -> None:
    """Write lesions and marks as one report on a series; see `hilum.findings.structured_report_groups`.

    Raises
    ------
    FormatError
        There is no target, or a finding lies outside its images.
    PixelError
        The files of the series are not here.
    """
    series = need_target(path, target, "a report refers to the images that its findings lie in")
    planes = ImagePlanes(series)
    volumes_mm3 = {} if findings.mask is None else _volumes_mm3(findings.mask)
    groups = [
        lesion_group(lesion, planes, volume_mm3=volumes_mm3.get(lesion.mask_label or 0)) for lesion in findings.lesions
    ]
    groups += [mark_group(mark, number, planes, kind=LESION) for number, mark in enumerate(findings.marks, start=1)]
    path.write_bytes(report_bytes(groups, series, Head(DESCRIPTION)))


def _volumes_mm3(mask: LabelMask) -> dict[int, float]:
    """Volume of each label."""
    regions = (region for layer in mask.layers for region in measure_regions(layer, mask.geometry))
    return {region.label: region.volume_mm3 for region in regions}


FORMAT = Format(
    name="sr",
    title="DICOM structured report of measurements (TID 1500)",
    suffixes=(".sr.dcm",),
    recognises=is_structured_report,
    read=read_structured_report,
    write=write_structured_report,
    marks="beside lesions",
    keeps=frozenset(each.name for each in fields(Lesion)) - {"mask_label", "source"},
    keeps_of_marks=frozenset(each.name for each in fields(Mark)),
    finds_series=referred_among,
)
