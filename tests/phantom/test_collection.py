from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pydicom
import pytest

from builders import dicom_errors
from hilum.config import Settings
from hilum.findings import read_lesions, read_marks
from hilum.phantom import write_collection
from hilum.phantom.collection import IMAGES, MASKS, NOTICE
from hilum.volume.load import load
from hilum.volume.nifti import read_grid

if TYPE_CHECKING:
    from pathlib import Path

    from hilum.phantom import Participant


@dataclass(frozen=True)
class Made:
    folder: Path
    participants: tuple[Participant, ...]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Four participants; ABD_LYMPH_001 is MED_LYMPH_002."""
    folder = tmp_path_factory.mktemp("phantom")
    return Made(folder, write_collection(folder, participants=4, seed=3, settings=Settings(workers=2)))


IDENTIFIERS = ["ABD_LYMPH_001", "ABD_LYMPH_002", "MED_LYMPH_001", "MED_LYMPH_002"]


def digests(folder: Path) -> dict[str, str]:
    """Path below the folder to the digest of its content; masks by their voxels, as zlib differs."""
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = read_grid(path)[0].tobytes() if path.suffix == ".gz" else path.read_bytes()
        found[path.relative_to(folder).as_posix()] = hashlib.sha256(content).hexdigest()
    return found


def test_the_collection_has_the_published_form(made: Made) -> None:
    assert [participant.participant_id for participant in made.participants] == IDENTIFIERS
    for name in IDENTIFIERS:
        annotations = {path.name for path in (made.folder / "MED_ABD_LYMPH_ANNOTATIONS" / name).iterdir()}
        candidates = {path.name for path in (made.folder / "MED_ABD_LYMPH_CANDIDATES" / name).iterdir()}
        assert annotations == {
            f"{name}_lymphnodes_{part}"
            for part in ("indices.txt", "physicalPoints.txt", "physicalPoints.mps", "sizes.txt")
        }
        assert candidates == {
            f"{name}_{kind}CADe_{part}"
            for kind in ("pos", "neg")
            for part in ("physicalPoints.txt", "physicalPoints.mps", "grtIDs.txt")
        }
        assert (made.folder / MASKS / f"{name}_mask.nii.gz").is_file()


def test_annotations_read_back_are_the_nodes_that_were_made(made: Made) -> None:
    found = read_lesions(made.folder / "MED_ABD_LYMPH_ANNOTATIONS")
    assert found.warnings == ()
    assert list(found.exam_ids) == IDENTIFIERS
    for participant in made.participants:
        nodes = [node for node in participant.nodes if node.is_annotated]
        lesions = [lesion for lesion in found.lesions if lesion.exam_id == participant.participant_id]
        assert len(lesions) == len(nodes)
        for lesion, node in zip(lesions, nodes, strict=True):
            assert lesion.position_mm == pytest.approx(participant.geometry.to_mm(node.index), abs=1e-3)
            assert lesion.short_axis_mm == node.short_axis_mm
            is_abdominal = participant.participant_id.startswith("ABD")
            assert lesion.long_axis_mm == (node.long_axis_mm if is_abdominal else None)


def test_indices_and_dicom_geometry_agree(made: Made) -> None:
    geometries = {}
    for participant in made.participants:
        volume = load(made.folder / IMAGES / participant.participant_id)
        geometries[participant.participant_id] = volume.geometry
        assert volume.geometry.is_close(participant.geometry)
        for node in participant.nodes:
            slice_, row, column = node.index
            around = volume.hu[slice_ - 1 : slice_ + 2, row - 1 : row + 2, column - 1 : column + 2]
            assert abs(float(around.mean()) - node.hu) < 80
    found = read_lesions(made.folder / "MED_ABD_LYMPH_ANNOTATIONS", geometries=geometries)
    assert found.warnings == ()


def test_candidates_are_near_their_node_or_far_from_all(made: Made) -> None:
    lesions = read_lesions(made.folder / "MED_ABD_LYMPH_ANNOTATIONS").lesions
    found = read_marks(made.folder / "MED_ABD_LYMPH_CANDIDATES")
    positions = {(lesion.exam_id, lesion.lesion_id): np.array(lesion.position_mm) for lesion in lesions}
    assert found.lesion_ids is not None
    for mark, lesion_id in zip(found.marks, found.lesion_ids, strict=True):
        own = [at for (exam_id, _), at in positions.items() if exam_id == mark.exam_id]
        if lesion_id:
            assert np.linalg.norm(np.array(mark.position_mm) - positions[mark.exam_id, lesion_id]) < 15
        else:
            assert min((np.linalg.norm(np.array(mark.position_mm) - at) for at in own), default=99) > 15
    assert {mark.exam_id for mark in found.marks} == set(IDENTIFIERS)


def test_masks_lie_on_the_ct_and_number_nodes_in_their_own_order(made: Made) -> None:
    orders = []
    for participant in made.participants:
        labels, geometry = read_grid(made.folder / MASKS / f"{participant.participant_id}_mask.nii.gz")
        assert geometry.is_close(participant.geometry, tolerance_mm=1e-2)
        orders.append([int(labels[node.index]) for node in participant.nodes])
        assert sorted(orders[-1]) == list(range(1, len(participant.nodes) + 1))
    assert any(order != sorted(order) for order in orders)


def test_every_header_says_phantom_and_names_no_scanner(made: Made) -> None:
    paths = sorted((made.folder / IMAGES).rglob("*.dcm"))
    assert len(paths) == sum(participant.geometry.shape[0] for participant in made.participants)
    for path in paths:
        header = pydicom.dcmread(path, stop_before_pixels=True)
        assert "PHANTOM" in str(header.PatientName)
        assert header.StudyDescription == "PHANTOM"
        assert header.ImageComments == NOTICE
        assert header.QualityControlImage == "YES"
        assert header.file_meta.TransferSyntaxUID == pydicom.uid.ImplicitVRLittleEndian
        assert header.SeriesDescription in {"mediastinallymphnodes", "abdominallymphnodes"}
        assert not any(header.get(name) for name in ("Manufacturer", "SliceThickness", "KVP", "ConvolutionKernel"))
        assert header.SeriesInstanceUID.startswith("2.25.")


@pytest.mark.parametrize("name", IDENTIFIERS)
def test_images_are_valid_dicom(made: Made, name: str) -> None:
    assert dicom_errors(next((made.folder / IMAGES / name).rglob("000000.dcm"))) == []


def test_a_scan_under_two_identifiers_has_equal_pixels_and_other_uids(made: Made) -> None:
    first, twin = (p for p in made.participants if p.participant_id in {"ABD_LYMPH_001", "MED_LYMPH_002"})
    assert first.scan_number == twin.scan_number
    assert first.study_uid != twin.study_uid
    assert first.series_uid != twin.series_uid
    volumes = [load(made.folder / IMAGES / p.participant_id) for p in (first, twin)]
    assert np.array_equal(volumes[0].hu, volumes[1].hu)
    assert volumes[0].geometry == volumes[1].geometry


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(made: Made, tmp_path: Path) -> None:
    write_collection(tmp_path / "again", participants=4, seed=3, settings=Settings(workers=1))
    assert digests(tmp_path / "again") == digests(made.folder)
    write_collection(tmp_path / "other", participants=2, seed=4, settings=Settings(workers=1))
    other = digests(tmp_path / "other" / "MED_ABD_LYMPH_ANNOTATIONS")
    mine = digests(made.folder / "MED_ABD_LYMPH_ANNOTATIONS")
    name = "MED_LYMPH_001/MED_LYMPH_001_lymphnodes_indices.txt"
    assert other[name] != mine[name]
