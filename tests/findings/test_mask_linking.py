from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hilum.errors import FormatError
from hilum.findings.mask_folder import find_masks, link_masks, measure_masks
from hilum.findings.mask_linking import MaskLinks, link_to_mask
from hilum.findings.nih import ANNOTATIONS, write_annotations
from hilum.findings.tables import write_lesion_table
from hilum.model.findings import Lesion
from hilum.model.geometry import Geometry
from hilum.model.masks import LabelMask
from hilum.phantom import write_collection
from hilum.volume.nifti import write_grid

GRID = Geometry((10, 40, 40), (2, 1, 1), (-20, -20, -10))


def mask(*blocks: tuple[int, tuple[int, int, int]]) -> LabelMask:
    """Each label as 3 x 3 x 3 voxels round a voxel."""
    labels = np.zeros(GRID.shape, np.uint8)
    for label, (index, row, column) in blocks:
        labels[index - 1 : index + 2, row - 1 : row + 2, column - 1 : column + 2] = label
    return LabelMask(labels, GRID)


def points(*voxels: tuple[float, float, float]) -> list[Lesion]:
    found = [tuple(GRID.to_mm(voxel).tolist()) for voxel in voxels]
    return [Lesion("E", str(number), position) for number, position in enumerate(found, start=1)]


def pairs(links: MaskLinks) -> list[tuple[str, int, float]]:
    return [(link.lesion.lesion_id, link.region.label, link.distance_mm) for link in links.links]


def rest(links: MaskLinks) -> tuple[list[str], list[int]]:
    lesions = [lesion.lesion_id for lesion in links.unmatched_lesions]
    return lesions, [region.label for region in links.unmatched_regions]


def test_points_get_the_label_they_lie_in_whatever_its_number() -> None:
    links = link_to_mask(points((2, 5, 5), (5, 20, 20)), mask((7, (5, 20, 20)), (9, (2, 5, 5))))
    assert pairs(links) == [("1", 9, 0), ("2", 7, 0)]
    assert [link.lesion.mask_label for link in links.links] == [9, 7]
    assert rest(links) == ([], [])


def test_point_beside_a_label_is_linked_up_to_the_distance() -> None:
    # Nearest voxel centre: column 21; the point is in column 24, 3 mm away.
    beside, label = points((5, 20, 24)), mask((1, (5, 20, 20)))
    assert pairs(link_to_mask(beside, label)) == [("1", 1, 3)]
    assert pairs(link_to_mask(beside, label, max_distance_mm=3)) == [("1", 1, 3)]
    assert rest(link_to_mask(beside, label, max_distance_mm=2.9)) == (["1"], [1])
    assert rest(link_to_mask(beside, label, max_distance_mm=0)) == (["1"], [1])


def test_a_voxel_reaches_half_a_voxel_round_its_centre() -> None:
    inside = points((6.4, 21.4, 21.4))
    assert pairs(link_to_mask(inside, mask((1, (5, 20, 20))), max_distance_mm=0)) == [("1", 1, 0)]


def test_distance_is_in_mm_on_all_axes() -> None:
    # 2 slices of 2 mm above the top slice 6, 3 columns of 1 mm beside column 21: 5 mm.
    links = link_to_mask(points((8, 20, 24)), mask((1, (5, 20, 20))))
    assert pairs(links) == [("1", 1, 5)]


def test_two_points_in_a_label_leave_one_over() -> None:
    links = link_to_mask(points((5, 21, 21), (5, 20, 20)), mask((1, (5, 20, 20))))
    assert pairs(links) == [("2", 1, 0)]
    assert rest(links) == (["1"], [])


def test_nearest_pair_comes_first() -> None:
    # Both points are near label 1; the one in it keeps it, the other takes label 2 though that is farther.
    links = link_to_mask(points((5, 20, 23), (5, 20, 21)), mask((1, (5, 20, 20)), (2, (5, 20, 27))))
    assert pairs(links) == [("1", 2, 3), ("2", 1, 0)]


def test_nothing_to_link() -> None:
    assert rest(link_to_mask([], mask((4, (5, 20, 20))))) == ([], [4])
    assert rest(link_to_mask(points((5, 20, 20)), mask())) == (["1"], [])
    assert rest(link_to_mask(points((500, 20, 20), (-50, 2, 2)), mask((4, (5, 20, 20))))) == (["1", "2"], [4])


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    """Two patients; the first's points are in a frame with the other sign of y, the second has a label too many."""
    indices = {"MED_LYMPH_001": [(5, 5, 2), (20, 20, 5)], "ABD_LYMPH_001": [(20, 20, 5)]}
    for patient, voxels in indices.items():
        mm = np.asarray([GRID.to_mm(voxel[::-1]) for voxel in voxels])
        shift = (0, 40, 0) if patient.startswith("MED") else (0, 0, 0)
        sizes = [3.0] * len(voxels) if patient.startswith("MED") else [(3.0, 4.0)] * len(voxels)
        write_annotations(tmp_path / ANNOTATIONS, patient, indices_xyz=voxels, points_mm=mm + shift, sizes_mm=sizes)
        (tmp_path / "masks").mkdir(exist_ok=True)
        labels = mask((1, (5, 20, 20)), (2, (2, 5, 5))).labels
        write_grid(labels, GRID, tmp_path / "masks" / f"{patient}_mask.nii.gz")
    return tmp_path


def test_indices_place_the_points_on_the_grid_of_the_mask(collection: Path) -> None:
    done: list[int] = []
    for folder in (collection, collection / ANNOTATIONS):
        report = link_masks(folder, collection / "masks", on_progress=done.append)
        assert pairs(report.exams["MED_LYMPH_001"]) == [("1", 2, 0), ("2", 1, 0)]
        assert pairs(report.exams["ABD_LYMPH_001"]) == [("1", 1, 0)]
        assert rest(report.exams["ABD_LYMPH_001"]) == ([], [2])
        assert report.refusals == ()
        assert len(report.warnings) == 1
        assert "MED_LYMPH_001" in report.warnings[0]
    assert sum(done) == 4


def test_one_patient_or_a_table(collection: Path) -> None:
    patient = collection / ANNOTATIONS / "MED_LYMPH_001"
    one = link_masks(patient, collection / "masks" / "MED_LYMPH_001_mask.nii.gz")
    assert pairs(one.exams["MED_LYMPH_001"]) == [("1", 2, 0), ("2", 1, 0)]
    write_lesion_table(collection / "in.csv", [replace(one, exam_id="ABD_LYMPH_001") for one in points((5, 20, 20))])
    table = link_masks(collection / "in.csv", collection / "masks")
    assert pairs(table.exams["ABD_LYMPH_001"]) == [("1", 1, 0)]
    assert [(refusal.item.rpartition("/")[2], refusal.check) for refusal in table.refusals] == [
        ("MED_LYMPH_001_mask.nii.gz", "no-points")
    ]


def test_what_cannot_be_linked_is_refused_and_the_rest_goes_on(collection: Path) -> None:
    (collection / "masks" / "MED_LYMPH_001_mask.nii.gz").write_bytes(b"no mask")
    (collection / "masks" / "ABD_LYMPH_001_mask.nii.gz").rename(collection / "masks" / "ABD_LYMPH_002_mask.nii.gz")
    report = link_masks(collection, collection / "masks")
    assert report.exams == {}
    assert [(refusal.item.rpartition("/")[2], refusal.check) for refusal in report.refusals] == [
        ("ABD_LYMPH_001", "mask-not-linked"),
        ("MED_LYMPH_001", "mask-not-linked"),
        ("ABD_LYMPH_002_mask.nii.gz", "no-points"),
    ]
    measured = measure_masks(collection / "masks")
    assert list(measured.exams) == ["ABD_LYMPH_002"]
    assert [refusal.check for refusal in measured.refusals] == ["mask-not-measured"]


def test_masks_are_found_by_the_name_of_their_exam(tmp_path: Path) -> None:
    for name in ("a/P1_mask.nii.gz", "b/P2.nrrd", "b/P3.hdr", "b/P3.img", "b/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert {exam: path.name for exam, path in find_masks(tmp_path).items()} == {
        "P1": "P1_mask.nii.gz",
        "P2": "P2.nrrd",
        "P3": "P3.hdr",
    }
    (tmp_path / "P2.nii").touch()
    with pytest.raises(FormatError, match="P2 has another mask"):
        find_masks(tmp_path)
    with pytest.raises(FormatError, match="no mask"):
        find_masks(tmp_path / "none")


def test_phantom_collection_is_linked_whole(tmp_path: Path) -> None:
    """Annotated nodes lie in their labels and have their size within two voxels; the others' labels are left over."""
    written = write_collection(tmp_path, participants=2)
    report = link_masks(tmp_path, tmp_path / "MED_ABD_LYMPH_MASKS")
    assert report.refusals == ()
    assert report.warnings == ()
    for participant in written:
        links = report.exams[participant.participant_id]
        annotated = [node for node in participant.nodes if node.is_annotated]
        assert len(links.links) == len(annotated)
        assert len(links.unmatched_regions) == len(participant.nodes) - len(annotated)
        for link, node in zip(links.links, annotated, strict=True):
            assert link.distance_mm == 0
            assert abs(link.region.short_axis_mm - node.short_axis_mm) < 2 * max(participant.geometry.spacing_mm[1:])
            assert np.linalg.norm(np.asarray(link.region.centroid_mm) - link.lesion.position_mm) < max(
                participant.geometry.spacing_mm
            )
