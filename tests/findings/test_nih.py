"""NIH's annotation and candidate files: the real ones with every oddity, and broken ones."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from builders import SHARED_DATA, needs_shared_data
from hilum.errors import FormatError
from hilum.findings.nih import (
    ANNOTATIONS,
    CANDIDATES,
    read_annotations,
    read_candidates,
    write_annotations,
    write_candidates,
)
from hilum.model.geometry import Geometry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hilum.findings.lists import LesionFile, MarkFile

REAL = SHARED_DATA / "ct_lymph_nodes"
GRID = Geometry((200, 512, 512), (1.0, 0.75, 0.75), (-190.5, -72.25, -700.0))
INDICES = np.array([[100, 200, 50], [300, 210, 60], [250, 333, 70], [90, 400, 150]])
"""Column, row, slice of four nodes."""


@pytest.fixture(scope="module")
def nodes() -> LesionFile:
    return read_annotations(REAL)


@pytest.fixture(scope="module")
def candidates() -> MarkFile:
    return read_candidates(REAL)


@needs_shared_data
class TestRealFiles:
    def test_the_published_counts(self, nodes: LesionFile, candidates: MarkFile) -> None:
        assert Counter(lesion.exam_id[:3] for lesion in nodes.lesions) == {"MED": 388, "ABD": 595}
        assert candidates.lesion_ids is not None
        kinds = Counter(
            (mark.exam_id[:3], bool(lesion_id))
            for mark, lesion_id in zip(candidates.marks, candidates.lesion_ids, strict=True)
        )
        assert kinds == {("MED", True): 573, ("ABD", True): 1005, ("MED", False): 3208, ("ABD", False): 3484}
        assert len(nodes.exam_ids) == len(candidates.exam_ids) == 176
        assert nodes.exam_ids == candidates.exam_ids
        assert not candidates.scored

    def test_two_sizes_are_odd_and_told(self, nodes: LesionFile) -> None:
        assert len(nodes.warnings) == 2
        assert "ABD_LYMPH_071_lymphnodes_sizes.txt:6" in nodes.warnings[0]
        assert "11.06 mm above long axis 9.6 mm" in nodes.warnings[0]
        assert "MED_LYMPH_010_lymphnodes_sizes.txt:1: size 0 mm" in nodes.warnings[1]
        by_name = {(lesion.exam_id, lesion.lesion_id): lesion for lesion in nodes.lesions}
        assert by_name["MED_LYMPH_010", "1"].short_axis_mm is None
        odd = by_name["ABD_LYMPH_071", "6"]
        assert (odd.short_axis_mm, odd.long_axis_mm) == (11.06, 9.6)

    def test_abdominal_sizes_are_short_then_long(self, nodes: LesionFile) -> None:
        sizes = [(lesion.short_axis_mm, lesion.long_axis_mm) for lesion in nodes.lesions if lesion.long_axis_mm]
        assert len(sizes) == 595
        assert sum(short is not None and long is not None and short > long for short, long in sizes) == 1

    def test_mediastinal_nodes_have_one_axis(self, nodes: LesionFile) -> None:
        assert not any(lesion.long_axis_mm for lesion in nodes.lesions if lesion.exam_id.startswith("MED"))

    def test_a_node_in_full(self, nodes: LesionFile) -> None:
        first = nodes.lesions[0]
        assert (first.exam_id, first.lesion_id) == ("ABD_LYMPH_001", "1")
        assert first.position_mm == (-13.7246, 98.0547, -366.6)
        assert (first.short_axis_mm, first.long_axis_mm) == (8.73, 11.67)
        assert first.label == "abdominal lymph node"
        assert first.source == "ABD_LYMPH_001_lymphnodes_physicalPoints.txt:1"

    def test_patients_without_candidates_are_exams_without_marks(self, candidates: MarkFile) -> None:
        marked = {mark.exam_id for mark in candidates.marks}
        # The patients whose positive and negative files both have no bytes.
        empty = {f"MED_LYMPH_{number}" for number in ("004", "021", "037", "043", "073", "084", "090")}
        assert set(candidates.exam_ids) - marked == empty

    def test_three_digit_exponents(self, candidates: MarkFile) -> None:
        small = {mark.exam_id for mark in candidates.marks if any(0 < abs(value) < 1e-3 for value in mark.position_mm)}
        assert {"ABD_LYMPH_053", "MED_LYMPH_032"} <= small

    def test_each_positive_candidate_names_its_nearest_node(self, nodes: LesionFile, candidates: MarkFile) -> None:
        by_patient: dict[str, list[Any]] = {}
        for lesion in nodes.lesions:
            by_patient.setdefault(lesion.exam_id, []).append(lesion)
        assert candidates.lesion_ids is not None
        for mark, lesion_id in zip(candidates.marks, candidates.lesion_ids, strict=True):
            if lesion_id:
                own = by_patient[mark.exam_id]
                distances = np.linalg.norm(
                    np.array([node.position_mm for node in own]) - np.array(mark.position_mm), axis=1
                )
                assert own[int(np.argmin(distances))].lesion_id == lesion_id

    def test_one_patients_folder_can_be_read_alone(self) -> None:
        assert read_annotations(REAL / ANNOTATIONS / "ABD_LYMPH_002").exam_ids == ("ABD_LYMPH_002",)
        assert len(read_candidates(REAL / CANDIDATES / "ABD_LYMPH_002").marks) == 103

    def test_rewritten_files_are_the_same_bytes(self, tmp_path: Path) -> None:
        for patient in ("MED_LYMPH_004", "MED_LYMPH_077", "ABD_LYMPH_053"):
            real = REAL / ANNOTATIONS / patient
            stem = f"{patient}_lymphnodes_"
            written = write_annotations(
                tmp_path,
                patient,
                indices_xyz=np.loadtxt(real / f"{stem}indices.txt", ndmin=2),
                points_mm=np.loadtxt(real / f"{stem}physicalPoints.txt", ndmin=2),
                sizes_mm=np.loadtxt(real / f"{stem}sizes.txt", ndmin=1),
            )
            assert sorted(path.name for path in written) == sorted(path.name for path in real.iterdir())
            for path in written:
                assert path.read_bytes() == (real / path.name).read_bytes(), path.name

    def test_a_flipped_origin_is_told_and_the_indices_decide(self) -> None:
        # A CT whose y origin is the negative of what the points of ABD_LYMPH_001 imply (-72.5).
        ct = Geometry((700, 512, 512), (1.0, 0.748047, 0.748047), (-195.5, 72.502, -732.6))
        found = read_annotations(REAL / ANNOTATIONS / "ABD_LYMPH_001", geometries={"ABD_LYMPH_001": ct})
        (warning,) = found.warnings
        assert re.search(r"ABD_LYMPH_001: .*\(-195.5\d, -72.5\d, -732.60\) mm.*sign of y flipped.*indices", warning)
        columns_rows_slices = np.loadtxt(REAL / ANNOTATIONS / "ABD_LYMPH_001" / "ABD_LYMPH_001_lymphnodes_indices.txt")
        positions = [lesion.position_mm for lesion in found.lesions]
        assert ct.to_voxels(positions) == pytest.approx(columns_rows_slices[:, ::-1], abs=1e-6)
        marks = read_candidates(REAL / CANDIDATES / "ABD_LYMPH_001", geometries={"ABD_LYMPH_001": ct})
        plain = read_candidates(REAL / CANDIDATES / "ABD_LYMPH_001")
        shift = np.array([m.position_mm for m in marks.marks]) - np.array([m.position_mm for m in plain.marks])
        assert shift == pytest.approx(np.tile([0.0, 145.004, 0.0], (len(shift), 1)), abs=0.02)
        assert "candidates are shifted alike" in marks.warnings[0]


def write_patient(folder: Path, patient: str = "ABD_LYMPH_007", geometry: Geometry = GRID) -> Path:
    """A patient with four nodes, two positive candidates and one negative; gives the annotation folder."""
    points = geometry.to_mm(INDICES[:, ::-1])
    sizes = [[8.0, 11.0], [9.0, 12.5], [10.0, 10.0], [15.0, 22.0]] if patient.startswith("ABD") else [8, 9, 10, 15]
    write_annotations(folder / ANNOTATIONS, patient, indices_xyz=INDICES, points_mm=points, sizes_mm=sizes)
    write_candidates(
        folder / CANDIDATES, patient, positives_mm=points[[1, 3]] + 0.25, nodes=[2, 4], negatives_mm=points[:1] + 40
    )
    return folder / ANNOTATIONS / patient


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    write_patient(tmp_path)
    write_patient(tmp_path, "MED_LYMPH_001")
    found, marks = read_annotations(tmp_path), read_candidates(tmp_path)
    assert [lesion.lesion_id for lesion in found.lesions] == ["1", "2", "3", "4"] * 2
    assert [lesion.short_axis_mm for lesion in found.lesions[:4]] == [8.0, 9.0, 10.0, 15.0]
    assert found.lesions[3].long_axis_mm == 22.0
    assert found.lesions[4].long_axis_mm is None
    assert marks.lesion_ids == ("2", "4", "") * 2
    assert found.warnings == marks.warnings == ()


def test_the_written_files_are_named_and_ended_as_nihs(tmp_path: Path) -> None:
    write_patient(tmp_path)
    names = {path.name.removeprefix("ABD_LYMPH_007_") for path in tmp_path.glob("*/*/*")}
    assert names == {
        "lymphnodes_indices.txt", "lymphnodes_physicalPoints.txt", "lymphnodes_physicalPoints.mps",
        "lymphnodes_sizes.txt", "posCADe_physicalPoints.txt", "posCADe_physicalPoints.mps", "posCADe_grtIDs.txt",
        "negCADe_physicalPoints.txt", "negCADe_physicalPoints.mps", "negCADe_grtIDs.txt",
    }  # fmt: skip
    folder = tmp_path / CANDIDATES / "ABD_LYMPH_007"
    assert (folder / "ABD_LYMPH_007_posCADe_grtIDs.txt").read_bytes() == b"10702\n10704\n"
    assert (folder / "ABD_LYMPH_007_negCADe_grtIDs.txt").read_bytes() == b"-1\n"
    assert (folder / "ABD_LYMPH_007_negCADe_physicalPoints.txt").read_bytes().endswith(b"\r\n")


def test_no_candidates_are_files_of_no_bytes(tmp_path: Path) -> None:
    none = np.empty((0, 3))
    paths = write_candidates(tmp_path / CANDIDATES, "MED_LYMPH_004", positives_mm=none, nodes=[], negatives_mm=none)
    assert {path.stat().st_size for path in paths} == {0}
    found = read_candidates(tmp_path)
    assert found.exam_ids == ("MED_LYMPH_004",)
    assert found.marks == ()


def test_the_cts_grid_decides_where_it_is_known(tmp_path: Path) -> None:
    write_patient(tmp_path)
    same = read_annotations(tmp_path, geometries={"ABD_LYMPH_007": GRID})
    assert same.warnings == ()
    moved = Geometry(GRID.shape, GRID.spacing_mm, (-190.5, -72.25, -650.0))
    found = read_annotations(tmp_path, geometries={"ABD_LYMPH_007": moved})
    assert found.lesions[0].position_mm == pytest.approx((-115.5, 77.75, -600.0))
    assert "50.00 mm apart" in found.warnings[0]
    assert "flipped" not in found.warnings[0]


def test_an_index_outside_the_ct_is_refused(tmp_path: Path) -> None:
    write_patient(tmp_path)
    small = Geometry((100, 512, 512), GRID.spacing_mm, GRID.origin_mm)
    with pytest.raises(FormatError, match=r"indices.txt:4: index \[90, 400, 150\] lies outside the CT"):
        read_annotations(tmp_path, geometries={"ABD_LYMPH_007": small})


def test_candidates_of_a_patient_without_annotations_stay_and_it_is_told(tmp_path: Path) -> None:
    write_candidates(
        tmp_path / CANDIDATES, "MED_LYMPH_001", positives_mm=np.empty((0, 3)), nodes=[], negatives_mm=[[1, 2, 3]]
    )
    found = read_candidates(tmp_path, geometries={"MED_LYMPH_001": GRID})
    assert found.marks[0].position_mm == (1.0, 2.0, 3.0)
    assert "candidates stay where they are" in found.warnings[0]


@dataclass(frozen=True)
class Flaw:
    file: str
    change: Callable[[str], str]
    message: str


def swap_lines(text: str) -> str:
    lines = text.splitlines(keepends=True)
    return "".join([lines[1], lines[0], *lines[2:]])


FLAWS = {
    "a line is lost": Flaw("indices.txt", lambda t: t.split("\n", 1)[1], r"indices.txt:4: the file ends here"),
    "a size is lost": Flaw("sizes.txt", lambda t: t.split("\n", 1)[1], r"sizes.txt:4: the file ends here"),
    "indices are swapped": Flaw("indices.txt", swap_lines, r"physicalPoints.txt:[12]: x = .* does not belong to index"),
    "an index is wrong": Flaw(
        "indices.txt", lambda t: t.replace("250 333 70", "250 334 70"), r"physicalPoints.txt:3: y = .* index 334"
    ),
    "axes are mirrored": Flaw(
        "indices.txt",
        lambda t: "\n".join(f"{512 - int(line.split()[0])} {line.split(' ', 1)[1]}" for line in t.splitlines()),
        r"x = .* spacing positive",
    ),
    "the point set differs": Flaw(
        "physicalPoints.mps",
        lambda t: re.sub(r"<z>-?\d+", "<z>1", t, count=1),
        r"physicalPoints.txt:1: point .* differs",
    ),
    "the point set is cut": Flaw("physicalPoints.mps", lambda t: t[:300], r"physicalPoints.mps:\d+: no valid XML"),
    "the point set is empty": Flaw("physicalPoints.mps", lambda _: "", r"physicalPoints.mps:1: the file ends here"),
    "a word": Flaw("physicalPoints.txt", lambda t: "x" + t, r"physicalPoints.txt:1: found 'x"),
    "not a number": Flaw("sizes.txt", lambda t: t.replace("9 ", "nan "), r"sizes.txt:2: found 'nan'"),
    "a negative size": Flaw("sizes.txt", lambda t: t.replace("9 ", "-9 "), r"sizes.txt:2: size -9 mm"),
    "one axis too few": Flaw("sizes.txt", lambda t: t.replace("9 12.5", "9"), r"sizes.txt:2: found 1 value"),
    "a fraction": Flaw("indices.txt", lambda t: t.replace("250 ", "250.5 "), r"indices.txt:3: .* whole number"),
    "a negative index": Flaw("indices.txt", lambda t: t.replace("250 ", "-250 "), r"indices.txt:3: index .* from 0"),
}


@pytest.mark.parametrize("flaw", FLAWS.values(), ids=FLAWS)
def test_files_of_a_patient_that_disagree_are_refused_with_file_and_line(tmp_path: Path, flaw: Flaw) -> None:
    folder = write_patient(tmp_path)
    path = next(folder.glob(f"*{flaw.file}"))
    text = path.read_text()
    path.write_text(flaw.change(text))
    assert path.read_text() != text
    with pytest.raises(FormatError, match=flaw.message):
        read_annotations(tmp_path)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("posCADe_grtIDs.txt", "10702\n", r"grtIDs.txt:2: the file ends here"),
        (
            "posCADe_grtIDs.txt",
            "10702\n10800\n",
            r"posCADe_grtIDs.txt:2: reference number 10800; expected 10701 to 10799",
        ),
        ("posCADe_grtIDs.txt", "702\n704\n", r"posCADe_grtIDs.txt:1: reference number 702"),
        ("posCADe_grtIDs.txt", "-1\n10702\n", r"posCADe_grtIDs.txt:1: reference number -1"),
        ("negCADe_grtIDs.txt", "10702\n", r"negCADe_grtIDs.txt:1: reference number 10702 of a negative"),
        ("negCADe_physicalPoints.txt", "1 2\n", r"negCADe_physicalPoints.txt:1: found 2 value"),
    ],
)
def test_candidate_files_that_disagree_are_refused(tmp_path: Path, file: str, text: str, message: str) -> None:
    write_patient(tmp_path)
    (tmp_path / CANDIDATES / "ABD_LYMPH_007" / f"ABD_LYMPH_007_{file}").write_text(text)
    with pytest.raises(FormatError, match=message):
        read_candidates(tmp_path)


@pytest.mark.parametrize("file", ["indices.txt", "sizes.txt", "physicalPoints.txt", "physicalPoints.mps"])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, file: str) -> None:
    next(write_patient(tmp_path).glob(f"*{file}")).unlink()
    with pytest.raises(FormatError, match=f"{file}.*cannot be read"):
        read_annotations(tmp_path)


def test_other_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no folders of patients"):
        read_annotations(tmp_path)
    (tmp_path / "PATIENT7").mkdir()
    with pytest.raises(FormatError, match="PATIENT7"):
        read_annotations(tmp_path)


def test_arrays_that_do_not_belong_together_are_a_mistake_of_the_caller(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="equal counts"):
        write_annotations(tmp_path, "MED_LYMPH_001", indices_xyz=[[1, 2, 3]], points_mm=[[1, 2, 3]], sizes_mm=[])
    with pytest.raises(ValueError, match=r"1\.\.99"):
        write_candidates(tmp_path, "MED_LYMPH_001", positives_mm=[[1, 2, 3]], nodes=[0], negatives_mm=[])
