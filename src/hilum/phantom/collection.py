"""A phantom collection on disk, in the form of CT Lymph Nodes.

::

    FOLDER/README.txt                                        what this is: phantoms, no patients
    FOLDER/CT Lymph Nodes/<PID>/<study UID>/<series UID>/    000000.dcm, 000001.dcm, ...
    FOLDER/MED_ABD_LYMPH_ANNOTATIONS/<PID>/                  four files
    FOLDER/MED_ABD_LYMPH_CANDIDATES/<PID>/                   six files
    FOLDER/MED_ABD_LYMPH_MASKS/<PID>_mask.nii.gz

References
----------
Roth et al. 2015, doi 10.7937/K9/TCIA.2015.AQIIDCNM: the collection whose form is imitated.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import dist
from typing import TYPE_CHECKING

import numpy as np

from hilum.config import Settings
from hilum.findings.nih import ANNOTATIONS, CANDIDATES, write_annotations, write_candidates
from hilum.model.geometry import Geometry
from hilum.phantom.draws import Draws
from hilum.phantom.plan import Exam, ParticipantPlan, plan_collection
from hilum.phantom.scan import Scan, make_scan
from hilum.volume.ct_image import complete_attributes
from hilum.volume.dicom_series import derived_uid, write_dicom_series
from hilum.volume.nifti import write_grid
from hilum.volume.volume import Volume
from hilum.work import map_batches, open_executor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from hilum.model.findings import Point
    from hilum.phantom.nodes import Node

IMAGES = "CT Lymph Nodes"
MASKS = "MED_ABD_LYMPH_MASKS"
README = "README.txt"
NOTICE = "PHANTOM: computed by hilum, not the image of a patient"
SERIES_DESCRIPTIONS = {"MED": "mediastinallymphnodes", "ABD": "abdominallymphnodes"}

HEAD_FIRST_EVERY = 3
"""Every so manieth participant's files are numbered from the head down: names say nothing about position."""
CANDIDATE_DISTANCE_MM = 15.05
"""Negative candidates lie farther from every node of the scan; NIH's mediastinal ones from 15.03 mm on."""
CANDIDATE_COUNTS = (20, 45)
"""Negative candidates wanted a participant; the real collection has about 40."""
CANDIDATE_SHIFT = 0.3
"""Largest shift of a positive candidate from its node along each axis, as a share of the short axis."""


@dataclass(frozen=True)
class Participant:
    """A participant as written.

    Attributes
    ----------
    participant_id, study_uid, series_uid
        As in the DICOM headers.
    scan_number
        Participants of the same number share a scan.
    geometry
        Grid of the CT, slices ascending to the head.
    nodes
        All nodes in the masks; the annotated ones come first, in the order of the annotation files.
    """

    participant_id: str
    study_uid: str
    series_uid: str
    scan_number: int
    geometry: Geometry
    nodes: tuple[Node, ...]


def write_collection(
    folder: Path,
    *,
    participants: int = 24,
    seed: int = 1,
    settings: Settings | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> tuple[Participant, ...]:
    """Make a phantom collection in `folder`, and give its participants by identifier.

    The same number and seed give the same bytes on every machine; only the compression of the masks may differ with
    the version of zlib.

    Parameters
    ----------
    folder
        Made if absent; files of the same name are replaced.
    settings
        Workers; the environment's when absent.
    on_progress
        Called with the number of participants finished since the last call.

    Raises
    ------
    ValueError
        See `hilum.phantom.plan.plan_collection`.
    """
    exams = plan_collection(participants, seed)
    settings = settings or Settings.from_environment()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / README).write_text(_readme(participants, seed), encoding="utf-8", newline="\n")
    written: list[Participant] = []
    with open_executor(settings) as executor:
        tasks = ((folder, exam) for exam in exams)
        for batch in map_batches(_write_exams, tasks, executor=executor, batch_size=1, workers=settings.worker_count):
            written += batch
            if on_progress:
                on_progress(len(batch))
    return tuple(sorted(written, key=lambda participant: participant.participant_id))


def _write_exams(tasks: list[tuple[Path, Exam]]) -> list[Participant]:
    return [participant for folder, exam in tasks for participant in _write_exam(folder, exam)]


def _write_exam(folder: Path, exam: Exam) -> Iterator[Participant]:
    scan = make_scan(exam.scan)
    for plan in exam.participants:
        draws = Draws(exam.scan.seed, exam.scan.number, ord(plan.region[0]))
        series = _write_ct(folder / IMAGES, exam, plan, scan)
        _write_nodes(folder, plan, scan)
        _write_candidates(folder / CANDIDATES, plan, scan, draws)
        mask = folder / MASKS / f"{plan.participant_id}_mask.nii.gz"
        mask.parent.mkdir(exist_ok=True)
        write_grid(scan.labels[plan.region], scan.geometry, mask)
        yield Participant(plan.participant_id, *series, exam.scan.number, scan.geometry, tuple(scan.nodes[plan.region]))


def _write_ct(folder: Path, exam: Exam, plan: ParticipantPlan, scan: Scan) -> tuple[str, str]:
    """Write the CT series; give its study and series UID."""
    name = f"hilum phantom/{exam.scan.seed}/{plan.participant_id}"
    study_uid, series_uid = derived_uid(f"{name}/study"), derived_uid(f"{name}/series")
    volume = Volume(scan.hu, scan.geometry)
    if _number(plan) % HEAD_FIRST_EVERY == 0:
        volume = _from_the_head(volume)
    uids = {"StudyInstanceUID": study_uid, "SeriesInstanceUID": series_uid}
    attributes = complete_attributes(_attributes(exam, plan) | uids)
    series_folder = folder / plan.participant_id / study_uid / series_uid
    write_dicom_series(volume, series_folder, attributes=attributes, is_implicit=True)
    return study_uid, series_uid


def _attributes(exam: Exam, plan: ParticipantPlan) -> dict[str, object]:
    """Header as the collection has it, no scanner and no slice thickness named; and what says that this is a phantom.

    What DICOM demands and the collection lacks stands empty (`complete_attributes`).
    """
    date = f"2000{1 + exam.scan.number % 12:02d}{1 + exam.scan.number % 28:02d}"
    return {
        "SpecificCharacterSet": "ISO_IR 100",
        "ImageType": ["DERIVED", "SECONDARY", "AXIAL"],
        "StudyDate": date,
        "SeriesDate": date,
        "StudyDescription": "PHANTOM",
        "SeriesDescription": SERIES_DESCRIPTIONS[plan.region],
        "PatientName": f"PHANTOM^{plan.participant_id}",
        "PatientID": plan.participant_id,
        "PatientIdentityRemoved": "YES",
        "DeidentificationMethod": "Computed image, of no patient",
        "SeriesNumber": 1,
        "ImageComments": NOTICE,
        "QualityControlImage": "YES",
        "BurnedInAnnotation": "NO",
    }


def _from_the_head(volume: Volume) -> Volume:
    """The same voxels with the slice axis turned round."""
    geometry = volume.geometry
    top = geometry.to_mm((geometry.shape[0] - 1, 0, 0))
    turned = tuple((-row[0], row[1], row[2]) for row in geometry.direction)
    origin = (float(top[0]), float(top[1]), float(top[2]))
    return Volume(volume.hu[::-1], Geometry(geometry.shape, geometry.spacing_mm, origin, turned))


def _write_nodes(folder: Path, plan: ParticipantPlan, scan: Scan) -> None:
    nodes = [node for node in scan.nodes[plan.region] if node.is_annotated]
    axes = [(node.short_axis_mm, node.long_axis_mm) for node in nodes]
    write_annotations(
        folder / ANNOTATIONS,
        plan.participant_id,
        indices_xyz=[node.index[::-1] for node in nodes],
        points_mm=[scan.centre_mm(node) for node in nodes],
        sizes_mm=axes if plan.region == "ABD" else [short for short, _ in axes],
    )


def _write_candidates(folder: Path, plan: ParticipantPlan, scan: Scan, draws: Draws) -> None:
    positives: list[Point] = []
    numbers: list[int] = []
    annotated = [node for node in scan.nodes[plan.region] if node.is_annotated]
    for number, node in enumerate(annotated, start=1):
        for _ in range(draws.choice((0, 1, 1, 1, 1, 1, 1, 2, 2))):
            positives.append(draws.near(scan.centre_mm(node), CANDIDATE_SHIFT * node.short_axis_mm))
            numbers.append(number)
    negatives = _negatives(scan, draws)
    write_candidates(folder, plan.participant_id, positives_mm=positives, nodes=numbers, negatives_mm=negatives)


def _negatives(scan: Scan, draws: Draws) -> list[Point]:
    nodes = [scan.centre_mm(node) for nodes in scan.nodes.values() for node in nodes]
    points = [draws.near(point, 2.0) for point in draws.shuffled(scan.lookalikes_mm)]
    far = [point for point in points if _nearest_mm(point, nodes) > CANDIDATE_DISTANCE_MM]
    return far[: draws.integer(*CANDIDATE_COUNTS)]


def _nearest_mm(point: Point, others: Sequence[Point]) -> float:
    return min((dist(point, other) for other in others), default=np.inf)


def _number(plan: ParticipantPlan) -> int:
    return int(plan.participant_id[-3:])


def _readme(participants: int, seed: int) -> str:
    return (
        "PHANTOM COLLECTION. These images were computed; they show no patients.\n\n"
        f"Made by hilum: {participants} participants, seed {seed}. Form and file formats are those of the collection\n"
        "CT Lymph Nodes (doi 10.7937/K9/TCIA.2015.AQIIDCNM), identifiers included, so that software can be tried\n"
        "without it. No result on these images is a result on patients.\n"
    )
