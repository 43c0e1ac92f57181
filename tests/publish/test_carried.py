"""What a release says of its collections reaches the archive that takes it in; of two licences neither is taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from hilum.catalog import Archive
from hilum.publish.carried import carry_columns, describe, licence_conflicts
from hilum.publish.contents import choose
from hilum.publish.described import description_path
from hilum.publish.verify import notes_path, verify_release
from hilum.publish.work import work_of
from publish.releasing import index_images, release

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hilum.catalog import Snapshot

WORDS = 'title = "Chest CT"\nauthors = ["Trial Team"]\nlicence = "CC BY-NC 4.0"\n'
OTHER_WORDS = 'title = "Something else"\n'


def say(archive: Archive, words: str, name: str = "trial") -> None:
    path = description_path(archive.path, name)
    path.parent.mkdir(exist_ok=True)
    path.write_text(words, encoding="utf-8")


def state(archive: Archive, **values: str) -> None:
    """Let the archive know of each series what an imported index would say."""

    def change(newest: Snapshot) -> Mapping[str, pa.Table]:
        series = newest.table("series", "trial")
        for name, value in values.items():
            place = series.schema.get_field_index(name)
            column = pa.array([value] * len(series), series.schema.field(place).type)
            series = series.set_column(place, series.schema.field(place), column)
        source = {
            "collection_id": "trial",
            "source_doi": values.get("source_doi", "10.1/x"),
            "title": "A data set",
            "licence": values.get("licence"),
            "citation": "Team, T. (2020). A data set [Data set]. Hospital. https://doi.org/10.1/x",
        }
        known = newest.table("sources", "trial")
        return {"series": series, "sources": pa.Table.from_pylist([source], schema=known.schema)}

    archive.update("trial", change, note="state")


@pytest.fixture
def other(tmp_path: Path) -> Archive:
    """The archive that takes in, without a collection."""
    return Archive.create(tmp_path / "other")


def test_a_stewards_words_are_a_part_of_the_release(archive: Archive) -> None:
    from concurrent.futures import ThreadPoolExecutor

    say(archive, WORDS)
    made = release(archive, "1")
    assert (made.folder / "collections" / "trial.toml").read_text() == WORDS
    with ThreadPoolExecutor(1) as executor:
        assert verify_release(made, notes=notes_path(made), executor=executor, workers=1).is_whole
    assert work_of(made.archive(), choose(made.archive(), "trial")).licence.name == "CC BY-NC 4.0"


def test_they_are_written_where_the_receiving_archive_keeps_its_own(
    archive: Archive, other: Archive, small_archive: Path
) -> None:
    say(archive, WORDS)
    made = release(archive, "1")
    assert licence_conflicts(other, made, ["trial"]) == ()
    (remark,) = describe(other, made, ["trial"])
    assert "trial@1" in remark
    index_images(other, small_archive / "images")
    work = work_of(other, choose(other, "trial"))
    assert (work.licence.name, work.title, work.authors[0].text) == ("CC BY-NC 4.0", "Chest CT", "Trial Team")
    assert describe(other, made, ["trial"]) == ()
    assert release(other, "2").licence == "CC BY-NC 4.0"


def test_other_words_of_the_archive_stay_and_it_is_told(archive: Archive, other: Archive) -> None:
    say(archive, 'title = "Chest CT"\n')
    say(other, OTHER_WORDS)
    (remark,) = describe(other, release(archive, "1"), ["trial"])
    assert "kept" in remark
    assert description_path(other.path, "trial").read_text() == OTHER_WORDS


def test_a_licence_is_added_to_words_that_name_none(archive: Archive, other: Archive, small_archive: Path) -> None:
    say(archive, WORDS)
    say(other, OTHER_WORDS + '[[publications]]\ncitation = "A paper."\n')
    describe(other, release(archive, "1"), ["trial"])
    index_images(other, small_archive / "images")
    work = work_of(other, choose(other, "trial"))
    assert (work.licence.name, work.title) == ("CC BY-NC 4.0", "Something else")
    assert work.publications[0].citation == "A paper."


def test_of_two_licences_it_is_told_and_spelling_is_no_difference(archive: Archive, other: Archive) -> None:
    say(archive, WORDS)
    made = release(archive, "1")
    say(other, 'licence = "Creative Commons Attribution-NonCommercial 4.0 International"\n')
    assert licence_conflicts(other, made, ["trial"]) == ()
    say(other, 'licence = "CC BY 4.0"\n')
    (conflict,) = licence_conflicts(other, made, ["trial"])
    assert "this archive says CC BY 4.0, trial@1 says CC BY-NC 4.0" in conflict


def test_what_hilum_itself_knows_of_a_collection_is_held_against_it(
    other: Archive, tmp_path: Path, small_archive: Path
) -> None:
    sender = Archive.create(tmp_path / "sender")
    index_images(sender, small_archive / "images", "ct_lymph_nodes")
    same = release(sender, "1", name="ct_lymph_nodes")
    assert licence_conflicts(other, same, ["ct_lymph_nodes"]) == ()
    assert describe(other, same, ["ct_lymph_nodes"]) == ()
    say(sender, WORDS, "ct_lymph_nodes")
    (conflict,) = licence_conflicts(other, release(sender, "2", name="ct_lymph_nodes"), ["ct_lymph_nodes"])
    assert "this archive says CC BY 3.0" in conflict


def test_what_was_known_of_series_and_their_sources_comes_along(
    archive: Archive, other: Archive, small_archive: Path
) -> None:
    state(archive, licence="CC BY 3.0", source_doi="10.1/x")
    made = release(archive, "1")
    index_images(other, small_archive / "images")
    assert licence_conflicts(other, made, ["trial"]) == ()
    assert describe(other, made, ["trial"]) == ()
    carry_columns(other, made, "trial")
    assert {(one["licence"], one["source_doi"]) for one in other.series_where()} == {("CC BY 3.0", "10.1/x")}
    work = work_of(other, choose(other, "trial"))
    assert (work.licence.name, work.sources[0].title, work.sources[0].doi) == ("CC BY 3.0", "A data set", "10.1/x")
    before = other.snapshot().snapshot_id
    carry_columns(other, made, "trial")
    assert other.snapshot().snapshot_id == before


def test_another_licence_of_the_same_series_is_told(archive: Archive, other: Archive, small_archive: Path) -> None:
    state(archive, licence="CC BY 3.0", source_doi="10.1/x")
    made = release(archive, "1")
    index_images(other, small_archive / "images")
    state(other, licence="CC BY-NC 3.0")
    (conflict,) = licence_conflicts(other, made, ["trial"])
    assert "another licence of 2 series than trial@1, such as CC BY-NC 3.0 of" in conflict
    carry_columns(other, made, "trial")
    assert {one["licence"] for one in other.series_where()} == {"CC BY-NC 3.0"}


def test_a_release_without_any_licence_says_nothing(archive: Archive, other: Archive) -> None:
    made = release(archive, "1")
    assert licence_conflicts(other, made, ["trial"]) == ()
    assert describe(other, made, ["trial"]) == ()
    assert not description_path(other.path, "trial").exists()
