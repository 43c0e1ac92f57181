"""Lesions of a file as lesions of series, placed by their CT."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest

from builders import CtSeries
from hilum.errors import FormatError
from hilum.findings.formats import write_findings
from hilum.findings.nih import write_annotations
from hilum.findings.of_series import read_lesions_of, series_named
from hilum.model.findings import FindingSet, Lesion, Mark
from hilum.model.masks import LabelMask, Segment
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


PERSONS = ("P1", "P2", "P3")


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> list[Series]:
    """Series of three persons, on grids of their own."""
    folder = tmp_path_factory.mktemp("three")
    for number, person in enumerate(PERSONS):
        CtSeries(
            shape=(4, 16, 16),
            spacing_mm=(2.0, 0.5, 0.5),
            origin_mm=(-10.0, -20.0, 100.0 * number),
            participant=person,
            series_uid=f"1.2.3.{number}",
            study_uid=f"1.2.4.{number}",
        ).write(folder / person)
    return [read_series(folder / person) for person in PERSONS]


def node(one: Series, voxel: tuple[float, float, float] = (1, 4, 5), **values: object) -> Lesion:
    x, y, z = one.geometry.to_mm(voxel).tolist()
    return Lesion(one.uid, "N1", (x, y, z), series_uid=one.uid, **values)  # type: ignore[arg-type]


def drawn(one: Series) -> LabelMask:
    labels = np.zeros(one.geometry.shape, np.uint8)
    labels[1:3, 4:7, 5:9], labels[0, 1, 1] = 2, 5
    return LabelMask(labels, one.geometry, {2: Segment("node")})


def write(path: Path, one: Series, *findings: Lesion | Mark, mask: LabelMask | None = None) -> None:
    lesions = tuple(each for each in findings if isinstance(each, Lesion))
    marks = tuple(each for each in findings if isinstance(each, Mark))
    path.parent.mkdir(exist_ok=True)
    write_findings(path, FindingSet(one.uid, one.uid, lesions=lesions, marks=marks, mask=mask), one)


class TestFilesOfOneExam:
    """Files that need their series, each read with the one it belongs to."""

    def test_a_report_drawn_on_images_belongs_to_the_series_it_refers_to(
        self, three: list[Series], tmp_path: Path
    ) -> None:
        second = three[1]
        mark = Mark(second.uid, node(second).position_mm, 0.5, second.uid)
        write(tmp_path / "reader.sr.dcm", second, node(second, short_axis_mm=7.5), mark)
        found = read_lesions_of(three, tmp_path / "reader.sr.dcm")
        assert [(one.exam_id, one.series_uid, one.short_axis_mm) for one in found.lesions] == [
            (second.uid, second.uid, 7.5)
        ]
        assert found.lesions[0].position_mm == node(second).position_mm
        assert found.warnings == ("1 marks of reader.sr.dcm are no lesions: left out",)

    @pytest.mark.parametrize("name", ["P1_mask.nii.gz", "1.2.4.0.seg.nrrd", "1.2.3.0.nrrd", "any.seg.dcm"])
    def test_the_labels_of_a_mask_are_measured(self, three: list[Series], tmp_path: Path, name: str) -> None:
        first = three[0]
        write(tmp_path / name, first, mask=drawn(first))
        found = read_lesions_of(three, tmp_path / name)
        x, y, z = first.geometry.to_mm((1.5, 5, 6.5)).tolist()
        assert [(one.exam_id, one.mask_label) for one in found.lesions] == [(first.uid, 2), (first.uid, 5)]
        assert found.lesions[0].position_mm == pytest.approx((x, y, z), abs=1e-4)
        assert found.warnings == (
            f"2 lesions of {name} are measured from voxels, one a label: centre, and RECIST axes in the axial plane",
        )

    @pytest.mark.parametrize("is_zip", [False, True])
    def test_a_folder_has_a_file_an_exam(self, three: list[Series], tmp_path: Path, is_zip: bool) -> None:
        folder = tmp_path / "nodes"
        write(folder / "P1.nii.gz", three[0], mask=drawn(three[0]))
        write(folder / "a.seg.dcm", three[1], mask=drawn(three[1]))
        write(folder / "P3.mrk.json", three[2], node(three[2]))
        write(folder / "P4.mrk.json", three[2], node(three[2]))
        (folder / "README.txt").write_text("nodes")
        path = folder
        if is_zip:
            path = tmp_path / "nodes.zip"
            with zipfile.ZipFile(path, "w") as archive:
                for file in sorted(folder.iterdir()):
                    archive.write(file, file.name)
        found = read_lesions_of(three, path)
        assert [one.exam_id for one in found.lesions] == [three[0].uid] * 2 + [three[2].uid] + [three[1].uid] * 2
        measured, others, passed_over = found.warnings
        assert measured.startswith(f"4 lesions of {path.name} are measured")
        assert others.startswith(f"1 of 4 files of {path.name} are of other exams: left out, such as P4.mrk.json")
        assert passed_over == (f"1 files of {path.name} hold no findings of one exam: passed over, such as README.txt")

    def test_boxes_of_a_file_belong_to_the_series_of_their_images(self, three: list[Series], tmp_path: Path) -> None:
        uids = [three[0].instances.column("SOPInstanceUID")[1], three[2].instances.column("SOPInstanceUID")[3], "9.9"]
        tree = {
            "images": [{"id": number, "SOPInstanceUID": uid} for number, uid in enumerate(uids)],
            "annotations": [{"id": number, "image_id": number, "bbox": [2, 3, 4, 6]} for number in (0, 1, 2)],
        }
        (tmp_path / "boxes.json").write_text(json.dumps(tree))
        found = read_lesions_of(three, tmp_path / "boxes.json")
        assert [one.exam_id for one in found.lesions] == [three[0].uid, three[2].uid]
        expected = [three[0].geometry.to_mm((1, 5.5, 3.5)), three[2].geometry.to_mm((3, 5.5, 3.5))]
        assert [one.position_mm for one in found.lesions] == [tuple(each.tolist()) for each in expected]
        assert found.warnings == ("1 findings of boxes.json are on images of other exams: left out",)

    def test_a_mask_of_another_grid_is_refused_and_the_others_are_kept(
        self, three: list[Series], tmp_path: Path
    ) -> None:
        write(tmp_path / "nodes" / "P1.nii", three[1], mask=drawn(three[1]))
        write(tmp_path / "nodes" / "P3.nii", three[2], mask=drawn(three[2]))
        with pytest.raises(FormatError, match=r"P1\.nii: its grid .* 100\.00 mm from that of the series"):
            read_lesions_of(three, tmp_path / "nodes")
        found = read_lesions_of(three, tmp_path / "nodes", is_lenient=True)
        assert {one.exam_id for one in found.lesions} == {three[2].uid}
        (refusal,) = found.refusals
        assert (refusal.item, refusal.check) == (str(tmp_path / "nodes" / "P1.nii"), "unreadable-file")

    def test_a_second_file_of_a_series_is_refused(self, three: list[Series], tmp_path: Path) -> None:
        write(tmp_path / "nodes" / "P1.mrk.json", three[0], node(three[0]))
        write(tmp_path / "nodes" / "reader.sr.dcm", three[0], node(three[0]))
        with pytest.raises(FormatError, match=r"reader\.sr\.dcm: P1\.mrk\.json has findings of series 1\.2\.3\.0 too"):
            read_lesions_of(three, tmp_path / "nodes")
        found = read_lesions_of(three, tmp_path / "nodes", is_lenient=True)
        assert (len(found.lesions), found.refusals[0].check) == (1, "duplicate-line")

    def test_points_outside_their_volume_are_refused_one_by_one(self, three: list[Series], tmp_path: Path) -> None:
        far = Lesion(three[0].uid, "N2", (0.0, 0.0, 9000.0))
        write(tmp_path / "P1.mrk.json", three[0], node(three[0]), far)
        with pytest.raises(FormatError, match="lies outside the CT"):
            read_lesions_of(three, tmp_path / "P1.mrk.json")
        found = read_lesions_of(three, tmp_path / "P1.mrk.json", is_lenient=True)
        assert [one.lesion_id for one in found.lesions] == ["N1"]
        assert [one.check for one in found.refusals] == ["outside-volume"]

    def test_a_name_that_means_two_series_is_refused(self, three: list[Series], tmp_path: Path) -> None:
        write(tmp_path / "P1.mrk.json", three[0], node(three[0]))
        CtSeries(shape=(4, 16, 16), participant="P1", series_uid="1.2.3.9").write(tmp_path / "other")
        with pytest.raises(FormatError, match=r"P1\.mrk\.json: exam 'P1' has 2 series"):
            read_lesions_of([*three, read_series(tmp_path / "other")], tmp_path / "P1.mrk.json")


class TestSeriesNamed:
    """Of many series, those that lesions may be of: with them the reading gives what it gives with all."""

    @pytest.fixture(params=["P2.nii.gz", "any.seg.dcm", "reader.sr.dcm", "boxes.json", "list.csv", "nodes"])
    def path(self, request: pytest.FixtureRequest, three: list[Series], tmp_path: Path) -> Path:
        """Lesions of the second series alone."""
        path, second = tmp_path / str(request.param), three[1]
        if path.name == "boxes.json":
            image = {"id": 1, "SOPInstanceUID": second.instances.column("SOPInstanceUID")[1]}
            tree = {"images": [image], "annotations": [{"id": 1, "image_id": 1, "bbox": [2, 3, 4, 6]}]}
            path.write_text(json.dumps(tree))
        elif path.name == "list.csv":
            x, y, z = node(second).position_mm
            path.write_text(f"exam_id,lesion_id,x_mm,y_mm,z_mm\n1.2.4.1,1,{x},{y},{z}\nP9,1,0,0,0\n")
        elif path.name == "nodes":
            write(path / "P2.nii", second, mask=drawn(second))
            write(path / "P9.mrk.json", second, node(second))
        elif path.name == "reader.sr.dcm":
            write(path, second, node(second))
        else:
            write(path, second, mask=drawn(second))
        return path

    def test_gives_them_and_no_other(self, three: list[Series], path: Path) -> None:
        named = series_named(path, iter(three))
        assert named == [three[1]]
        assert read_lesions_of(named, path) == read_lesions_of(three, path)

    def test_what_cannot_be_read_means_none(self, three: list[Series], tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text("nothing of the kind")
        assert series_named(tmp_path / "a.csv", three) == []
        assert series_named(tmp_path / "absent", three) == []
