"""Lists of lesions, by themselves and against volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from builders import SHARED_DATA, CtSeries, needs_shared_data
from hilum.check import Options, PixelReading

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hilum.check import Finding, Report

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
