"""Publishing follows the catalog: only what changed, whole or not at all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from builders import UID_ROOT, CtSeries
from hilum.catalog import Archive
from hilum.catalog.folder import index_folder
from hilum.cohort import Criteria, build_cohort
from hilum.errors import NotFoundError
from hilum.serve.access.models import Grant
from hilum.serve.published import publish as publishing
from hilum.serve.published.cohorts import publish_cohort
from hilum.serve.published.metadata import SeriesMetadata, metadata_path
from hilum.serve.published.models import Cohort, Collection, Series, Study
from hilum.serve.published.publish import publish, withdraw
from hilum.serve.published.rows import comparable_time

if TYPE_CHECKING:
    from pathlib import Path

    from hilum.serve.accounts.models import User

pytestmark = pytest.mark.django_db


def series(number: int, *, study: int = 1, slices: int = 3, **changes: object) -> CtSeries:
    return CtSeries(
        shape=(slices, 4, 4),
        participant=f"P{study}",
        study_uid=f"{UID_ROOT}.{study}",
        series_uid=f"{UID_ROOT}.{study}.{number}",
        override={"SeriesNumber": number, **changes},
    )


@pytest.fixture
def files(tmp_path: Path) -> Path:
    series(1).write(tmp_path / "files" / "1")
    series(2).write(tmp_path / "files" / "2")
    series(1, study=2).write(tmp_path / "files" / "3")
    return tmp_path / "files"


@pytest.fixture
def archive(files: Path, tmp_path: Path) -> Archive:
    made = Archive.create(tmp_path / "archive")
    index_folder(made, files, "lab")
    return made


def state() -> list[tuple[object, ...]]:
    studies = Study.objects.order_by("study_uid").values_list("study_uid", "participant_id", "attributes")
    return [*studies, *Series.objects.order_by("series_uid").values_list("series_uid", "digest", "attributes")]


def test_a_collection_is_published_whole_and_to_nobody_unless_said(archive: Archive) -> None:
    done = publish(archive, "lab")
    assert (done.studies, done.series, done.series_new, done.prepared.instances) == (2, 3, 3, 9)
    assert Collection.objects.get().access == Collection.Access.APPROVED
    study = Study.objects.get(study_uid=f"{UID_ROOT}.1")
    assert json.loads(study.attributes)["00100010"]["Value"] == [{"Alphabetic": "P1"}]
    assert study.study_time == "101112.000000"


def test_publishing_again_changes_nothing_and_keeps_access(archive: Archive) -> None:
    publish(archive, "lab", access="public", title="The lab")
    keys = sorted(Series.objects.values_list("pk", flat=True))
    done = publish(archive, "lab")
    assert (done.series_new, done.series_changed, done.series_removed, done.prepared.series) == (0, 0, 0, 0)
    assert sorted(Series.objects.values_list("pk", flat=True)) == keys
    assert Collection.objects.get().access == "public"
    assert Collection.objects.get().title == "The lab"


def test_metadata_that_are_gone_are_prepared_again(archive: Archive) -> None:
    publish(archive, "lab")
    folder = archive.path / "serve" / "metadata"
    path = metadata_path(folder, "lab", Series.objects.earliest("pk").digest)
    path.unlink()
    done = publish(archive, "lab")
    assert (done.prepared.series, done.series_changed) == (1, 0)
    assert len(SeriesMetadata.open(path)) == 3


def test_another_collection_leaves_it_as_it_is(archive: Archive, tmp_path: Path) -> None:
    publish(archive, "lab")
    before = Collection.objects.get()
    series(1, study=3).write(tmp_path / "other")
    index_folder(archive, tmp_path / "other", "other")
    publish(archive, "lab")
    after = Collection.objects.get()
    assert after.content_digest == before.content_digest
    assert after.snapshot_id == archive.snapshot().snapshot_id != before.snapshot_id


def test_what_was_withdrawn_comes_back_whole(archive: Archive, django_user_model: type[User]) -> None:
    publish(archive, "lab")
    Grant.objects.create(user=django_user_model.objects.create_user("ann@example.org"), collection_id="lab")
    withdraw("lab")
    assert (Collection.objects.count(), Study.objects.count()) == (1, 0)
    assert publish(archive, "lab").series_new == 3
    assert Study.objects.count() == 2


def test_only_what_changed_is_prepared_and_keeps_its_key(archive: Archive, files: Path) -> None:
    publish(archive, "lab")
    key = Series.objects.get(series_uid=f"{UID_ROOT}.1.1").pk
    series(1, StudyDescription="changed").write(files / "1")
    for path in (files / "3").iterdir():
        path.unlink()
    index_folder(archive, files, "lab")
    done = publish(archive, "lab")
    assert (done.series_new, done.series_changed, done.series_removed, done.prepared.series) == (0, 1, 1, 1)
    assert Series.objects.get(series_uid=f"{UID_ROOT}.1.1").pk == key
    assert Study.objects.get().description == "changed", "the study of what was removed is gone"


def test_it_can_be_rebuilt(archive: Archive, files: Path) -> None:
    publish(archive, "lab")
    series(1, StudyDescription="changed").write(files / "1")
    index_folder(archive, files, "lab")
    publish(archive, "lab")
    followed = state()
    withdraw("lab")
    assert not Study.objects.exists()
    publish(archive, "lab")
    assert state() == followed


def test_a_failure_leaves_what_was_published(archive: Archive, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(archive, "lab")
    before = state()
    series(3).write(files / "4")
    index_folder(archive, files, "lab")

    def fail(_: object) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr(publishing, "refresh_cohorts", fail)
    with pytest.raises(OSError, match="gone"):
        publish(archive, "lab")
    assert state() == before


def test_a_file_that_is_gone_is_told_and_described_from_the_catalog(archive: Archive, files: Path) -> None:
    (files / "1" / "000001.dcm").unlink()
    done = publish(archive, "lab")
    assert [refusal.check for refusal in done.prepared.refusals] == ["broken-link"]
    row = Series.objects.get(series_uid=f"{UID_ROOT}.1.1")
    metadata = SeriesMetadata.open(metadata_path(archive.path / "serve" / "metadata", "lab", row.digest))
    uids = {json.loads(metadata.instance(index))["00080018"]["Value"][0] for index in range(len(metadata))}
    assert uids == {f"{UID_ROOT}.1.1.{number}" for number in (1, 2, 3)}


def test_cohorts_stay_linked(archive: Archive, files: Path) -> None:
    publish(archive, "lab")
    build_cohort(archive, "chosen", Criteria(collections=("lab",))).save(archive)
    cohort, missing = publish_cohort(archive, "chosen", title="Chosen")
    linked = cohort.series.count()
    assert missing == 0
    assert linked > 0
    series(1, StudyDescription="changed").write(files / "1")
    index_folder(archive, files, "lab")
    publish(archive, "lab")
    assert Cohort.objects.get().series.count() == linked
    with pytest.raises(NotFoundError):
        publish_cohort(archive, "absent")


def test_what_is_not_there_is_told(archive: Archive) -> None:
    with pytest.raises(NotFoundError, match="it has lab"):
        publish(archive, "absent")
    with pytest.raises(NotFoundError, match="not served"):
        withdraw("lab")


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("10", "100000.000000"),
        ("101112.5", "101112.500000"),
        ("10:11:12", "101112.000000"),
        ("1", ""),
        ("x", ""),
        ("", ""),
    ],
)
def test_times_compare_as_text(text: str, time: str) -> None:
    assert comparable_time(text) == time
