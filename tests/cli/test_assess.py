"""``hilum assess``: what it prints, writes and answers."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import openpyxl
import pytest

from builders import SHARED_DATA, CtSeries, needs_shared_data
from cli.assessing import LESIONS, MARKS, invoke, shown
from hilum.catalog import Archive
from hilum.catalog.folder import index_folder
from hilum.detect.runs import Plan, Run, RunSeries, run_folder
from hilum.errors import ConfigError, FormatError, HilumError, NotFoundError
from hilum.findings.formats import write_findings
from hilum.findings.nih import ANNOTATIONS, CANDIDATES, write_annotations, write_candidates
from hilum.findings.tables import write_lesion_table, write_mark_table
from hilum.model.findings import FindingSet, Lesion, Mark
from hilum.model.geometry import Geometry
from hilum.model.masks import LabelMask

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


NIH = SHARED_DATA / "ct_lymph_nodes"
LUNA16 = SHARED_DATA / "luna16"


@needs_shared_data
def test_nihs_candidates_give_the_table_of_the_candidate_stage() -> None:
    found = shown(NIH / "MED_ABD_LYMPH_CANDIDATES", "--lesions", NIH, "--hit", "within-distance:15")
    rows = {(row["region"], row["criterion"].startswith("within 15 mm")): row for row in found["stages"]}
    mediastinum = rows["mediastinum", True]
    assert (mediastinum["exams"], mediastinum["lesions"], mediastinum["marks"]) == (90, 388, 3781)
    assert (mediastinum["recalled"], mediastinum["false_positives"]) == (294, 3208)
    assert f"{mediastinum['false_positives_per_exam']:.1f}" == "35.6"
    assert rows["mediastinum", False]["recalled"] == 286
    abdomen = rows["abdomen", True]
    assert (abdomen["exams"], abdomen["recalled"], abdomen["false_positives"]) == (86, 595, 3472)
    assert rows["abdomen", False]["false_positives"] == 3484
    notes = " ".join(found["notes"])
    assert "no FROC curve" in notes
    assert "16 candidates they call positive lie outside it, 28 they call negative inside" in notes
    assert "recall every lesion it is on: 8 more" in notes


def test_where_both_rules_recall_as_many_nothing_else_is_said(tmp_path: Path) -> None:
    node = {"indices_xyz": [[1, 2, 3]], "points_mm": [[1, 2, 3]], "sizes_mm": [9]}
    write_annotations(tmp_path / ANNOTATIONS, "MED_LYMPH_001", **node)  # type: ignore[arg-type]
    write_candidates(
        tmp_path / CANDIDATES, "MED_LYMPH_001", positives_mm=[[1, 2, 4]], nodes=[1], negatives_mm=[[60, 0, 0]]
    )
    found = shown(tmp_path, "--lesions", tmp_path, "--hit", "within-distance:15")
    assert [row["recalled"] for row in found["stages"]] == [1, 1]
    assert found["notes"][1].endswith("that are within 15 mm of the lesion's position (strictly).")


@needs_shared_data
def test_one_region_as_a_table() -> None:
    result = invoke(NIH, "--lesions", NIH, "--hit", "within-distance:15", "--region", "mediastinum")
    assert result.exit_code == 0
    assert "abdomen" not in result.stdout
    assert "35.64" in result.stdout
    assert "no FROC curve" in result.stdout
    assert "MED_LYMPH_010_lymphnodes_sizes.txt:1: size 0 mm" in result.stderr


@needs_shared_data
def test_luna16_by_its_own_rules(tmp_path: Path) -> None:
    folder = LUNA16 / "annotations"
    result = invoke(
        LUNA16 / "dpn26_submission_realuids.csv", "--luna16", "--bootstraps", 20,
        "--lesions", folder / "annotations.csv", "--excluded", folder / "annotations_excluded.csv",
        "--exams", folder / "seriesuids.csv", "--out", tmp_path / "result.json", "--outcomes", tmp_path,
    )  # fmt: skip
    assert result.exit_code == 0
    assert "CPM 0.841966" in result.stdout
    for text in (
        "0.692243",
        "0.917369",
        "46,078",
        "the best 100",
        "linear between",
        "20 draws of participants, seed 0",
    ):
        assert text in result.stdout
    found = json.loads((tmp_path / "result.json").read_text())
    assert found["counts"]["redundant"] == 186
    with (tmp_path / "marks.csv").open() as file:
        assert sum(row["state"] == "false positive" for row in csv.DictReader(file)) == 46078
    with (tmp_path / "lesions.csv").open() as file:
        assert sum(row["state"] == "missed" for row in csv.DictReader(file)) == 50


def test_marks_and_lesions_of_tables(tables: Path) -> None:
    (tables / "exams.csv").write_text("exam_id,participant_id\na,p\nb,p\nc,q\nd,q\n")
    found = shown(
        tables / "marks.csv", "--lesions", tables / "lesions.csv", "--exams", tables / "exams.csv",
        "--hit", "within-lesion-radius", "--max-marks", 5, "--shared-mark", "every-lesion", "--seed", 3,
    )  # fmt: skip
    assert found["kind"] == "froc"
    assert (found["counts"]["exams"], found["counts"]["participants"]) == (4, 2)
    assert (found["counts"]["true_positives"], found["counts"]["false_positives"]) == (1, 1)
    assert found["policy"]["max_marks_per_exam"] == 5
    assert found["policy"]["shared_mark"] == "every-lesion"
    assert "seed 3" in found["choices"]["confidence"]


def test_without_a_list_of_exams_a_warning_says_what_is_missing(tables: Path) -> None:
    result = invoke(tables / "marks.csv", "--lesions", tables / "lesions.csv", "--hit", "within-distance:5")
    assert result.exit_code == 0
    assert "no --exams: the 2 exams" in result.stderr
    assert "beyond the curve" in result.stdout


def test_unscored_marks_of_a_table_are_one_candidate_stage(tables: Path) -> None:
    path = tables / "points.csv"
    path.write_text("exam_id,x_mm,y_mm,z_mm\na,1,0,0\n")
    result = invoke(
        path, "--lesions", tables / "lesions.csv", "--hit", "within-distance:5", "--outcomes", tables / "outcomes"
    )
    assert result.exit_code == 0
    assert "all" in result.stdout
    assert "no outcomes" in result.stderr
    assert not (tables / "outcomes").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name the hit criterion"),
        (("--hit", "nearby"), "within-distance:15"),
        (("--hit", "within-distance:5"), "need lesions"),
        (("--hit", "within-distance:5", "--region", "leg"), "mediastinum"),
        (("--hit", "within-distance:5", "--max-marks", "0"), "max-marks"),
    ],
)
def test_wrong_usage(tables: Path, arguments: tuple[str, ...], message: str) -> None:
    result = invoke(tables / "marks.csv", *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.replace("│", " ").split())


def failure(*arguments: object) -> HilumError:
    error = invoke(*arguments).exception
    assert isinstance(error, HilumError)
    return error


def test_bad_data_fails_with_a_message(tables: Path) -> None:
    lesions = ("--lesions", tables / "lesions.csv", "--hit", "within-distance:5")
    (tables / "exams.csv").write_text("a\n")
    unknown = failure(tables / "marks.csv", *lesions, "--exams", tables / "exams.csv")
    assert isinstance(unknown, FormatError)
    assert "marks.csv:3: exam 'b' is not among the 1 exams" in str(unknown)
    region = failure(tables / "marks.csv", *lesions, "--region", "abdomen")
    assert "begin with ABD" in str(region)
    (tables / "marks.csv").write_text("nothing")
    assert isinstance(failure(tables / "marks.csv", *lesions), FormatError)
    assert isinstance(failure("some-run", *lesions), ConfigError)


def test_lenient_goes_on_lists_what_is_refused_and_ends_with_status_1(tables: Path) -> None:
    with (tables / "marks.csv").open("a") as file:
        file.write("a,,1,2,nan,0.5,,,,\nnobody,,1,2,3,0.5,,,,\n")
    (tables / "exams.csv").write_text("a\nb\n")
    arguments = (
        tables / "marks.csv", "--lesions", tables / "lesions.csv", "--exams", tables / "exams.csv",
        "--hit", "within-distance:5", "--bootstraps", 0,
    )  # fmt: skip
    assert f"{tables / 'marks.csv'}:4: z_mm: found 'nan'" in str(failure(*arguments))
    result = invoke(*arguments, "--lenient", "--json")
    assert result.exit_code == 1
    assert f"refused {tables / 'marks.csv'}:4: malformed-line: z_mm: found 'nan'" in result.stderr
    assert f"refused {tables / 'marks.csv'}:5: unknown-exam: exam 'nobody'" in result.stderr
    assert "2 line(s) were refused and are not counted" in result.stderr
    found = json.loads(result.stdout)
    assert [refusal["check"] for refusal in found["refusals"]] == ["malformed-line", "unknown-exam"]
    assert found["counts"]["marks"] == 2


def test_lesions_of_a_file_outside_the_ct_of_a_run_are_refused(tmp_path: Path) -> None:
    ct = CtSeries()
    ct.write(tmp_path / "ct")
    archive = Archive.create(tmp_path / "archive")
    index_folder(archive, tmp_path / "ct", "nodes")
    write_run(archive, {ct.series_uid: "p"}, [], [Mark(ct.series_uid, (0.0, 0.0, 0.0), 0.9)])
    inside = tuple(archive.series(ct.series_uid).geometry.to_mm([0, 1, 1]).tolist())
    lesions = [Lesion(ct.series_uid, "1", inside), Lesion(ct.series_uid, "2", (0.0, 0.0, 9000.0))]
    write_lesion_table(tmp_path / "lesions.csv", lesions)
    arguments = (
        "first", "--archive", tmp_path / "archive", "--lesions", tmp_path / "lesions.csv", "--hit", "within-distance:5"
    )  # fmt: skip
    assert "lesions.csv:3: (0, 0, 9000) mm lies outside the CT" in str(failure(*arguments))
    result = invoke(*arguments, "--lenient", "--json")
    assert (result.exit_code, json.loads(result.stdout)["counts"]["lesions"]) == (1, 1)


def write_run(
    archive: Archive,
    persons: Mapping[str, str] = {"a": "p", "b": "q", "c": "q"},
    lesions: Sequence[Lesion] = LESIONS,
    marks: Sequence[Mark] = MARKS,
    *,
    refused: tuple[str, ...] = (),
) -> None:
    folder = run_folder(archive, "first")
    folder.root.mkdir(parents=True)
    plan = Plan(
        name="first", kind="training", method="classic", version="1", parameters={}, cohort="all", cohort_id="",
        snapshot_id="", lesions_sha256="", folds=3, seed=0, model="", model_created_at="",
        series=tuple(RunSeries(uid, person, at % 2) for at, (uid, person) in enumerate(persons.items())),
    )  # fmt: skip
    write_mark_table(folder.marks, [mark for mark in marks if mark.exam_id not in refused])
    write_lesion_table(folder.lesions, lesions)
    refusals = [{"item": uid, "check": "gaps", "reason": "3 slices are missing"} for uid in refused]
    folder.refusals.write_text(json.dumps(refusals))
    folder.record.write_bytes(Run(folder, plan, datetime.now(UTC), "0").to_json())


def test_a_run_of_an_archive(tmp_path: Path) -> None:
    write_run(Archive.create(tmp_path / "archive"))
    found = shown("first", "--archive", tmp_path / "archive", "--hit", "within-distance:5")
    assert (found["counts"]["exams"], found["counts"]["participants"]) == (3, 2)
    assert (found["counts"]["true_positives"], found["counts"]["missed"]) == (1, 1)


def test_a_run_without_lesions_is_told(tmp_path: Path) -> None:
    write_run(Archive.create(tmp_path / "archive"), lesions=())
    result = invoke("first", "--archive", tmp_path / "archive", "--hit", "within-distance:5", "--json")
    assert "the run first has no lesions, so that nothing can be hit or missed; name --lesions" in result.stderr


def test_refused_series_of_a_run_are_told_and_the_status_says_so(tmp_path: Path) -> None:
    write_run(Archive.create(tmp_path / "archive"), refused=("b",))
    result = invoke("first", "--archive", tmp_path / "archive", "--hit", "within-distance:5", "--json")
    assert result.exit_code == 1
    assert "1 series of the run were refused and are not assessed, nor their 1 lesions" in result.stderr
    counts = json.loads(result.stdout)["counts"]
    assert (counts["exams"], counts["lesions"], counts["missed"]) == (2, 1, 0)


def test_other_lesions_for_a_run_are_placed_by_its_ct_and_the_change_is_told(tmp_path: Path) -> None:
    # The annotation's points put y of the origin at +120 mm, the CT at -120: only the indices lead to the mark.
    ct = CtSeries(participant="MED_LYMPH_001", spacing_mm=(2.0, 0.5, 0.5))
    ct.write(tmp_path / "ct")
    archive = Archive.create(tmp_path / "archive")
    index_folder(archive, tmp_path / "ct", "nodes")
    grid = archive.series(ct.series_uid).geometry
    flipped = Geometry(grid.shape, grid.spacing_mm, (-100.0, 120.0, -300.0))
    write_annotations(
        tmp_path / ANNOTATIONS,
        "MED_LYMPH_001",
        indices_xyz=[[5, 7, 2], [12, 3, 1]],
        points_mm=flipped.to_mm([[2, 7, 5], [1, 3, 12]]),
        sizes_mm=[9, 12],
    )
    x, y, z = grid.to_mm([2, 7, 5]).tolist()
    own = [Lesion(ct.series_uid, "1", (x, y, z), is_excluded=True)]
    write_run(archive, {ct.series_uid: "p"}, own, [Mark(ct.series_uid, (x, y, z), 0.9)])
    result = invoke(
        "first", "--archive", tmp_path / "archive", "--lesions", tmp_path, "--hit", "within-distance:1", "--json"
    )
    assert result.exit_code == 0, result.output
    counts = json.loads(result.stdout)["counts"]
    assert (counts["true_positives"], counts["missed"], counts["false_positives"]) == (1, 1, 0)
    assert "sign of y flipped" in result.stderr
    assert "1 of whose 1 are excluded findings" in result.stderr


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    """An archive of a CT, marks, and the CT's lesion as a mask and as a report on its images."""
    ct = CtSeries(participant="P1", spacing_mm=(2.0, 0.5, 0.5))
    ct.write(tmp_path / "ct")
    archive = Archive.create(tmp_path / "archive")
    index_folder(archive, tmp_path / "ct", "nodes")
    series = archive.series(ct.series_uid)
    labels = np.zeros(series.geometry.shape, np.uint8)
    labels[1:4, 4:7, 5:8] = 1
    findings = FindingSet(series.uid, series.uid, mask=LabelMask(labels, series.geometry))
    (tmp_path / "masks").mkdir()
    write_findings(tmp_path / "masks" / "P1_mask.nii.gz", findings, series)
    write_findings(tmp_path / "reader.sr.dcm", findings, series)
    x, y, z = series.geometry.to_mm([2, 5, 6]).tolist()
    marks = [Mark(series.uid, (x, y, z), 0.9), Mark(series.uid, (x, y, z + 90), 0.5)]
    write_run(archive, {series.uid: "p"}, [], marks)
    write_mark_table(tmp_path / "marks.csv", marks)
    return tmp_path


@pytest.mark.parametrize("method", ["first", "marks.csv"])
@pytest.mark.parametrize("lesions", ["masks", "masks/P1_mask.nii.gz", "reader.sr.dcm"])
def test_lesions_as_masks_and_on_images_where_the_archive_has_the_series(
    drawn: Path, method: str, lesions: str
) -> None:
    words = ("--lesions", drawn / lesions, "--hit", "within-distance:1", "--json")
    named = method if method == "first" else drawn / method
    result = invoke(named, "--archive", drawn / "archive", *words)
    assert result.exit_code == 0, result.output
    counts = json.loads(result.stdout)["counts"]
    assert (counts["lesions"], counts["true_positives"], counts["false_positives"]) == (1, 1, 1)
    assert ("measured from voxels, one a label" in result.stderr) == (lesions != "reader.sr.dcm")


def test_masks_need_their_series_to_be_lesions(drawn: Path) -> None:
    words = ("--lesions", drawn / "masks", "--hit", "within-distance:1")
    assert "label masks are lesions of their series: name its archive" in str(failure(drawn / "marks.csv", *words))


def test_strata_of_lesions_of_the_list_of_exams_and_of_a_run(tables: Path) -> None:
    (tables / "exams.csv").write_text("exam_id,participant_id,kernel\na,p,B30f\nb,q,B70f\n")
    found = shown(
        tables / "marks.csv", "--lesions", tables / "lesions.csv", "--exams", tables / "exams.csv",
        "--hit", "within-distance:5", "--by", "size", "--by", "kernel", "--rate", 1, "--interval", "bca",
    )  # fmt: skip
    by_size, by_kernel = found["strata"]
    assert [(row["stratum"], row["lesions"]) for row in by_size["rows"]] == [("10 to under 15 mm", 2), ("all", 2)]
    assert [(row["stratum"], row["true_positives"]) for row in by_kernel["rows"]] == [
        ("B30f", 1), ("B70f", 0), ("all", 1),
    ]  # fmt: skip
    assert "BCa" in found["choices"]["confidence"]
    write_run(Archive.create(tables / "archive"))
    run = ("first", "--archive", tables / "archive", "--hit", "within-distance:5", "--bootstraps", 0)
    rows = shown(*run, "--by", "fold")["strata"][0]["rows"]
    assert {row["stratum"] for row in rows} == {"0", "1", "all"}
    assert "no column 'Kernel'" in str(
        failure(
            tables / "marks.csv", "--lesions", tables / "lesions.csv", "--hit", "within-distance:5", "--by", "Kernel"
        )
    )


def test_strata_by_a_column_of_the_series_table(tmp_path: Path) -> None:
    ct = CtSeries(participant="ABD_LYMPH_001")
    ct.write(tmp_path / "ct")
    archive = Archive.create(tmp_path / "archive")
    index_folder(archive, tmp_path / "ct", "nodes")
    uid = ct.series_uid
    write_run(archive, {uid: "p"}, [Lesion(uid, "1", (0.0, 0.0, 0.0))], [Mark(uid, (0.0, 0.0, 1.0), 0.9)])
    run = ("first", "--archive", tmp_path / "archive", "--hit", "within-distance:5", "--bootstraps", 0)
    found = shown(*run, "--by", "region", "--by", "SliceThickness")["strata"]
    assert found[0]["rows"][0]["stratum"] == "abdomen"
    assert float(found[1]["rows"][0]["stratum"]) == archive.series(uid)["SliceThickness"]


@pytest.mark.parametrize(("kind", "exam_id"), [("hits", "a"), ("missed", "b"), ("false-positives", "b")])
def test_lists_at_a_rate(tables: Path, kind: str, exam_id: str) -> None:
    arguments = (
        tables / "marks.csv", "--lesions", tables / "lesions.csv", "--hit", "within-distance:5", "--list", kind
    )  # fmt: skip
    result = invoke(*arguments, "--at-rate", 0)
    assert result.exit_code == 0
    assert "scores from 0.9" in result.stdout
    rows = shown(*arguments)[kind.replace("-", "_")]
    assert [row["exam_id"] for row in rows] == ([exam_id] if kind != "false-positives" else [])


def test_files_of_every_kind(tables: Path) -> None:
    outs = [argument for suffix in ("json", "csv", "md", "xlsx") for argument in ("--out", tables / f"r.{suffix}")]
    result = invoke(
        tables / "marks.csv", "--lesions", tables / "lesions.csv", "--hit", "within-distance:5", "--by", "size", *outs
    )
    assert result.exit_code == 0, result.output
    assert json.loads((tables / "r.json").read_text())["strata"][0]["column"] == "size"
    with (tables / "r.csv").open() as file:
        assert next(csv.DictReader(file))["sensitivity"] == "0.5"
    assert "| size |" in (tables / "r.md").read_text(encoding="utf-8")
    assert openpyxl.load_workbook(tables / "r.xlsx")["FP"]["D2"].value == 0.8
    assert invoke(tables / "marks.csv", "--out", tables / "r.pdf").exit_code == 2


def test_a_run_that_is_not_there(tmp_path: Path) -> None:
    write_run(Archive.create(tmp_path / "archive"))
    error = failure("second", "--archive", tmp_path / "archive", "--hit", "within-distance:5")
    assert isinstance(error, NotFoundError)
    assert "first" in str(error)
