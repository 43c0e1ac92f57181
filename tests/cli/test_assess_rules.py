"""``hilum assess``: the options that say what counts as what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cli.assessing import LESIONS, MARKS, invoke, shown
from hilum.findings.nih import ANNOTATIONS, CANDIDATES, write_annotations, write_candidates
from hilum.findings.tables import write_lesion_table, write_mark_table
from hilum.model.findings import Lesion, Mark
from hilum.model.geometry import Geometry
from hilum.volume.nifti import write_grid

if TYPE_CHECKING:
    from pathlib import Path


def test_the_table_of_other_figures_and_further_rates(tables: Path) -> None:
    lesions = ("--lesions", tables / "lesions.csv", "--hit", "within-distance:5:closed", "--rate", 0.3)
    result = invoke(tables / "marks.csv", *lesions)
    assert result.exit_code == 0, result.output
    assert "within 5 mm of the lesion's position (at most)" in result.stdout
    # Lesions at 0.9 and missed, and one false positive, at 0.8, in the other exam.
    printed = " ".join(result.stdout.split())
    assert "area under AFROC1 0.625000 2 lesions, 2 exams" in printed
    assert "area under AFROC undefined 2 lesions, 0 exams without lesions" in printed
    assert "average precision, all-point 0.500000 2 lesions, 2 marks" in printed
    found = shown(tables / "marks.csv", *lesions)
    assert 0.3 in [point["false_positives_per_exam"] for point in found["operating_points"]]
    assert {row["figure"]: row["value"] for row in found["figures_of_merit"]}["recall of all marks"] == 0.5


def test_redundant_marks_and_interpolation_count_as_the_options_say(tables: Path) -> None:
    write_mark_table(tables / "marks.csv", [*MARKS, Mark("a", (2.0, 0.0, 0.0), 0.85)])
    given = (tables / "marks.csv", "--lesions", tables / "lesions.csv", "--hit", "within-distance:5")
    usual = shown(*given)
    assert (usual["policy"]["redundant"], usual["policy"]["interpolation"]) == ("neither", "step")
    assert usual["curve"]["false_positives"] == [0, 0, 1]
    other = shown(*given, "--redundant", "false-positive", "--interpolation", "linear")
    assert (other["policy"]["redundant"], other["policy"]["interpolation"]) == ("false-positive", "linear")
    assert other["curve"]["false_positives"] == [0, 0, 1, 2]


def test_small_lesions_count_as_the_options_say(tables: Path) -> None:
    small = [Lesion("b", "small", (40.0, 0.0, 0.0), short_axis_mm=8.0), Lesion("b", "bare", (90.0, 0.0, 0.0))]
    write_lesion_table(tables / "lesions.csv", [*LESIONS, *small])
    given = (tables / "marks.csv", "--lesions", tables / "lesions.csv", "--hit", "within-distance:5")
    counts = shown(*given, "--min-short-axis", 10)["counts"]
    assert (counts["lesions"], counts["excluded_findings"], counts["ignored"]) == (3, 1, 1)
    assert (counts["smaller"], counts["unknown_size"]) == (1, 1)
    rest = ("--min-short-axis", 10, "--smaller", "background", "--unknown-size", "excluded")
    found = shown(*given, *rest)
    assert (found["counts"]["lesions"], found["counts"]["background"], found["counts"]["false_positives"]) == (2, 1, 1)
    assert found["choices"]["small lesions"].startswith("short axis under 10 mm: background")
    assert invoke(*given, "--smaller", "lesion").exit_code == 2


def test_small_lesions_of_candidates_without_scores(tmp_path: Path) -> None:
    nodes = {"indices_xyz": [[1, 2, 3], [61, 2, 3]], "points_mm": [[1, 2, 3], [61, 2, 3]], "sizes_mm": [9, 12]}
    write_annotations(tmp_path / ANNOTATIONS, "MED_LYMPH_001", **nodes)  # type: ignore[arg-type]
    write_candidates(
        tmp_path / CANDIDATES, "MED_LYMPH_001", positives_mm=[[1, 2, 4], [61, 2, 4]], nodes=[1, 2], negatives_mm=[]
    )
    given = (tmp_path, "--lesions", tmp_path, "--hit", "within-distance:15", "--min-short-axis", 10)
    excluded = shown(*given)
    assert [(row["lesions"], row["ignored"], row["false_positives"]) for row in excluded["stages"]] == [(1, 1, 0)] * 2
    assert any(note.startswith("small lesions: short axis under 10 mm: excluded") for note in excluded["notes"])
    background = shown(*given, "--smaller", "background")
    assert [(row["lesions"], row["ignored"], row["false_positives"]) for row in background["stages"]] == [(1, 0, 1)] * 2


def test_marks_inside_label_masks(tmp_path: Path) -> None:
    grid = Geometry((4, 4, 4), (2.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    labels = np.zeros(grid.shape, dtype=np.uint8)
    labels[1, 1, 1] = 3
    write_grid(labels, grid, tmp_path / "a.nii.gz")
    write_lesion_table(tmp_path / "lesions.csv", [Lesion("a", "1", (3.0, 3.0, 3.0), mask_label=3)])
    write_mark_table(tmp_path / "marks.csv", [Mark("a", (1.0, 1.0, 2.0), 0.9), Mark("a", (3.0, 3.0, 3.0), 0.8)])
    given = (tmp_path / "marks.csv", "--lesions", tmp_path / "lesions.csv", "--hit", "inside-mask")
    counts = shown(*given, "--masks", tmp_path)["counts"]
    assert (counts["true_positives"], counts["false_positives"]) == (1, 1)
    assert invoke(*given).exit_code == 2


def test_boxes_of_tables_overlap(tmp_path: Path) -> None:
    write_lesion_table(tmp_path / "lesions.csv", [Lesion("a", "1", (0.0, 0.0, 0.0), box_mm=(2.0, 2.0, 2.0))])
    write_mark_table(tmp_path / "marks.csv", [Mark("a", (0.5, 0.0, 0.0), 0.9, box_mm=(1.0, 2.0, 2.0))])
    given = (tmp_path / "marks.csv", "--lesions", tmp_path / "lesions.csv", "--hit")
    assert shown(*given, "box-overlap:0.5")["counts"]["true_positives"] == 1
    assert shown(*given, "box-overlap:0.5:open")["counts"]["true_positives"] == 0
