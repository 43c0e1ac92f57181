"""The published figures of LUNA16 for DeepLung's DPN26, to six digits."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from builders import SHARED_DATA, needs_shared_data
from hilum.assess import LUNA16, Assessment, Policy, WithinLesionRadius, assess
from hilum.model.findings import Lesion, Mark

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = needs_shared_data

FOLDER = SHARED_DATA / "luna16"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def point(row: dict[str, str]) -> tuple[float, float, float]:
    return float(row["coordX"]), float(row["coordY"]), float(row["coordZ"])


def nodules(name: str, *, is_excluded: bool) -> list[Lesion]:
    return [
        Lesion(
            row["seriesuid"],
            f"{name} {number}",
            point(row),
            diameter_mm=float(row["diameter_mm"]),
            is_excluded=is_excluded,
        )
        for number, row in enumerate(rows(FOLDER / "annotations" / name))
    ]


@pytest.fixture(scope="module")
def inputs() -> tuple[list[Lesion], list[Mark], list[str]]:
    lesions = nodules("annotations.csv", is_excluded=False) + nodules("annotations_excluded.csv", is_excluded=True)
    marks = [
        Mark(row["seriesuid"], point(row), float(row["probability"]))
        for row in rows(FOLDER / "dpn26_submission_realuids.csv")
    ]
    return lesions, marks, (FOLDER / "annotations" / "seriesuids.csv").read_text().split()


@pytest.fixture(scope="module")
def result(inputs: tuple[list[Lesion], list[Mark], list[str]]) -> Assessment:
    return assess(*inputs, hit=WithinLesionRadius(), policy=LUNA16, bootstraps=200)


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "expected.json").read_text())
    return found


def test_every_count(result: Assessment, expected: dict[str, Any]) -> None:
    counts = result.counts
    assert (counts.exams, counts.lesions) == (expected["scans"], expected["nodules"])
    assert counts.marks == expected["candidates_after_top100_cap"] == 52708
    assert counts.marks + counts.beyond_cap == 55677
    assert counts.true_positives == expected["TP"] == 1136
    assert counts.false_positives == expected["FP"] == 46078
    assert counts.missed == expected["FN"] == 50
    assert counts.ignored == expected["ignored_on_excluded"] == 5308
    assert counts.redundant == expected["ignored_double_detections"] == 186
    assert counts.shared == 0


def test_seven_sensitivities_and_their_mean(result: Assessment, expected: dict[str, Any]) -> None:
    found = {rate: result.froc.sensitivity_at(float(rate)) for rate in expected["sensitivity_at_fps"]}
    assert {rate: f"{sensitivity:.6f}" for rate, sensitivity in found.items()} == {
        rate: f"{sensitivity:.6f}" for rate, sensitivity in expected["sensitivity_at_fps"].items()
    }
    assert f"{result.cpm:.6f}" == f"{expected['CPM']:.6f}" == "0.841966"


def test_every_point_of_the_published_curve(result: Assessment) -> None:
    # The script writes false positives a scan, sensitivity and threshold, without points inside straight runs.
    published = np.loadtxt(FOLDER / "froc_submission.txt", delimiter=",")
    froc = result.froc
    assert froc.sensitivity is not None
    ours = {
        f"{threshold:.9f}": (false, true)
        for threshold, false, true in zip(froc.thresholds, froc.false_positives_per_exam, froc.sensitivity, strict=True)
    }
    assert len(published) == 792
    for false, true, threshold in published:
        assert ours[f"{threshold:.9f}"] == pytest.approx((false, true), abs=1e-8)


def test_the_intervals_enclose_the_figures(result: Assessment) -> None:
    for point_, interval in zip(result.operating_points, result.intervals, strict=True):
        assert interval is not None
        assert point_.sensitivity is not None
        assert interval.low < point_.sensitivity < interval.high
    assert result.cpm_interval is not None
    assert 0.80 < result.cpm_interval.low < 0.841966 < result.cpm_interval.high < 0.88


def test_without_interpolation_the_figures_differ_by_less_than_one_lesion(
    inputs: tuple[list[Lesion], list[Mark], list[str]], result: Assessment
) -> None:
    step = assess(
        *inputs,
        hit=WithinLesionRadius(),
        policy=Policy(max_marks_per_exam=100, cap_ties="dropped"),
        bootstraps=0,
    )
    assert step.counts == result.counts
    for rate in (0.125, 1.0, 8.0):
        ours, theirs = step.froc.sensitivity_at(rate), result.froc.sensitivity_at(rate)
        assert ours is not None
        assert theirs is not None
        assert theirs - 1 / 1186 < ours <= theirs
