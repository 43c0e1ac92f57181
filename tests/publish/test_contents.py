"""What goes into a release: names that every file system takes, and whose file is whose."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from hilum.cohort import Criteria, build_cohort
from hilum.errors import ConfigError, NotFoundError, Refusal
from hilum.publish import contents
from hilum.publish.contents import PlannedFile, choose, companions

if TYPE_CHECKING:
    from pathlib import Path

    from hilum.catalog import Archive


def test_files_beside_the_images_belong_to_the_participant_in_their_path(beside: Path) -> None:
    files = companions(beside, "trial", frozenset({"P1", "P2"}))
    found = {file.row["path"]: file.row["PatientID"] for file in files if isinstance(file, PlannedFile)}
    assert found == {
        "trial/ANNOTATIONS/P1/none.mps": "P1",
        "trial/ANNOTATIONS/P1/points.txt": "P1",
        "trial/ANNOTATIONS/P2_mask.nii.gz": "P2",
        "trial/ANNOTATIONS/README.txt": None,
    }


def test_a_name_that_only_begins_like_a_participant_is_not_the_participants(tmp_path: Path) -> None:
    (tmp_path / "P10.txt").write_text("x")
    (file,) = companions(tmp_path / "P10.txt", "trial", frozenset({"P1"}))
    assert isinstance(file, PlannedFile)
    assert file.row["PatientID"] is None
    assert file.row["path"] == "trial/P10.txt"


def test_what_could_be_left_out_without_a_word_is_refused(beside: Path, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "points.txt").write_text("1 2 3")
    (beside / "linked").symlink_to(tmp_path / "more")
    odd = os.fsencode(beside) + b"/\xff.txt"
    os.close(os.open(odd, os.O_CREAT))
    found = list(companions(beside, "trial", frozenset()))
    refusals = {(one.item, one.check) for one in found if isinstance(one, Refusal)}
    assert refusals == {
        (str(beside / "linked"), "linked-folder"),
        (f"'{beside}/\\udcff.txt'", "unusable-name"),
    }
    assert len(found) - len(refusals) == 4


def test_an_empty_folder_is_no_mistake_that_passes(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no file there"):
        list(companions(tmp_path, "trial", frozenset()))


def test_a_collection_is_chosen_whole_a_cohort_by_its_list(archive: Archive) -> None:
    build_cohort(archive, "one", Criteria(where="PatientID = 'P2'")).save(archive)
    files = list(choose(archive, "trial").files("trial"))
    of_cohort = list(choose(archive, "one").files("trial"))
    assert len(files) == 6
    assert len(of_cohort) == 3
    assert not any(isinstance(file, Refusal) for file in files)
    assert {file.row["PatientID"] for file in of_cohort if isinstance(file, PlannedFile)} == {"P2"}
    first = files[0]
    assert isinstance(first, PlannedFile)
    row = first.row
    assert row["path"] == f"trial/P1/{row['SeriesInstanceUID']}/{row['SOPInstanceUID']}.dcm"


def test_a_name_that_is_a_collection_and_a_cohort_is_refused(archive: Archive) -> None:
    build_cohort(archive, "trial", Criteria()).save(archive)
    with pytest.raises(ConfigError, match="a collection and a cohort"):
        choose(archive, "trial")


def test_a_name_that_is_neither_is_told_with_what_there_is(archive: Archive) -> None:
    with pytest.raises(NotFoundError, match="it has trial"):
        choose(archive, "trail")


@pytest.mark.parametrize("at_once", [1, 2, 5000])
def test_rows_and_their_order_are_the_same_however_many_series_are_asked_for_at_once(
    at_once: int, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = choose(archive, "trial")
    expected = archive.query('SELECT * FROM series ORDER BY "PatientID", "StudyInstanceUID", "SeriesInstanceUID"')
    monkeypatch.setattr(contents, "SERIES_AT_ONCE", at_once)
    assert [row for batch in subject.series("trial") for row in batch.to_pylist()] == expected.to_pylist()
