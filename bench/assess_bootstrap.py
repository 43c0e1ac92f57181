"""Bootstrap and comparison over participants against loops that rebuild the curve of every draw.

Real marks are LUNA16's (55,677 of 888 scans); 755,000, the size of its list of candidates, are made up around them. The
loop joins the scores of the participants drawn, sorts them and sums them up; both ways are given the same draws and
must find the same CPM.
"""

from __future__ import annotations

import resource
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from hilum.assess import LUNA16, Assessment, Policy, WithinLesionRadius, assess, compare
from hilum.assess.bootstrap import draw, draw_weights
from hilum.assess.columns import LesionColumns, MarkColumns
from hilum.assess.froc import CPM_RATES
from hilum.findings import read_exams, read_lesions, read_marks
from measure import Row, best_of, report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hilum.assess.sample import Sample

    Floats = NDArray[np.float64]

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data" / "luna16"
DRAWS = 1000
PEER_DRAWS = 20
"""Draws the loop is timed for; its rate does not depend on their number."""

MANY_MARKS = 755_000
PERMUTATIONS = 10_000


def loop_cpms(sample: Sample, draws: int) -> list[float]:
    """CPM of each draw, its curve rebuilt from the scores of the participants drawn."""
    people = range(len(sample.exams))
    hits = [sample.lesion_scores[sample.lesion_participants == person] for person in people]
    false = [sample.false_scores[sample.false_participants == person] for person in people]
    found = []
    for weights in draw_weights(0, range(draws), len(people)):
        drawn = np.repeat(np.arange(len(people)), weights)
        hit_scores = np.concatenate([hits[person] for person in drawn])
        false_scores = np.concatenate([false[person] for person in drawn])
        found.append(curve_cpm(hit_scores, false_scores, int(weights @ sample.lesions), int(weights @ sample.exams)))
    return found


def curve_cpm(hit_scores: Floats, false_scores: Floats, lesions: int, exams: int) -> float:
    """CPM, read linearly between the points of the curve, as LUNA16 does."""
    scores = np.concatenate((hit_scores, false_scores))
    is_hit = np.concatenate((np.ones(len(hit_scores)), np.zeros(len(false_scores))))
    order = np.argsort(-scores, kind="stable")
    is_last = np.append(np.diff(scores[order]) != 0, True)
    true = np.concatenate(([0.0], np.cumsum(is_hit[order])[is_last])) / lesions
    false = np.concatenate(([0.0], np.cumsum(1 - is_hit[order])[is_last])) / exams
    return float(np.mean([read(false, true, rate) for rate in CPM_RATES]))


def read(false: Floats, true: Floats, rate: float) -> float:
    last = int(np.searchsorted(false, rate, side="right")) - 1
    if last + 1 == len(false):
        return float(true[-1])
    part = (rate - false[last]) / (false[last + 1] - false[last])
    return float(true[last] + part * (true[last + 1] - true[last]))


def many(marks: MarkColumns, lesions: LesionColumns, exam_count: int) -> MarkColumns:
    """The marks, and made-up ones of lower scores, up to `MANY_MARKS`, some of them near lesions."""
    chance = np.random.default_rng(0)
    count = MANY_MARKS - len(marks)
    exam = chance.integers(0, exam_count, count)
    position = chance.uniform(-150, 150, (count, 3))
    near = chance.random(count) < 0.01
    beside = chance.integers(0, len(lesions), int(near.sum()))
    exam[near] = lesions.exam[beside]
    position[near] = lesions.position_mm[beside] + chance.normal(0, 3, (len(beside), 3))
    return MarkColumns(
        np.concatenate((marks.exam, exam)),
        np.concatenate((marks.position_mm, position)),
        np.concatenate((marks.score, 0.9 * chance.random(count) ** 3)),
    )


def jittered(marks: MarkColumns) -> MarkColumns:
    """The marks as another method might score them, on another scale."""
    chance = np.random.default_rng(1)
    odds = np.log(marks.score + 1e-9) - np.log(1 - marks.score + 1e-9)
    return MarkColumns(marks.exam, marks.position_mm, odds + chance.normal(0, 0.5, len(marks)))


def assessed(lesions: LesionColumns, marks: MarkColumns, exams: Sequence[str], policy: Policy) -> Assessment:
    return assess(lesions, marks, exams, hit=WithinLesionRadius(), policy=policy, bootstraps=0)


def timed_draws(task: str, sample: Sample) -> list[Row]:
    """Draws a second, after both ways have found the same CPMs."""
    ours = draw(sample, CPM_RATES, count=PEER_DRAWS, seed=0).sensitivity.mean(axis=1)
    if not np.allclose(ours, loop_cpms(sample, PEER_DRAWS), rtol=0, atol=1e-12):
        raise SystemExit(f"{task}: the loop and hilum disagree")
    seconds = best_of(
        {
            "hilum": lambda: draw(sample, CPM_RATES, count=DRAWS, seed=0),
            "hilum, BCa": lambda: draw(sample, CPM_RATES, count=DRAWS, seed=0, method="bca"),
            "loop": lambda: loop_cpms(sample, PEER_DRAWS),
        },
        rounds=3,
    )
    counts = {"hilum": DRAWS, "hilum, BCa": DRAWS, "loop": PEER_DRAWS}
    return [Row(task, way, seconds[way], counts[way], "draws") for way in seconds]


def peak_mib() -> float:
    """Most memory this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    if not FOLDER.is_dir():
        raise SystemExit(f"the LUNA16 files are not here: expected {FOLDER.name} in shared/data")
    annotations = FOLDER / "annotations"
    exams = read_exams(annotations / "seriesuids.csv").exam_ids
    found = list(read_lesions(annotations / "annotations.csv", exam_ids=exams).lesions)
    found += read_lesions(annotations / "annotations_excluded.csv", is_excluded=True, exam_ids=exams).lesions
    lesions = LesionColumns.of(found, exams)
    marks = MarkColumns.of(read_marks(FOLDER / "dpn26_submission_realuids.csv", exam_ids=exams).marks, exams)
    more = many(marks, lesions, len(exams))

    start = perf_counter()
    few = assess(lesions, marks, exams, hit=WithinLesionRadius(), policy=LUNA16, bootstraps=DRAWS)
    few_seconds, few_peak = perf_counter() - start, peak_mib()
    start = perf_counter()
    all_marks = Policy(shared_mark="every-lesion", interpolation="linear")
    lot = assess(lesions, more, exams, hit=WithinLesionRadius(), policy=all_marks, bootstraps=DRAWS)
    lot_seconds, lot_peak = perf_counter() - start, peak_mib()
    pair = {"one": few, "other": assessed(lesions, jittered(marks), exams, LUNA16)}
    start = perf_counter()
    compare(pair, permutations=PERMUTATIONS, bootstraps=2 * DRAWS)
    pair_seconds = perf_counter() - start

    rows = [
        *timed_draws(f"bootstrap, {len(marks):,} marks", few.sample),
        *timed_draws(f"bootstrap, {MANY_MARKS:,} marks", lot.sample),
    ]
    report(
        f"Bootstrap over participants, CPM of {len(exams)} scans",
        rows,
        ours="hilum",
        claims=[
            f"{len(marks):,} marks matched, 75 rates, {DRAWS:,} draws: {few_seconds:.2f} s of 2, {few_peak:.0f} MiB",
            f"{MANY_MARKS:,} marks matched, 75 rates, {DRAWS:,} draws: {lot_seconds:.2f} s of 60, {lot_peak:.0f} MiB",
            f"two methods, 3 endpoints, {2 * DRAWS:,} draws, {PERMUTATIONS:,} permutations: {pair_seconds:.2f} s",
        ],
    )


if __name__ == "__main__":
    main()
