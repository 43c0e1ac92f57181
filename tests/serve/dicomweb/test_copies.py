"""A study that stands in several collections is told once, of all that whoever asks may see, and of nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from builders import UID_ROOT, CtSeries
from hilum.catalog import Archive
from hilum.catalog.folder import index_folder
from hilum.serve.access.models import Grant
from hilum.serve.accounts.models import User
from hilum.serve.published.models import Cohort, Series, Study
from hilum.serve.published.publish import publish, withdraw
from serve.dicomweb.conftest import Asker

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pyarrow as pa

    AskAs = Callable[..., Asker]

FILES = {
    "first": {(1, 1): "CT", (1, 2): "PT", (2, 1): "CT"},
    "second": {(1, 1): "CT", (1, 3): "MR", (3, 1): "CT"},
}
"""Collection to its series, by study and number, with the modality of each: three instances a series."""

SHARED = (1, 1)


def study_uid(study: int) -> str:
    return f"{UID_ROOT}.8.{study}"


def series_uid(study: int, number: int) -> str:
    return f"{study_uid(study)}.{number}"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """Two collections that share a study, of which each has a series of its own; read it only."""
    root = tmp_path_factory.mktemp("shared")
    archive = Archive.create(root / "archive")
    for collection_id, series in FILES.items():
        for (study, number), modality in series.items():
            _write(root / collection_id, study, number, modality)
        index_folder(archive, root / collection_id, collection_id)
    return archive


def _write(folder: Path, study: int, number: int, modality: str, **override: Any) -> None:
    CtSeries(
        shape=(3, 4, 4),
        participant=f"P{study}",
        study_uid=study_uid(study),
        series_uid=series_uid(study, number),
        override={"Modality": modality, "SeriesNumber": number} | override,
    ).write(folder / f"{study}-{number}")


@pytest.fixture
def ask_as(shared: Archive, settings: Any, db: None) -> AskAs:
    """Publish both; give a function that asks as somebody who was granted some of them."""
    settings.OPTIONS = replace(settings.OPTIONS, archive=str(shared.path))
    for collection_id in FILES:
        publish(shared, collection_id)

    def ask(*granted: str) -> Asker:
        user = User.objects.create_user(f"{'-'.join(granted)}@example.org", "a long enough pass phrase")
        for collection_id in granted:
            Grant.objects.create(user=user, collection_id=collection_id)
        client = Client()
        client.force_login(user)
        return Asker(client)

    return ask


SEEN = {
    ("first", "second"): {1: (["CT", "MR", "PT"], 3), 2: (["CT"], 1), 3: (["CT"], 1)},
    ("first",): {1: (["CT", "PT"], 2), 2: (["CT"], 1)},
    ("second",): {1: (["CT", "MR"], 2), 3: (["CT"], 1)},
}
"""What was granted to the modalities and the number of series of each study that is seen."""


@pytest.mark.parametrize("granted", SEEN)
def test_a_study_is_told_once_with_what_may_be_seen_of_it(ask_as: AskAs, granted: tuple[str, ...]) -> None:
    answer = ask_as(*granted)("/studies")
    expected = SEEN[granted]
    assert answer.values("0020000D") == [study_uid(study) for study in expected]
    assert answer.header("X-Total-Count") == str(len(expected))
    told = [(one["00080061"]["Value"], one["00201206"]["Value"][0]) for one in answer.json()]
    assert told == list(expected.values())
    assert answer.values("00201208") == [3 * series for _, series in expected.values()]


@pytest.mark.parametrize("granted", SEEN)
def test_a_series_and_its_instances_are_told_once(ask_as: AskAs, granted: tuple[str, ...]) -> None:
    ask = ask_as(*granted)
    keys = {key for collection_id in granted for key in FILES[collection_id]}
    for path, keys_here in (("", keys), (f"/studies/{study_uid(1)}", {key for key in keys if key[0] == 1})):
        series = ask(f"{path}/series")
        assert sorted(series.values("0020000E")) == [series_uid(*key) for key in sorted(keys_here)]
        assert series.header("X-Total-Count") == str(len(keys_here))
        instances = ask(f"{path}/instances")
        assert len(set(instances.values("00080018"))) == len(instances.json()) == 3 * len(keys_here)
        assert instances.header("X-Total-Count") == str(3 * len(keys_here))
    assert ask("/instances", {"SOPInstanceUID": f"{series_uid(*SHARED)}.2"}).header("X-Total-Count") == "1"


def test_pages_hold_each_once(ask_as: AskAs) -> None:
    ask = ask_as(*FILES)
    for path, tag in (("/studies", "0020000D"), ("/series", "0020000E"), ("/instances", "00080018")):
        whole = ask(path).values(tag)
        pages = [ask(path, {"limit": "1", "offset": str(offset)}).values(tag) for offset in range(len(whole) + 1)]
        assert pages == [[uid] for uid in whole] + [[]]


@pytest.mark.parametrize(
    ("granted", "modality", "studies"),
    [
        (("first", "second"), "MR", [1]),
        (("first", "second"), "CT", [1, 2, 3]),
        (("first", "second"), "PT,MR", [1]),
        (("first",), "MR", []),
        (("second",), "PT", []),
        (("second",), "M*", [1]),
    ],
)
def test_a_study_has_the_modalities_of_every_collection_that_is_seen(
    ask_as: AskAs, granted: tuple[str, ...], modality: str, studies: list[int]
) -> None:
    ask = ask_as(*granted)
    answer = ask("/studies", {"ModalitiesInStudy": modality})
    assert answer.values("0020000D") == [study_uid(study) for study in studies]
    paged = ask("/studies", {"ModalitiesInStudy": modality, "limit": "0"})
    assert paged.header("X-Total-Count") == str(len(studies))
    series = ask("/series", {"ModalitiesInStudy": modality, "StudyInstanceUID": study_uid(1)})
    assert len(series.json()) == (SEEN[granted][1][1] if 1 in studies else 0)


@pytest.mark.parametrize("granted", SEEN)
def test_a_study_is_retrieved_once(ask_as: AskAs, granted: tuple[str, ...]) -> None:
    ask = ask_as(*granted)
    expected = 3 * SEEN[granted][1][1]
    assert len(set(ask(f"/studies/{study_uid(1)}/metadata").values("00080018"))) == expected
    assert len(ask(f"/studies/{study_uid(1)}/metadata").json()) == expected
    objects = ask(f"/studies/{study_uid(1)}", accept='multipart/related; type="application/dicom"')
    assert objects.body.count(b"Content-Location:") == expected


def test_the_portal_and_a_download_name_a_series_once(ask_as: AskAs) -> None:
    client = ask_as(*FILES).client
    for uid in (series_uid(*SHARED), study_uid(1)):
        page = client.get("/search", {"q": uid}).content.decode()
        assert page.count(f"initialSeriesInstanceUID={series_uid(*SHARED)}") == 1
    cohort = Cohort.objects.create(cohort_id="both", title="Both", digest="d")
    cohort.series.set(Series.objects.filter(series_uid=series_uid(*SHARED)))
    Grant.objects.create(user=User.objects.get(), cohort=cohort)
    assert client.get("/download/cohorts/both.json").json()["series"] == 1


def test_those_whose_files_are_here_come_first(ask_as: AskAs, shared: Archive, tmp_path: Path) -> None:
    assert set(_numbers().values()) == {0, 1, 2}
    table = shared.snapshot().table("series", "first")
    archive = Archive.create(tmp_path / "archive")
    archive.update("first", lambda _: {"series": _without_files(table)}, note="known from an index alone")
    archive.update("second", lambda _: {"series": shared.snapshot().table("series", "second")}, note="as it is")
    publish(archive, "first")
    assert _numbers()[series_uid(*SHARED), "second"] == 1
    assert _numbers()[series_uid(*SHARED), "first"] == 2
    assert ask_as(*FILES)(f"/studies/{study_uid(1)}/metadata").status == 200


def _without_files(table: pa.Table) -> pa.Table:
    import pyarrow as pa

    index = table.schema.get_field_index("instances")
    return table.set_column(index, table.schema.field(index), pa.nulls(table.num_rows, table.schema.field(index).type))


def test_what_is_left_of_a_withdrawn_collection_stands_alone(ask_as: AskAs) -> None:
    ask = ask_as(*FILES)
    withdraw("first")
    assert set(_numbers().values()) == set(Study.objects.values_list("copy_number", flat=True)) == {0}
    assert ask("/studies").values("0020000D") == [study_uid(1), study_uid(3)]


def test_a_series_uid_that_two_studies_have_hides_neither(ask_as: AskAs, shared: Archive, tmp_path: Path) -> None:
    _write(tmp_path / "odd", 1, 1, "CT", StudyInstanceUID=study_uid(9))
    archive = Archive.create(tmp_path / "archive")
    index_folder(archive, tmp_path / "odd", "odd")
    publish(archive, "odd")
    ask = ask_as(*FILES, "odd")
    found = ask("/series", {"SeriesInstanceUID": series_uid(*SHARED)})
    assert sorted(found.values("0020000D")) == [study_uid(1), study_uid(9)]
    assert ask("/studies").header("X-Total-Count") == "4"


def _numbers() -> dict[tuple[str, str], int]:
    rows = Series.objects.values_list("series_uid", "collection_id", "copy_number")
    return {(uid, collection_id): number for uid, collection_id, number in rows}
