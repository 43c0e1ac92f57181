"""Equal scans: series of equal pixels or grids, and annotations of two ids on one voxel grid."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from hilum.check.finding import Finding
from hilum.cohort.proposals import Print, links_of
from hilum.errors import FormatError
from hilum.findings.nih import ANNOTATIONS
from hilum.findings.nih_grid import POINT_TOLERANCE_MM
from hilum.findings.text import read_integers, read_numbers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


class EqualSeries:
    """Finds series of equal pixels, studies under two PatientIDs and equal grids of two participants.

    What series are compared by lies in a table on the disk, or in SQLite's memory while it is small: of a million
    series the few that are equal come back from there.
    """

    def __init__(self) -> None:
        self._table = sqlite3.connect("")  # a file without a name, gone when it is closed
        self._table.execute(
            "CREATE TABLE prints (participant_id TEXT, uid TEXT, study_uid TEXT, size TEXT, grid BLOB, digest TEXT,"
            " place TEXT, folder TEXT)"
        )

    def add(self, one: Print, *, digest: str, place: str, folder: str = "") -> None:
        """Take a series.

        Parameters
        ----------
        digest
            Of the pixels read; empty where there is none: then it is compared by its grid only.
        place, folder
            Folder its files lie in, and what that is called elsewhere.
        """
        row = (one.participant_id, one.uid, one.study_uid, one.size, one.grid, digest or None, place, folder)
        self._table.execute("INSERT INTO prints VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def close(self) -> None:
        """Remove the table."""
        self._table.close()

    def findings(self) -> Iterator[tuple[Finding, str]]:
        """Give what is equal among the series taken, each with its folder's other name."""
        told = set()
        for (first_uid, first_id), (uid, participant_id, place, folder) in self._of_equal_pixels():
            told.add((participant_id, first_id))
            is_one_id = first_id == participant_id
            whose = "of the same participant" if is_one_id else f"of participant {first_id}"
            detail = f"the slices read equal those of series {first_uid} {whose}"
            check = "equal-pixels" if is_one_id else "equal-scan"
            yield Finding(check, uid, detail, place, participant_id), folder
        for link in links_of(self._shared()):
            if (link.PatientID, link.same_person_as) in told:
                continue
            check = "equal-study" if "study" in link.evidence else "equal-grid"
            detail = f"{link.evidence}: series {link.same_series_as} of participant {link.same_person_as}"
            place, folder = self._folder(link.SeriesInstanceUID)
            yield Finding(check, link.SeriesInstanceUID, detail, place, link.PatientID), folder

    def _of_equal_pixels(self) -> Iterator[tuple[tuple[str, str], tuple[str, str, str, str]]]:
        """The first series of each group of equal pixels, with each other one."""
        rows = self._table.execute(
            "SELECT digest, uid, participant_id, place, folder FROM prints WHERE digest IN"
            " (SELECT digest FROM prints WHERE digest IS NOT NULL GROUP BY digest HAVING count(*) > 1)"
            " ORDER BY participant_id, uid"
        )
        firsts: dict[str, tuple[str, str]] = {}
        for digest, uid, participant_id, *places in rows:
            first = firsts.setdefault(digest, (uid, participant_id))
            if uid != first[0]:  # in two collections, a series equals itself
                yield first, (uid, participant_id, *places)

    def _shared(self) -> list[Print]:
        """The series whose grid or study stands under several participants."""
        groups = " UNION ".join(
            f"SELECT rowid FROM prints WHERE {key} IN (SELECT {key} FROM prints WHERE {key} IS NOT NULL"  # noqa: S608
            f" GROUP BY {key} HAVING count(DISTINCT participant_id) > 1)"
            for key in ("grid", "study_uid")
        )
        rows = self._table.execute(
            f"SELECT participant_id, uid, study_uid, size, grid FROM prints WHERE rowid IN ({groups})"  # noqa: S608
        )
        return [Print(*row) for row in rows]

    def _folder(self, uid: str) -> tuple[str, str]:
        found: tuple[str, str] = self._table.execute("SELECT place, folder FROM prints WHERE uid = ?", [uid]).fetchone()
        return found


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
