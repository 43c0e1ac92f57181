"""Assessment of LUNA16 (55,677 marks, 888 scans) against a loop over scans as the challenge's script is one.

The loop is written here after the challenge's description: for each scan it walks through all marks to find the
scan's, caps them, walks through the scan's findings and for each through its marks, and gives the collected scores to
scikit-learn's ROC curve; a bootstrap draw joins the scores of the scans drawn. Both ways begin with the same objects in
memory and must give the same counts and sensitivities.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from sklearn.metrics import roc_curve

from hilum.assess import LUNA16, Assessment, WithinLesionRadius, assess
from hilum.assess.froc import CPM_RATES
from hilum.findings import read_exams, read_lesions, read_marks
from measure import Row, best_of, report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hilum.model.findings import Lesion, Mark

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data" / "luna16"
CAP = 100
DRAWS = 1000
PEER_DRAWS = 30
"""Draws the loop is timed for; its rate does not depend on their number."""


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


def main() -> None:
    """Time both ways and print the tables."""
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
