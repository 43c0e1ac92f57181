"""``hilum findings`` as its user types it."""

import json
from inspect import signature
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from hilum.cli.app import app, register_verbs
from hilum.cli.findings import link
from hilum.findings import read_lesions
from hilum.findings.mask_linking import DEFAULT_DISTANCE_MM
from hilum.findings.nih import ANNOTATIONS, write_annotations
from hilum.model.geometry import Geometry
from hilum.volume.nifti import write_grid

register_verbs()

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
