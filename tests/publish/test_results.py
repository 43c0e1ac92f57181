"""Published results: whole or not there, never changed unless asked, visible by their collections."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from builders import UID_ROOT
from hilum.errors import ArchiveError, AssessmentError, ConfigError, NotFoundError
from hilum.publish.result_freeze import publish_result
from hilum.publish.results import list_results, read_result, result_file, withdraw_result
from publish.freezing import asked

if TYPE_CHECKING:
    from hilum.catalog import Archive

EXAMS = (f"{UID_ROOT}.1.1", f"{UID_ROOT}.2.1")


def files(archive: Archive, name: str = "first") -> set[str]:
    folder = archive.path / "results" / name
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def test_a_result_is_read_as_it_was_published(archive: Archive) -> None:
    wanted = asked(archive, EXAMS)

    done = publish_result(archive, wanted)

    assert read_result(archive, "first") == done
    assert done.collection_ids == ("trial",)
    assert [(one.rate, one.counts) for one in done.listed] == [
        (0.5, {"hits": 1, "false-positives": 1, "missed": 3}),
        (4.0, {"hits": 2, "false-positives": 2, "missed": 2}),
    ]
    assert (done.entry.run, done.entry.cpm) == ("first", wanted.assessment.cpm)
    assert done.curve_svg.startswith("<svg")
    assert files(archive) == {"result.json", done.assessment_file, done.outcomes_file}


def test_the_file_of_numbers_is_the_assessment(archive: Archive) -> None:
    wanted = asked(archive, EXAMS)
    done = publish_result(archive, wanted)

    numbers = json.loads(result_file(archive, "first", done.assessment_file).read_bytes())

    strata = numbers.pop("strata")
    assert numbers == json.loads(json.dumps(wanted.assessment.to_json()))
    assert [one["column"] for one in strata] == ["size"]
    assert numbers.keys() - done.summary.keys() == {"curve", "afroc_curves"}


def test_a_result_never_changes_unless_it_is_replaced(archive: Archive) -> None:
    first = publish_result(archive, asked(archive, EXAMS))

    with pytest.raises(ArchiveError, match=r"published already.*--replace"):
        publish_result(archive, asked(archive, EXAMS[:1]))

    assert read_result(archive, "first") == first
    second = publish_result(archive, asked(archive, EXAMS[:1]), replace=True)
    assert read_result(archive, "first") == second
    # Who reads the first right now finds its files; the next writing removes them.
    assert first.outcomes_file in files(archive)
    third = publish_result(archive, asked(archive, EXAMS[1:]), replace=True)
    assert first.outcomes_file not in files(archive)
    assert {third.outcomes_file, second.outcomes_file} <= files(archive)


def test_what_a_killed_writing_left_is_no_result_and_goes(archive: Archive) -> None:
    folder = archive.path / "results" / "first"
    folder.mkdir(parents=True)
    (folder / "outcomes-0.parquet").write_bytes(b"half")

    assert list_results(archive) == ([], [])
    publish_result(archive, asked(archive, EXAMS))
    assert "outcomes-0.parquet" not in files(archive)


def test_a_withdrawn_result_is_gone(archive: Archive) -> None:
    publish_result(archive, asked(archive, EXAMS))

    withdraw_result(archive, "first")

    assert files(archive) == set()
    with pytest.raises(NotFoundError, match="it has none yet"):
        read_result(archive, "first")
    with pytest.raises(NotFoundError):
        withdraw_result(archive, "first")


def test_the_newest_come_first_and_a_damaged_one_hides_no_other(archive: Archive) -> None:
    for name in ("a", "b", "c"):
        publish_result(archive, asked(archive, EXAMS, name=name))
    (archive.path / "results" / "b" / "result.json").write_text('{"format_version": 1}')

    results, (refusal,) = list_results(archive)

    assert [one.name for one in results] == ["c", "a"]
    assert (refusal.item, refusal.check) == ("b", "result-not-readable")
    assert "publish the result again" in refusal.reason


def test_a_damaged_result_can_be_replaced_and_withdrawn(archive: Archive) -> None:
    record = archive.path / "results" / "first" / "result.json"
    publish_result(archive, asked(archive, EXAMS))
    record.write_text("{")

    again = publish_result(archive, asked(archive, EXAMS), replace=True)

    assert list_results(archive) == ([again], [])
    record.write_text("{")
    withdraw_result(archive, "first")
    assert list_results(archive) == ([], [])


def test_a_result_of_a_newer_hilum_is_refused(archive: Archive) -> None:
    publish_result(archive, asked(archive, EXAMS))
    path = archive.path / "results" / "first" / "result.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format_version": 2}))

    with pytest.raises(ArchiveError, match="update it"):
        read_result(archive, "first")


@pytest.mark.parametrize("name", ["..", "a/b", "", ".hidden", "a b"])
def test_a_name_is_one_of_a_file(archive: Archive, name: str) -> None:
    with pytest.raises(ConfigError):
        publish_result(archive, asked(archive, EXAMS, name=name))
    with pytest.raises(ConfigError):
        read_result(archive, name)


def test_exams_of_no_series_need_a_collection_that_says_who_may_see_them(archive: Archive) -> None:
    with pytest.raises(AssessmentError, match=r"1 of 3 exams .* 'case 7': name the collections"):
        publish_result(archive, asked(archive, (*EXAMS, "case 7")))
    with pytest.raises(NotFoundError, match=r"no collection trail .* it has trial"):
        publish_result(archive, asked(archive, (*EXAMS, "case 7"), collection_ids=["trail"]))

    done = publish_result(archive, asked(archive, ("case 7",), collection_ids=["trial"]))

    assert done.collection_ids == ("trial",)
