"""Equal scans: series of equal pixels or grids, and annotations of two ids on one voxel grid."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from hilum.check.finding import Finding, place_of
from hilum.cohort.proposals import propose_links
from hilum.errors import FormatError
from hilum.findings.nih import ANNOTATIONS
from hilum.findings.nih_grid import POINT_TOLERANCE_MM
from hilum.findings.text import read_integers, read_numbers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from hilum.model.series import Series

    Floats = NDArray[np.float64]


def equal_series(series: Sequence[Series], digests: Mapping[str, str]) -> Iterator[Finding]:
    """Find series of equal pixels, studies under two PatientIDs, and equal grids of two participants.

    Parameters
    ----------
    digests
        SeriesInstanceUID to digest of the pixels read; series without one are compared by their grids only.
    """
    groups: dict[str, list[Series]] = defaultdict(list)
    for one in sorted(series, key=lambda one: (one.participant_id, one.uid)):
        if digest := digests.get(one.uid):
            groups[digest].append(one)
    told = set()
    for first, *others in groups.values():
        for other in others:
            is_one_id = first.participant_id == other.participant_id
            told.add((other.participant_id, first.participant_id))
            whose = "of the same participant" if is_one_id else f"of participant {first.participant_id}"
            detail = f"the slices read equal those of series {first.uid} {whose}"
            check = "equal-pixels" if is_one_id else "equal-scan"
            yield Finding(check, other.uid, detail, place_of(other), other.participant_id)
    by_uid = {one.uid: one for one in series}
    for link in propose_links(series).links:
        if (link.PatientID, link.same_person_as) in told:
            continue
        check = "equal-study" if "study" in link.evidence else "equal-grid"
        detail = f"{link.evidence}: series {link.same_series_as} of participant {link.same_person_as}"
        place = place_of(by_uid[link.SeriesInstanceUID])
        yield Finding(check, link.SeriesInstanceUID, detail, place, link.PatientID)


@dataclass(frozen=True, slots=True)
class Nodes:
    """Indices ``(n, 3)`` and points ``(n, 3)`` in mm of one id's annotations, axis by axis x, y, z."""

    patient_id: str
    indices: Floats
    points_mm: Floats


def equal_annotation_grids(folder: Path) -> Iterator[Finding]:
    """Find ids of NIH's annotations whose points lie on one voxel grid, which says that they are of one scan.

    Two grids agree by chance only if origin and spacing agree to 0.01 mm on all three axes. What cannot be told: pairs
    of ids that have one node each, or whose nodes together lie in one plane.
    """
    all_nodes = [nodes for path in _patients(folder) if (nodes := _read(path)) is not None]
    for first, other in combinations(all_nodes, 2):
        if share_grid(first, other):
            detail = f"its {len(other.points_mm)} nodes lie on the voxel grid of {first.patient_id}: one scan, two ids"
            yield Finding("equal-annotation-grid", other.patient_id, detail, str(folder), other.patient_id)


def share_grid(first: Nodes, other: Nodes) -> bool:
    """Whether the points of both lie on one grid, and that says something.

    On each axis one of the two must have two different indices of its own: they fix origin and spacing.
    """
    for axis in range(3):
        pairs = [(one.indices[:, axis], one.points_mm[:, axis]) for one in (first, other)]
        fixing = max(pairs, key=lambda pair: np.ptp(pair[0]))
        if not np.ptp(fixing[0]):
            return False
        spacing, origin = np.polyfit(*fixing, deg=1)
        # The line through two near nodes is known no better at a far one than the spread of their rounding.
        for indices, points in pairs:
            reach = max(1.0, float(np.max(np.abs(indices - fixing[0].mean()))) / float(np.ptp(fixing[0])))
            if np.max(np.abs(points - origin - spacing * indices)) > POINT_TOLERANCE_MM * reach:
                return False
    return True


def find_annotations(folder: Path) -> Path | None:
    """The folder of NIH's annotations in `folder` or one below it; None if there is none."""
    candidates: Iterable[Path] = (folder, folder / ANNOTATIONS, *sorted(folder.glob(f"*/{ANNOTATIONS}")))
    return next((path for path in candidates if path.name == ANNOTATIONS and path.is_dir()), None)


def _patients(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir())


def _read(patient: Path) -> Nodes | None:
    """Nodes of a patient; None if there are none, or the files say so little that reading them is another's matter."""
    stem = f"{patient.name}_lymphnodes_"
    try:
        indices = np.asarray(read_integers(patient / f"{stem}indices.txt", columns=3), np.float64).reshape(-1, 3)
        points = np.asarray(read_numbers(patient / f"{stem}physicalPoints.txt", columns=3), np.float64).reshape(-1, 3)
    except FormatError:
        return None
    return Nodes(patient.name, indices, points) if len(points) and len(points) == len(indices) else None
