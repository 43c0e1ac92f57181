"""Assessment of LUNA16 (55,677 marks, 888 scans) against a loop over scans as the challenge's script is one.

The loop is written here after the challenge's description: for each scan it walks through all marks to find the
scan's, caps them, walks through the scan's findings and for each through its marks, and gives the collected scores to
scikit-learn's ROC curve; a bootstrap draw joins the scores of the scans drawn. Both ways begin with the same objects in
memory and must give the same counts and sensitivities.

Then marks in a label mask of the size of a chest CT, against a loop that takes each lesion's voxels out of the mask.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from sklearn.metrics import roc_curve

from hilum.assess import LUNA16, Assessment, InsideMask, LabelMask, WithinLesionRadius, assess
from hilum.assess.froc import CPM_RATES
from hilum.findings import read_exams, read_lesions, read_marks
from hilum.model.findings import Lesion, Mark
from hilum.model.geometry import Geometry
from measure import Row, best_of, report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data" / "luna16"
CAP = 100
DRAWS = 1000
PEER_DRAWS = 30
"""Draws the loop is timed for; its rate does not depend on their number."""

CHEST = Geometry((200, 512, 512), (1.25, 0.7, 0.7), (-180.0, -180.0, -300.0))
MASK_LESIONS = 20
MASK_MARKS = 50


@dataclass
class Scores:
    """What the loop collects: score, whether it is a lesion's, whether it was missed, and the scan."""

    score: list[float] = field(default_factory=list)
    is_lesion: list[float] = field(default_factory=list)
    is_missed: list[bool] = field(default_factory=list)
    scan: list[str] = field(default_factory=list)
    redundant: int = 0
    ignored: int = 0

    def add(self, score: float, scan: str, *, is_lesion: bool, is_missed: bool = False) -> None:
        self.score.append(score)
        self.is_lesion.append(1.0 if is_lesion else 0.0)
        self.is_missed.append(is_missed)
        self.scan.append(scan)


def capped(marks: list[Mark]) -> dict[int, Mark]:
    if len(marks) <= CAP:
        return dict(enumerate(marks))
    limit = sorted((mark.score for mark in marks), reverse=True)[CAP]
    return {number: mark for number, mark in enumerate(marks) if mark.score > limit}


def loop_over_scan(scan: str, marks: dict[int, Mark], findings: Sequence[Lesion], scores: Scores) -> None:
    left = dict(marks)
    for finding in findings:
        diameter = 10.0 if finding.diameter_mm is None or finding.diameter_mm < 0 else finding.diameter_mm
        matches = []
        for number, mark in marks.items():
            squared = sum((a - b) ** 2 for a, b in zip(mark.position_mm, finding.position_mm, strict=True))
            if squared < (diameter / 2) ** 2:
                if not finding.is_excluded:
                    matches.append(mark.score)
                    left.pop(number, None)
                elif number in left:
                    scores.ignored += 1
                    del left[number]
        if finding.is_excluded:
            continue
        scores.redundant += max(len(matches) - 1, 0)
        scores.add(max(matches, default=-1e9), scan, is_lesion=True, is_missed=not matches)
    for mark in left.values():
        scores.add(mark.score, scan, is_lesion=False)


def loop_over_scans(lesions: Sequence[Lesion], marks: Sequence[Mark], scans: Sequence[str]) -> Scores:
    by_scan = defaultdict(list)
    for lesion in lesions:
        by_scan[lesion.exam_id].append(lesion)
    scores = Scores()
    for scan in scans:
        own = [mark for mark in marks if mark.exam_id == scan]
        loop_over_scan(scan, capped(own), by_scan[scan], scores)
    return scores


def sensitivities(
    score: NDArray[np.float64], is_lesion: NDArray[np.float64], is_missed: NDArray[np.bool_], scans: int
) -> NDArray[np.float64]:
    seen = ~is_missed
    false_rate, true_rate, _ = roc_curve(is_lesion[seen], score[seen])
    false = false_rate * np.sum(is_lesion[seen] == 0) / scans
    true = true_rate * np.sum(is_lesion[seen]) / np.sum(is_lesion)
    read: NDArray[np.float64] = np.interp(CPM_RATES, false, true)
    return read


def curve_of(scores: Scores, scans: int) -> NDArray[np.float64]:
    return sensitivities(np.array(scores.score), np.array(scores.is_lesion), np.array(scores.is_missed), scans)


def loop_bootstrap(scores: Scores, scans: Sequence[str], draws: int) -> NDArray[np.float64]:
    table = np.array([scores.score, scores.is_lesion, scores.is_missed], dtype=np.float64)
    rows = defaultdict(list)
    for number, scan in enumerate(scores.scan):
        rows[scan].append(number)
    by_scan = [table[:, rows[scan]] for scan in scans]
    generator = np.random.default_rng(0)
    found = []
    for _ in range(draws):
        drawn = np.concatenate([by_scan[scan] for scan in generator.integers(0, len(scans), len(scans))], axis=1)
        found.append(sensitivities(drawn[0], drawn[1], drawn[2] > 0, len(scans)))
    return np.array(found)


def check_equal(ours: Assessment, theirs: Scores, scans: int) -> str:
    counts = ours.counts
    lesions = np.array(theirs.is_lesion) > 0
    loop = (
        int(np.sum(lesions & ~np.array(theirs.is_missed))),
        int(np.sum(~lesions)),
        theirs.redundant,
        theirs.ignored,
    )
    own = (counts.true_positives, counts.false_positives, counts.redundant, counts.ignored)
    difference = np.max(np.abs(curve_of(theirs, scans) - [ours.froc.sensitivity_at(rate) for rate in CPM_RATES]))
    if loop != own or difference > 1e-9:
        sys.exit(f"the two ways differ: {own} against {loop}, sensitivities by {difference}")
    return f"TP {own[0]}, FP {own[1]}, redundant {own[2]}, ignored {own[3]}, CPM {ours.cpm:.6f}: equal in both ways"


def mask_of_nodes() -> tuple[LabelMask, list[Lesion], list[Mark]]:
    """Balls of 8 mm in a mask of a chest CT, each a lesion; half of the marks lie in one."""
    chance = np.random.default_rng(0)
    labels = np.zeros(CHEST.shape, dtype=np.uint8)
    centres = chance.integers((8, 16, 16), np.subtract(CHEST.shape, (8, 16, 16)), (MASK_LESIONS, 3))
    around = np.indices((13, 23, 23)) - np.reshape((6, 11, 11), (3, 1, 1, 1))
    ball = np.sum((around * np.reshape(CHEST.spacing_mm, (3, 1, 1, 1))) ** 2, axis=0) < 8.0**2
    for number, (s, r, c) in enumerate(centres, start=1):
        labels[s - 6 : s + 7, r - 11 : r + 12, c - 11 : c + 12][ball] = number
    at = [tuple(point) for point in CHEST.to_mm(centres).tolist()]
    lesions = [Lesion("chest", str(number), point, mask_label=number) for number, point in enumerate(at, start=1)]
    elsewhere = CHEST.to_mm(chance.integers(0, CHEST.shape, (MASK_MARKS // 2, 3))).tolist()
    places = [at[number % MASK_LESIONS] for number in range(MASK_MARKS // 2)] + [tuple(point) for point in elsewhere]
    return LabelMask(labels, CHEST), lesions, [Mark("chest", point, chance.random()) for point in places]


def loop_over_lesions(mask: LabelMask, lesions: Sequence[Lesion], marks: Sequence[Mark]) -> tuple[int, int]:
    """Lesions hit and false positives: for each lesion its voxels, and for each mark whether it lies in them."""
    voxels = [tuple(np.rint(mask.geometry.to_voxels(mark.position_mm)).astype(int)) for mark in marks]
    hit, on_lesion = 0, set()
    for lesion in lesions:
        of_lesion = mask.labels == lesion.mask_label
        inside = {number for number, voxel in enumerate(voxels) if of_lesion[voxel]}
        hit += bool(inside)
        on_lesion |= inside
    return hit, len(marks) - len(on_lesion)


def time_masks() -> None:
    """Time marks in a label mask and print the table."""
    mask, lesions, marks = mask_of_nodes()

    def hilum() -> tuple[int, int]:
        # A new mask each time: what it remembers of its labels would flatter the second round.
        masks = {"chest": LabelMask(mask.labels, mask.geometry)}
        counts = assess(lesions, marks, ["chest"], hit=InsideMask(masks), bootstraps=0).counts
        return counts.true_positives, counts.false_positives

    if hilum() != loop_over_lesions(mask, lesions, marks):
        sys.exit(f"the two ways differ: {hilum()} against {loop_over_lesions(mask, lesions, marks)}")
    ways = {"hilum": hilum, "loop over lesions": lambda: loop_over_lesions(mask, lesions, marks)}
    seconds = best_of(ways, rounds=3)
    report(
        f"{MASK_MARKS} marks in a label mask of {' x '.join(map(str, CHEST.shape))} voxels, {MASK_LESIONS} lesions",
        [Row("states and curve", way, took, MASK_MARKS, "mark") for way, took in seconds.items()],
        ours="hilum",
        claims=[f"{hilum()[0]} lesions hit, {hilum()[1]} false positives: equal in both ways"],
    )


def main() -> None:
    """Time all ways and print the tables."""
    time_masks()
    if not FOLDER.is_dir():
        sys.exit(f"{FOLDER} is absent: the benchmark needs the real submission")
    folder = FOLDER / "annotations"
    scans = read_exams(folder / "seriesuids.csv").exam_ids
    lesions = [
        *read_lesions(folder / "annotations.csv").lesions,
        *read_lesions(folder / "annotations_excluded.csv", is_excluded=True).lesions,
    ]
    marks = read_marks(FOLDER / "dpn26_submission_realuids.csv").marks

    def hilum(bootstraps: int) -> Assessment:
        return assess(lesions, marks, scans, hit=WithinLesionRadius(), policy=LUNA16, bootstraps=bootstraps)

    scores = loop_over_scans(lesions, marks, scans)
    equal = check_equal(hilum(0), scores, len(scans))
    curve = best_of(
        {
            "hilum": lambda: hilum(0),
            "loop over scans": lambda: curve_of(loop_over_scans(lesions, marks, scans), len(scans)),
        },
        rounds=3,
    )
    draws = best_of(
        {"hilum": lambda: hilum(DRAWS), "loop over scans": lambda: loop_bootstrap(scores, scans, PEER_DRAWS)}, rounds=3
    )
    bootstrap_seconds = draws["hilum"] - curve["hilum"]
    loop_seconds = draws["loop over scans"] * DRAWS / PEER_DRAWS
    whole = {"hilum": draws["hilum"], "loop over scans": curve["loop over scans"] + loop_seconds}
    report(
        "Assessment of LUNA16: 55,677 marks, 36,378 findings, 888 scans",
        [
            *(Row("states and curve", way, seconds, len(marks), "mark") for way, seconds in curve.items()),
            Row("bootstrap", "hilum", bootstrap_seconds, DRAWS, "draw"),
            Row("bootstrap", "loop over scans", draws["loop over scans"], PEER_DRAWS, "draw"),
            *(Row(f"both, {DRAWS} draws", way, seconds, 1, "result") for way, seconds in whole.items()),
        ],
        ours="hilum",
        claims=[
            equal,
            f"states and curve, aim 0.5 s: {curve['hilum']:.3f} s",
            f"the loop's bootstrap was timed for {PEER_DRAWS} draws and is scaled to {DRAWS} in the last lines",
        ],
    )


if __name__ == "__main__":
    main()
