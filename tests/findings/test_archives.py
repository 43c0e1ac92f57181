"""Annotations read from the zips they are handed out in; zips that mean harm are refused and leave nothing behind."""

from __future__ import annotations

import io
import tempfile
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hilum.errors import FormatError
from hilum.findings import read_lesions, read_marks
from hilum.findings.archives import unpacked
from hilum.findings.formats import read_findings
from hilum.findings.mask_folder import link_masks, measure_masks
from hilum.findings.nih import ANNOTATIONS, CANDIDATES, write_annotations, write_candidates
from hilum.model.geometry import Geometry
from hilum.volume.nifti import write_grid

if TYPE_CHECKING:
    from pathlib import Path

GRID = Geometry((10, 40, 40), (2, 1, 1), (-20, -20, -10))
VOXELS = [(5, 5, 2), (35, 35, 5)]


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def zip_of(folder: Path, path: Path) -> Path:
    files = sorted(one for one in folder.rglob("*") if one.is_file())
    return zipped(path, {one.relative_to(folder).as_posix(): one.read_bytes() for one in files})


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """Points, candidates and masks of a patient, unpacked below ``made``."""
    folder = tmp_path / "made"
    points = [GRID.to_mm(voxel[::-1]) for voxel in VOXELS]
    write_annotations(
        folder / "a" / ANNOTATIONS, "MED_LYMPH_001", indices_xyz=VOXELS, points_mm=points, sizes_mm=[3.0, 4.0]
    )
    write_candidates(
        folder / "c" / CANDIDATES, "MED_LYMPH_001", positives_mm=points[:1], nodes=[1], negatives_mm=points
    )
    labels = np.zeros(GRID.shape, np.uint8)
    labels[2, 5, 5] = 1
    (folder / "m" / "MED_ABD_LYMPH_MASKS").mkdir(parents=True)
    write_grid(labels, GRID, folder / "m" / "MED_ABD_LYMPH_MASKS" / "MED_LYMPH_001_mask.nii.gz")
    return folder


def test_zips_of_a_collection_are_read_as_they_are_downloaded(made: Path, tmp_path: Path) -> None:
    annotations, masks = zip_of(made / "a", tmp_path / "a.zip"), zip_of(made / "m", tmp_path / "m.zip")
    assert read_lesions(annotations) == read_lesions(made / "a")
    assert read_marks(zip_of(made / "c", tmp_path / "c.zip")) == read_marks(made / "c")
    assert len(read_findings(annotations).lesions) == 2
    assert measure_masks(masks).exams == measure_masks(made / "m").exams
    report = link_masks(annotations, masks)
    assert [link.region.label for link in report.exams["MED_LYMPH_001"].links] == [1]
    assert report.refusals == ()


def test_zip_of_one_file_is_that_file(tmp_path: Path) -> None:
    table = {"lesions.csv": b"exam_id,x_mm,y_mm,z_mm\na,1,2,3\n", "__MACOSX/._lesions.csv": b"x", ".DS_Store": b"y"}
    assert read_lesions(zipped(tmp_path / "a.zip", table)).exam_ids == ("a",)


def test_other_paths_are_given_as_they_are(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent"):
        with unpacked(path) as place:
            assert place == path


def test_messages_name_the_zip_and_the_file_in_it(made: Path, tmp_path: Path) -> None:
    (made / "a" / ANNOTATIONS / "MED_LYMPH_001" / "MED_LYMPH_001_lymphnodes_sizes.txt").write_text("3\nx\n")
    with pytest.raises(FormatError, match=r"a\.zip/MED_ABD_LYMPH_ANNOTATIONS/.*_sizes\.txt:2: found 'x'"):
        read_lesions(zip_of(made / "a", tmp_path / "a.zip"))
    (made / "m" / "MED_ABD_LYMPH_MASKS" / "MED_LYMPH_002.nii").write_bytes(b"no mask")
    (refusal,) = measure_masks(zip_of(made / "m", tmp_path / "m.zip")).refusals
    assert "m.zip/MED_ABD_LYMPH_MASKS/MED_LYMPH_002.nii" in refusal.item
    assert tempfile.gettempdir() + "/hilum-" not in refusal.reason


@pytest.mark.parametrize(
    "name", ["../evil.csv", "/evil.csv", "a/../../evil.csv", "..\\evil.csv", "a/.hidden.csv", "C:\\evil.csv"]
)
def test_names_that_lead_out_are_refused(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    path = zipped(tmp_path / "a.zip", {"good.csv": b"exam_id,x_mm,y_mm,z_mm\n", name: b"x"})
    with pytest.raises(
        FormatError, match=r"a\.zip: the source names a file .*\.csv', which .*; nothing is written under it"
    ):
        read_lesions(path)
    assert not list(place.iterdir())
    assert not list(tmp_path.rglob("evil*"))


def test_bombs_are_refused_before_they_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    path = zipped(tmp_path / "a.zip", {"a.csv": bytes(20 << 20)})
    assert path.stat().st_size < 100_000
    with pytest.raises(FormatError, match=r"a\.zip"), unpacked(path, size_limit_bytes=1 << 20):
        pytest.fail("a bomb was unpacked")
    assert not list(place.iterdir())
    with unpacked(path) as file:
        assert file.stat().st_size == 20 << 20


def test_damaged_and_doubled_zips_are_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.csv": b"exam_id,x_mm,y_mm,z_mm\na,1,2,3\n", "b.csv": bytes(1000)})
    whole = path.read_bytes()
    for cut in (10, len(whole) // 2, len(whole) - 5):
        path.write_bytes(whole[:cut])
        with pytest.raises(FormatError, match=r"a\.zip"):
            read_lesions(path)
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        archive.writestr("a.csv", b"1")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.csv", b"2")
    path.write_bytes(raw.getvalue())
    with pytest.raises(FormatError, match=r"'a\.csv' twice"):
        read_lesions(path)
