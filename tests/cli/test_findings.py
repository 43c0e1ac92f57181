"""``hilum findings`` as its user types it."""

import json
import re
from dataclasses import replace
from inspect import signature
from pathlib import Path

import numpy as np
import pydicom
import pytest
from typer.testing import CliRunner, Result

from builders import SHARED_DATA, CtSeries, needs_shared_data
from hilum.cli.app import app, register_verbs
from hilum.cli.findings import link
from hilum.errors import FormatError
from hilum.findings import read_lesions
from hilum.findings.formats import formats
from hilum.findings.mask_linking import DEFAULT_DISTANCE_MM
from hilum.findings.masks import read_mask
from hilum.findings.nih import ANNOTATIONS, write_annotations
from hilum.model.geometry import Geometry
from hilum.volume.nifti import write_grid
from hilum.volume.source import read_series

register_verbs()

CT = CtSeries(shape=(6, 16, 20))
GRID = Geometry((10, 40, 40), (2, 1, 1), (-20, -20, -10))


def hilum(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["findings", *map(str, words)], env={"COLUMNS": "200"})


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    labels = np.zeros(GRID.shape, np.uint8)
    labels[4:7, 19:22, 19:22], labels[1:4, 4:7, 4:7], labels[8, 30, 30] = 1, 2, 2
    (tmp_path / "masks").mkdir()
    write_grid(labels, GRID, tmp_path / "masks" / "MED_LYMPH_001_mask.nii.gz")
    voxels = [(5, 5, 2), (35, 35, 5)]
    write_annotations(
        tmp_path / ANNOTATIONS,
        "MED_LYMPH_001",
        indices_xyz=voxels,
        points_mm=[GRID.to_mm(voxel[::-1]) for voxel in voxels],
        sizes_mm=[3.0, 4.0],
    )
    return tmp_path


def test_link_lists_pairs_and_what_is_left_over(collection: Path) -> None:
    done = hilum("link", collection, collection / "masks", "--out", collection / "out.csv", "--json")
    assert done.exit_code == 0, done.output
    rows = json.loads(done.stdout)
    assert [(row.get("lesion_id"), row.get("mask_label"), row["state"]) for row in rows] == [
        ("1", 2, "linked"),
        ("2", None, "no label"),
        (None, 1, "no point"),
    ]
    assert rows[0]["distance_mm"] == 0
    assert "1 points linked; without partner: 1 points, 1 labels" in done.stderr
    table = read_lesions(collection / "out.csv").lesions
    assert [(lesion.lesion_id, lesion.mask_label) for lesion in table] == [("1", 2), ("2", None)]


def test_link_says_what_it_could_not_read(collection: Path) -> None:
    (collection / "masks" / "MED_LYMPH_002_mask.nii.gz").write_bytes(b"")
    done = hilum("link", collection, collection / "masks")
    assert done.exit_code == 1
    assert "no exam MED_LYMPH_002" in done.stderr


def test_default_distance_is_the_library_s() -> None:
    assert signature(link).parameters["max_distance"].default == DEFAULT_DISTANCE_MM


@pytest.mark.parametrize(("by", "names"), [("label", ["1", "2"]), ("component", ["1.1", "2.1", "2.2"])])
def test_measure(collection: Path, by: str, names: list[str]) -> None:
    done = hilum("measure", collection / "masks", "--by", by, "--json", "--out", collection / "out.parquet")
    assert done.exit_code == 0, done.output
    rows = json.loads(done.stdout)
    assert [row["lesion_id"] for row in rows] == names
    assert rows[0]["volume_mm3"] == 27 * 2
    assert (rows[0]["x_mm"], rows[0]["y_mm"], rows[0]["z_mm"]) == (0, 0, 0)
    assert [lesion.lesion_id for lesion in read_lesions(collection / "out.parquet").lesions] == names


def test_measure_goes_on_after_a_bad_mask(collection: Path) -> None:
    (collection / "masks" / "bad.nii").write_bytes(b"no mask")
    done = hilum("measure", collection / "masks", "--json")
    assert done.exit_code == 1
    assert len(json.loads(done.stdout)) == 2
    assert "bad.nii" in done.stderr


@pytest.fixture
def ct(tmp_path: Path) -> Path:
    CT.write(tmp_path / "ct")
    labels = np.zeros(CT.shape, np.uint8)
    labels[1:3, 2:6, 2:6], labels[4, 10, 12] = 1, 2
    write_grid(labels, read_series(tmp_path / "ct").geometry, tmp_path / "mask.nii.gz")
    return tmp_path


def test_convert_takes_geometry_from_a_folder(ct: Path) -> None:
    done = hilum("convert", ct / "mask.nii.gz", ct / "out.seg.nrrd", "--series", ct / "ct")
    assert done.exit_code == 0, done.output
    assert "out.seg.nrrd: 2 labels" in done.stderr
    done = hilum("convert", ct / "out.seg.nrrd", ct / "out.csv", "--series", ct / "ct")
    assert done.exit_code == 0, done.output
    assert "warning: out.csv does not hold long_ends_mm, short_ends_mm" in done.stderr
    lesions = read_lesions(ct / "out.csv").lesions
    assert [(lesion.exam_id, lesion.mask_label) for lesion in lesions] == [(CT.series_uid, 1), (CT.series_uid, 2)]


def test_convert_takes_geometry_from_an_archive(ct: Path) -> None:
    assert CliRunner().invoke(app, ["index", str(ct / "ct"), "--archive", str(ct / "archive")]).exit_code == 0
    words = ("convert", ct / "mask.nii.gz", ct / "out.mrk.json", "--series", CT.series_uid, "--archive", ct / "archive")
    assert hilum(*words).exit_code == 0
    assert len(read_lesions(ct / "out.mrk.json").lesions) == 2


def test_convert_between_named_formats(ct: Path) -> None:
    words = ("convert", ct / "mask.nii.gz", ct / "points", "--series", ct / "ct", "--from", "nifti", "--to", "mps")
    assert hilum(*words).exit_code == 0
    assert (ct / "points").read_text().startswith("<?xml")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("out.csv", "--series", "1.2.3"), "1.2.3: no such folder; for a series by its UID, name its --archive"),
        (("out.csv", "--to", "nonesuch"), "format 'nonesuch': expected one of"),
    ],
)
def test_convert_refuses_wrong_words(ct: Path, words: tuple[str, ...], message: str) -> None:
    done = hilum("convert", ct / "mask.nii.gz", ct / words[0], *words[1:])
    assert done.exit_code == 2
    assert message in " ".join(done.output.replace("│", " ").split())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("mask.nii.gz", "out.doc"), "its name does not say a format"),
        (("absent.csv", "out.csv"), "cannot be read"),
        (("mask.nii.gz", "out.csv", "--series", "other"), r"is up to \d+\.\d\d mm from that of the series"),
    ],
)
def test_convert_writes_nothing_where_it_cannot(ct: Path, words: tuple[str, ...], message: str) -> None:
    replace(CT, origin_mm=(0.0, 0.0, 40.0)).write(ct / "other")
    before = sorted(ct.iterdir())
    done = hilum("convert", *(word if word == "--series" else ct / word for word in words))
    assert isinstance(done.exception, FormatError)
    assert re.search(message, str(done.exception))
    assert sorted(ct.iterdir()) == before


def test_convert_says_who_drew_a_mask(ct: Path) -> None:
    words = ("convert", ct / "mask.nii.gz", ct / "out.seg.dcm", "--series", ct / "ct")
    done = hilum(*words, "--algorithm-type", "automatic", "--algorithm-name", "net 1")
    assert done.exit_code == 0, done.output
    items = pydicom.dcmread(ct / "out.seg.dcm").SegmentSequence
    assert {(item.SegmentAlgorithmType, item.SegmentAlgorithmName) for item in items} == {("AUTOMATIC", "net 1")}
    for wrong, message in (
        (("--algorithm-type", "automatic"), "AUTOMATIC without a name"),
        (("--algorithm-name", "net 1"), "say what it did: semiautomatic or automatic"),
    ):
        done = hilum(*words, *wrong)
        assert (done.exit_code, message in done.output) == (2, True)


@needs_shared_data
def test_convert_takes_shares_from_a_threshold_on(tmp_path: Path) -> None:
    source = SHARED_DATA / "seg_sr_highdicom" / "seg_image_ct_true_fractional.dcm"
    counts = []
    for threshold in ("0.2", "0.5", "1"):
        done = hilum("convert", source, tmp_path / f"{threshold}.nii", "--threshold", threshold)
        assert done.exit_code == 0, done.output
        assert f"voxels of probability {threshold} and more" in done.stderr
        counts.append(np.count_nonzero(read_mask(tmp_path / f"{threshold}.nii").labels))
    assert counts[0] > counts[1] > counts[2]
    for wrong in ("0", "1.1"):
        assert hilum("convert", source, tmp_path / "out.nii", "--threshold", wrong).exit_code == 2


def test_convert_tells_what_it_left_out(ct: Path) -> None:
    (ct / "in.mrk.json").write_text('{"markups": [{"type": "Plane", "name": "p"}]}')
    done = hilum("convert", ct / "in.mrk.json", ct / "out.csv")
    assert done.exit_code == 1
    assert "refused " in done.stderr
    assert "a markup of type Plane" in done.stderr
    assert (ct / "out.csv").exists()


def test_formats_are_listed() -> None:
    rows = json.loads(hilum("formats", "--json").stdout)
    assert {row["format"] for row in rows} == {form.name for form in formats()}
    assert next(row for row in rows if row["format"] == "coco")["written"] == "no"


def test_measure_takes_masks_of_any_format(ct: Path) -> None:
    hilum("convert", ct / "mask.nii.gz", ct / "E1.seg.nrrd", "--series", ct / "ct")
    rows = json.loads(hilum("measure", ct / "E1.seg.nrrd", "--json").stdout)
    assert [(row["exam_id"], row["lesion_id"]) for row in rows] == [("E1", "1"), ("E1", "2")]
