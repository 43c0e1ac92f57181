"""Files that can speak of many exams as findings of one: whose findings are taken, and what cannot be written."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from builders import CtSeries
from hilum.errors import FormatError
from hilum.findings.formats import format_named, read_findings, write_findings
from hilum.findings.nih import read_annotations
from hilum.model.findings import FindingSet, Lesion, Mark
from hilum.volume.source import read_series

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hilum.model.series import Series

CT = CtSeries(shape=(6, 16, 20), spacing_mm=(2.5, 0.75, 0.5), participant="ABD_LYMPH_007")


@pytest.fixture
def series(tmp_path: Path) -> Callable[..., Series]:
    def made(name: str = "ct", **changed: object) -> Series:
        replace(CT, **changed).write(tmp_path / name)  # type: ignore[arg-type]
        return read_series(tmp_path / name)

    return made


def lesion(target: Series, voxel: tuple[float, float, float], **more: float) -> FindingSet:
    x, y, z = target.geometry.to_mm(voxel).tolist()
    return FindingSet(target.uid, target.uid, lesions=(Lesion(target.uid, "1", (x, y, z), **more),))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["uid", "study_uid", "participant_id"])
def test_a_file_of_many_exams_gives_those_of_the_series(
    tmp_path: Path, series: Callable[..., Series], name: str
) -> None:
    target = series()
    x, y, z = target.geometry.origin_mm
    lines = f"exam_id,lesion_id,x_mm,y_mm,z_mm\n{getattr(target, name)},A,{x},{y},{z}\nother,B,1,2,3\n"
    (tmp_path / "a.csv").write_text(lines)
    found = read_findings(tmp_path / "a.csv", target)
    assert [(one.exam_id, one.lesion_id) for one in found.lesions] == [(target.uid, "A")]


def test_a_name_that_stands_twice_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("exam_id,lesion_id,x_mm,y_mm,z_mm\na,1,1,2,3\na,1,4,5,6\n")
    with pytest.raises(FormatError, match=r"a\.csv:3: exam 'a' has a lesion named '1' at .*:2"):
        read_findings(tmp_path / "a.csv")
    (tmp_path / "b.csv").write_text("exam_id,x_mm,y_mm,z_mm,score\na,1,2,3,0.5\na,1,2,3,0.5\n")
    with pytest.raises(FormatError, match=r"b\.csv:3: the same stands at .*:2"):
        read_findings(tmp_path / "b.csv")


def test_nih_sizes_are_those_of_the_region(tmp_path: Path, series: Callable[..., Series]) -> None:
    target = series()
    sent = lesion(target, (2, 3, 4), short_axis_mm=9.5, long_axis_mm=12.25)
    assert write_findings(tmp_path / "out", sent, target, form=format_named("nih")) == ()
    (found,) = read_annotations(tmp_path / "out").lesions
    assert (found.short_axis_mm, found.long_axis_mm, found.label) == (9.5, 12.25, "abdominal lymph node")


def test_nih_points_go_to_the_centre_of_their_voxel(tmp_path: Path, series: Callable[..., Series]) -> None:
    target = series()
    lost = write_findings(tmp_path / "out", lesion(target, (2.4, 3, 3.6)), target, form=format_named("nih"))
    assert lost == ("position_mm (moved to centres of voxels, by up to 1.02 mm)",)  # (0.4 * 2.5, 0.4 * 0.5) mm
    (found,) = read_findings(tmp_path / "out", target).lesions
    assert found.position_mm == pytest.approx(target.geometry.to_mm((2, 3, 4)).tolist())
    assert found.short_axis_mm is None


@pytest.mark.parametrize(
    ("changed", "voxel", "message"),
    [
        ({"orientation": (0.8, 0.6, 0, -0.6, 0.8, 0)}, (2, 3, 4), "turned against the patient"),
        ({}, (2, 3, 40), "a lesion lies outside the volume"),
        ({"participant": "P1"}, (2, 3, 4), "expected a folder of a patient, MED_LYMPH_nnn or ABD_LYMPH_nnn"),
    ],
)
def test_what_nih_files_cannot_hold_is_refused(
    tmp_path: Path,
    series: Callable[..., Series],
    changed: dict[str, object],
    voxel: tuple[float, float, float],
    message: str,
) -> None:
    target = series("other", **changed)
    with pytest.raises(FormatError, match=message):
        write_findings(tmp_path / "out", lesion(target, voxel), target, form=format_named("nih"))
    assert not (tmp_path / "out").exists()


def test_nih_files_need_the_grid(tmp_path: Path, series: Callable[..., Series]) -> None:
    with pytest.raises(FormatError, match=f"^{tmp_path}/out: NIH's files hold voxel indices; name the series"):
        write_findings(tmp_path / "out", lesion(series(), (2, 3, 4)), form=format_named("nih"))


def test_more_nodes_than_nih_numbers_is_refused(tmp_path: Path, series: Callable[..., Series]) -> None:
    target = series()
    one = lesion(target, (2, 3, 4)).lesions[0]
    many = FindingSet(target.uid, lesions=tuple(replace(one, lesion_id=str(number)) for number in range(100)))
    with pytest.raises(FormatError, match="expected equal counts below 100"):
        write_findings(tmp_path / "out", many, target, form=format_named("nih"))


def test_luna16_says_minus_one_of_a_diameter_that_is_not_known(tmp_path: Path) -> None:
    write_findings(tmp_path / "a.luna16.csv", FindingSet("e", lesions=(Lesion("e", "1", (1.5, 2, 3)),)))
    text = (tmp_path / "a.luna16.csv").read_text()
    assert text == "seriesuid,coordX,coordY,coordZ,diameter_mm\ne,1.5,2,3,-1.0\n"
    assert read_findings(tmp_path / "a.luna16.csv").lesions[0].diameter_mm is None


def test_marks_in_parquet_are_marks_again(tmp_path: Path) -> None:
    marks = (Mark("e", (1.0, 2.0, 3.0), 0.5, "1.2", diameter_mm=4.0),)
    write_findings(tmp_path / "a.parquet", FindingSet("e", marks=marks))
    found = read_findings(tmp_path / "a.parquet")
    assert (found.exam_id, found.series_uid, found.marks, found.lesions) == ("e", "1.2", marks, ())


def test_findings_of_two_exams_are_no_set() -> None:
    with pytest.raises(ValueError, match=r"findings of \['b'\] among those of exam 'a'"):
        FindingSet("a", lesions=(Lesion("b", "1", (1, 2, 3)),))
