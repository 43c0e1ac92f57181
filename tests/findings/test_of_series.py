"""Lesions of a file as lesions of series, placed by their CT."""

from __future__ import annotations

from typing import TYPE_CHECKING

from builders import CtSeries
from hilum.findings.nih import write_annotations
from hilum.findings.of_series import read_lesions_of
from hilum.volume.source import read_series

if TYPE_CHECKING:
    from pathlib import Path

    from hilum.model.series import Series


def made(folder: Path) -> Series:
    ct = CtSeries(
        shape=(4, 16, 16), spacing_mm=(2.0, 0.5, 0.5), origin_mm=(-10.0, -20.0, -30.0), participant="MED_LYMPH_001"
    )
    ct.write(folder)
    return read_series(folder)


def annotate(folder: Path, patient_id: str, points_mm: list[tuple[float, float, float]]) -> None:
    indices = [(2, 4, 1), (6, 8, 3)]
    write_annotations(folder, patient_id, indices_xyz=indices, points_mm=points_mm, sizes_mm=[(9.0,), (11.0,)])


def test_indices_place_lesions_in_the_ct_whose_y_axis_the_points_have_flipped(tmp_path: Path) -> None:
    annotate(tmp_path / "nih", "MED_LYMPH_001", [(-9.0, 22.0, -28.0), (-7.0, 24.0, -24.0)])
    file = read_lesions_of([made(tmp_path / "ct")], tmp_path / "nih")
    assert [lesion.position_mm for lesion in file.lesions] == [(-9.0, -18.0, -28.0), (-7.0, -16.0, -24.0)]
    assert {lesion.exam_id for lesion in file.lesions} == {made(tmp_path / "ct").uid}
    assert any("MED_LYMPH_001" in warning for warning in file.warnings)


def test_lesions_of_other_exams_are_left_out_and_counted(tmp_path: Path) -> None:
    annotate(tmp_path / "nih", "MED_LYMPH_001", [(-9.0, -18.0, -28.0), (-7.0, -16.0, -24.0)])
    annotate(tmp_path / "nih", "MED_LYMPH_002", [(-9.0, -18.0, -28.0), (-7.0, -16.0, -24.0)])
    file = read_lesions_of([made(tmp_path / "ct")], tmp_path / "nih")
    assert len(file.lesions) == 2
    assert any("2 of 4 lesions" in warning for warning in file.warnings)


def test_a_series_that_is_no_volume_takes_the_points_as_they_are(tmp_path: Path) -> None:
    annotate(tmp_path / "nih", "MED_LYMPH_001", [(-9.0, 22.0, -28.0), (-7.0, 24.0, -24.0)])
    series = made(tmp_path / "ct")
    series.row["is_volume"] = False  # type: ignore[index]
    file = read_lesions_of([series], tmp_path / "nih")
    assert [lesion.position_mm for lesion in file.lesions] == [(-9.0, 22.0, -28.0), (-7.0, 24.0, -24.0)]
