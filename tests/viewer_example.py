"""A small study for a viewer: a CT of four balls, their SEG, and reports of lesions and marks on it.

``python tests/viewer_example.py DIR`` writes it; a test of the viewer calls `write_viewer_example`.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from builders import CtSeries
from hilum.findings.formats import format_named, write_findings
from hilum.findings.masks import lesions_from_mask
from hilum.model.codes import Code
from hilum.model.findings import FindingSet, Lesion, Mark
from hilum.model.masks import LabelMask, Segment
from hilum.volume.source import read_series

if TYPE_CHECKING:
    from hilum.model.geometry import Geometry
    from hilum.model.series import Series

NODE = Code("59441001", "SCT", "Lymph node")
MEDIASTINUM = Code("72410000", "SCT", "Mediastinum")
STRUCTURE = Code("91723000", "SCT", "Anatomical Structure")

SHAPE, SPACING_MM, ORIGIN_MM = (24, 128, 128), (2.5, 0.8, 0.8), (-51.0, -51.0, -300.0)
BALLS = {1: ((12, 40, 44), 9.0), 2: ((8, 84, 90), 6.0), 3: ((16, 60, 80), 4.5), 4: ((5, 30, 96), 7.5)}
"""Number to centre (slice, row, column) and radius in mm."""

AIR_HU, BODY_HU, NODE_HU = -1000, -80, 60


@dataclass(frozen=True)
class ViewerExample:
    """What was written: the folder of the CT, its series, the SEG, and the reports of lesions and of marks."""

    ct: Path
    series: Series
    segmentation: Path
    lesions: Path
    marks: Path
    findings: FindingSet


def write_viewer_example(folder: Path) -> ViewerExample:
    """Write the study below `folder`: ``ct/``, ``nodes.seg.dcm``, ``lesions.sr.dcm`` and ``marks.sr.dcm``.

    The report of lesions has two that are drawn by their axes, a point with a stated size, and a box; that of marks two
    points with a score.
    """
    labels = _labels()
    _ct(labels).write(folder / "ct")
    series = read_series(folder / "ct")
    findings = example_findings(series, labels)
    example = ViewerExample(
        folder / "ct",
        series,
        folder / "nodes.seg.dcm",
        folder / "lesions.sr.dcm",
        folder / "marks.sr.dcm",
        findings,
    )
    marks = FindingSet(findings.exam_id, findings.series_uid, marks=_marks(series))
    for path, sent, name in (
        (example.segmentation, findings, "seg"),
        (example.lesions, findings, "sr"),
        (example.marks, marks, "sr"),
    ):
        write_findings(path, sent, series, form=format_named(name))
    return example


def example_findings(series: Series, labels: np.ndarray) -> FindingSet:
    """Lesions and mask of the example."""
    segments = {
        number: Segment(f"node {number}", (60 * number, 200, 40), STRUCTURE, NODE, MEDIASTINUM, f"node {number}")
        for number in BALLS
    }
    mask = LabelMask(labels, series.geometry, segments)
    drawn = lesions_from_mask(mask, series.uid, series_uid=series.uid)[:2]
    third, fourth = (_position(series.geometry, BALLS[number][0]) for number in (3, 4))
    node = Lesion(series.uid, "3", third, short_axis_mm=9.0, label="mediastinal lymph node", mask_label=3)
    nodule = Lesion(series.uid, "4", fourth, box_mm=(16.0, 17.6, 15.0), label="nodule", mask_label=4)
    stated = (replace(node, series_uid=series.uid), replace(nodule, series_uid=series.uid))
    frame_of_reference_uid = str(series["FrameOfReferenceUID"])
    return FindingSet(series.uid, series.uid, frame_of_reference_uid, lesions=(*drawn, *stated), mask=mask)


def _marks(series: Series) -> tuple[Mark, ...]:
    positions = [_position(series.geometry, BALLS[number][0]) for number in (1, 3)]
    return tuple(
        Mark(series.uid, position, score, series.uid) for position, score in zip(positions, (0.97, 0.42), strict=True)
    )


def _labels() -> np.ndarray:
    place = np.stack(np.meshgrid(*(np.arange(count) for count in SHAPE), indexing="ij"), axis=-1)
    labels = np.zeros(SHAPE, np.uint8)
    for number, (centre, radius_mm) in BALLS.items():
        labels[np.linalg.norm((place - centre) * SPACING_MM, axis=-1) < radius_mm] = number
    return labels


def _ct(labels: np.ndarray) -> CtSeries:
    place = np.stack(np.meshgrid(*(np.arange(count) for count in SHAPE[1:]), indexing="ij"), axis=-1)
    in_body = np.linalg.norm((place - 63.5) / (52, 60), axis=-1) < 1
    hu = np.where(labels > 0, NODE_HU, np.where(in_body, BODY_HU, AIR_HU)).astype(np.int16)
    return CtSeries(
        shape=SHAPE, spacing_mm=SPACING_MM, origin_mm=ORIGIN_MM, pixels=(hu + 1024).astype(np.int16), participant="EX^1"
    )


def _position(geometry: Geometry, voxel: tuple[int, int, int]) -> tuple[float, float, float]:
    x, y, z = geometry.to_mm(voxel).tolist()
    return x, y, z


if __name__ == "__main__":
    write_viewer_example(Path(sys.argv[1]))
