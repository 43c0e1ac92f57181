"""The files of a release as they are stored: all of them, with their places, of one collection and of several."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from hilum.cohort import Criteria, build_cohort
from hilum.errors import ArchiveError
from hilum.publish import stored
from hilum.publish.release import PLACES_FILE
from hilum.publish.stored import ends_of_batches, stored_files
from publish.releasing import index_images, release, write_series

if TYPE_CHECKING:
    from pathlib import Path

    from hilum.catalog import Archive


@pytest.mark.parametrize("files_at_once", [1, 4, 100])
def test_all_files_are_given_of_one_collection_and_of_several(
    archive: Archive, beside: Path, tmp_path: Path, files_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "FILES_AT_ONCE", files_at_once)
    write_series(tmp_path / "more", 3)
    index_images(archive, tmp_path / "more", "another")
    build_cohort(archive, "both", Criteria()).save(archive)
    for made in (release(archive, "1", beside=(beside,)), release(archive, "1", name="both")):
        found = list(stored_files(made))
        assert max(map(len, found)) <= files_at_once
        rows = [(some.collection_id, *row) for some in found for row in some]
        expected = {
            (file.collection_id, file.path, file.size_bytes, file.sha256, file.participant_id, file.place)
            for file in made.files()
        }
        assert len(rows) == made.counts.files
        assert set(rows) == expected


def test_places_of_other_files_are_told(archive: Archive) -> None:
    made = release(archive, "1")
    path = made.folder / PLACES_FILE
    places = parquet.read_table(path)
    for wrong in (places.slice(1), places.slice(0, 2)):
        parquet.write_table(wrong, path)
        with pytest.raises(ArchiveError, match="restore it from a copy"):
            list(stored_files(made))


@given(st.lists(st.integers(0, 200), max_size=40))
def test_batches_hold_each_file_once_and_no_more_than_they_should(sizes_bytes: list[int]) -> None:
    ends = list(ends_of_batches(sizes_bytes, 5, 100))
    assert ends[-1:] == ([len(sizes_bytes)] if sizes_bytes else [])
    for start, end in zip([0, *ends], ends, strict=False):
        assert 0 < end - start <= 5
        assert end - start == 1 or sum(sizes_bytes[start:end]) <= 100
        assert end == len(sizes_bytes) or end - start == 5 or sum(sizes_bytes[start : end + 1]) > 100
