"""Lists of lesions, by themselves and against volumes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from builders import SHARED_DATA, CtSeries, needs_shared_data
from hilum.check import Options, PixelReading
from hilum.findings.formats import write_findings
from hilum.model.findings import FindingSet, Lesion
from hilum.model.masks import LabelMask, Segment
from hilum.volume.source import read_series

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hilum.check import Finding, Report
    from hilum.model.series import Series

    Make = Callable[..., CtSeries]
    Check = Callable[..., Report]

HEADER = "exam_id,lesion_id,x_mm,y_mm,z_mm,short_axis_mm,long_axis_mm\n"
ANNOTATION_CHECKS = {"no-size", "short-above-long", "outside-volume", "in-air", "lesion-unlinked", "lesions-unreadable"}
INSIDE = "-96.5,-115.1,-296"
"""The voxel of slice 2, row 7, column 5 of the builder's series."""


def findings(folder: Path, checked: Check, lines: str, *, pixels: PixelReading = PixelReading.SOME) -> list[Finding]:
    path = folder / "lesions.csv"
    path.write_text(HEADER + lines)
    report = checked(folder, lesions=path, options=Options(pixels))
    return [one for one in report.findings if one.check in ANNOTATION_CHECKS]


def write_lesion(path: Path, series: Series, voxel: tuple[int, int, int]) -> None:
    """Write one lesion about a voxel, in the form that the name says."""
    path.parent.mkdir(exist_ok=True)
    index, row, column = voxel
    if path.name == "boxes.json":
        image = {"id": 1, "SOPInstanceUID": series.instances.column("SOPInstanceUID")[index]}
        box = {"id": 1, "image_id": 1, "bbox": [column - 0.5, row - 0.5, 2, 2]}
        path.write_text(json.dumps({"images": [image], "annotations": [box]}))
        return
    mask: LabelMask | None = None
    lesions: tuple[Lesion, ...] = ()
    if ".nii" in path.name or ".seg" in path.name:
        labels = np.zeros(series.geometry.shape, np.uint8)
        labels[voxel] = 1
        mask = LabelMask(labels, series.geometry, {1: Segment("node")})
    else:
        x, y, z = series.geometry.to_mm(voxel).tolist()
        lesions = (Lesion(series.uid, "N1", (x, y, z), series_uid=series.uid),)
    write_findings(path, FindingSet(series.uid, series.uid, lesions=lesions, mask=mask), series)


def tissue(air: bool) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    """Soft tissue of 1064 (40 HU) beside bone, with a ball of air at the lesion if asked for."""
    pixels = np.full((4, 16, 16), 1064, np.int16)
    pixels[:, 0, 0] = 2000
    if air:
        pixels[1:4, 3:12, 1:10] = 24
    return pixels


def test_a_lesion_in_tissue_is_clean(tmp_path: Path, clean: Make, checked: Check) -> None:
    clean(pixels=tissue(air=False)).write(tmp_path / "ct")
    assert findings(tmp_path, checked, f"P1,1,{INSIDE},5,8\n") == []


def test_a_lesion_in_air_is_told_where_pixels_are_read(tmp_path: Path, clean: Make, checked: Check) -> None:
    clean(pixels=tissue(air=True)).write(tmp_path / "ct")
    (finding,) = findings(tmp_path, checked, f"P1,1,{INSIDE},5,8\n")
    assert (finding.check, finding.participant) == ("in-air", "P1")
    assert "-1000 HU" in finding.detail
    assert findings(tmp_path, checked, f"P1,1,{INSIDE},5,8\n", pixels=PixelReading.NONE) == []


def test_a_lesion_outside_its_volume_is_told(tmp_path: Path, clean: Make, checked: Check) -> None:
    clean(pixels=tissue(air=False)).write(tmp_path / "ct")
    found = findings(tmp_path, checked, f"P1,1,0,0,0,5,8\nP1,2,{INSIDE},5,8\n")
    assert {one.check for one in found} == {"outside-volume"}


def test_sizes_are_told(tmp_path: Path, clean: Make, checked: Check) -> None:
    clean(pixels=tissue(air=False)).write(tmp_path / "ct")
    found = findings(tmp_path, checked, f"P1,1,{INSIDE},,\nP1,2,{INSIDE},9,8\nP1,3,{INSIDE},8,8\n")
    assert sorted(one.check for one in found) == ["no-size", "short-above-long"]


def test_a_list_without_any_size_is_no_flaw(tmp_path: Path, clean: Make, checked: Check) -> None:
    clean(pixels=tissue(air=False)).write(tmp_path / "ct")
    assert findings(tmp_path, checked, f"P1,1,{INSIDE},,\n") == []


def test_lesions_of_other_exams_are_noted(tmp_path: Path, clean: Make, checked: Check) -> None:
    clean(pixels=tissue(air=False)).write(tmp_path / "ct")
    (finding,) = findings(tmp_path, checked, f"P9,1,{INSIDE},5,8\n")
    assert (finding.check, finding.severity.value) == ("lesion-unlinked", "note")


def test_a_malformed_list_is_a_finding(tmp_path: Path, clean: Make, checked: Check) -> None:
    clean().write(tmp_path / "ct")
    (finding,) = findings(tmp_path, checked, "P1,1,a,b,c,,\n")
    assert finding.check == "lesions-unreadable"


def test_each_malformed_line_is_a_finding_and_the_others_are_checked(
    tmp_path: Path, clean: Make, checked: Check
) -> None:
    clean(pixels=tissue(air=False)).write(tmp_path / "ct")
    found = findings(tmp_path, checked, f"P1,1,a,b,c,,\nP1,2,{INSIDE},9,8\nP1,3,d,e,f,,\n")
    assert [(one.check, one.item.rsplit(":")[-1]) for one in found] == [
        ("lesions-unreadable", "2"),
        ("lesions-unreadable", "4"),
        ("short-above-long", "3"),
    ]


@pytest.mark.parametrize("name", ["P1.nii.gz", "any.seg.dcm", "reader.sr.dcm", "P1.mrk.json", "boxes.json"])
@pytest.mark.parametrize("air", [False, True])
def test_every_form_of_lesions_is_held_against_its_volume(
    name: str, air: bool, tmp_path: Path, clean: Make, checked: Check
) -> None:
    clean(pixels=tissue(air=air)).write(tmp_path / "ct")
    series = read_series(tmp_path / "ct")
    write_lesion(tmp_path / "lesions" / name, series, (2, 7, 5))
    found = checked(tmp_path / "ct", lesions=tmp_path / "lesions" / name).findings
    assert {one.check for one in found} & ANNOTATION_CHECKS == ({"in-air"} if air else set())


def test_lesions_outside_their_volume_are_told_one_by_one(tmp_path: Path, clean: Make, checked: Check) -> None:
    clean(pixels=tissue(air=False)).write(tmp_path / "ct")
    series = read_series(tmp_path / "ct")
    write_lesion(tmp_path / "lesions" / "P1.mrk.json", series, (2, 7, 500))
    found = checked(tmp_path / "ct", lesions=tmp_path / "lesions").findings
    (finding,) = [one for one in found if one.check in ANNOTATION_CHECKS]
    assert (finding.check, finding.participant) == ("outside-volume", "P1")


def test_a_mask_off_the_grid_and_a_file_of_another_exam_are_told(tmp_path: Path, clean: Make, checked: Check) -> None:
    clean(pixels=tissue(air=False)).write(tmp_path / "ct")
    clean(shape=(4, 8, 8), origin_mm=(0.0, 0.0, 0.0)).write(tmp_path / "other")
    other = read_series(tmp_path / "other")
    for name in ("P1.nii", "P9.nii"):
        write_lesion(tmp_path / "lesions" / name, other, (2, 3, 3))
    found = {one.check: one for one in checked(tmp_path / "ct", lesions=tmp_path / "lesions").findings}
    assert found["lesions-unreadable"].item.endswith("P1.nii")
    assert "its grid" in found["lesions-unreadable"].detail
    assert "P9.nii" in found["lesion-unlinked"].detail


@needs_shared_data
def test_the_odd_sizes_and_doubled_scans_of_ct_lymph_nodes_are_found(checked: Check) -> None:
    report = checked(SHARED_DATA / "ct_lymph_nodes")
    sizes = {one.check: one.participant for one in report.findings if one.check in ANNOTATION_CHECKS}
    assert sizes == {"no-size": "MED_LYMPH_010", "short-above-long": "ABD_LYMPH_071"}
    pairs = {one.item: one.detail for one in report.findings if one.check == "equal-annotation-grid"}
    rows = [line.split(",") for line in (SHARED_DATA / "ct_lymph_nodes/derived_geometry.csv").read_text().splitlines()]
    known = {row[0]: row[-1] for row in rows[1:] if row[-1] and row[0].startswith("MED")}
    assert len(known) == 20
    assert all(known[patient] in pairs[patient] for patient in known)
    # Three more than that list has: their fitted origins and spacings agree as well (see the list itself).
    assert set(pairs) - set(known) == {"MED_LYMPH_035", "MED_LYMPH_043", "MED_LYMPH_074"}
