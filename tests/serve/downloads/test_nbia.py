"""The calls that NBIA's clients make, and what each role is told."""

from __future__ import annotations

import csv
import io
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from hilum.serve.downloads import tabular
from hilum.serve.downloads.nbia_calls import CALLS
from hilum.serve.downloads.nbia_rows import METADATA_TITLES
from hilum.serve.published.models import Series, Study
from serve.conftest import series_uid, study_uid

if TYPE_CHECKING:
    from collections.abc import Callable

    from hilum.catalog import Archive

ROOT = "/nbia-api/services"
OPEN, CLOSED = series_uid("open_ct"), series_uid("closed_ct", 2)
REQUIRED = {"Collection": "open_ct", "Modality": "CT", "SeriesInstanceUID": OPEN}


def ask(call: str, client: Client | None = None, version: str = "v1", **parameters: str) -> Any:
    answer = (client or Client()).get(f"{ROOT}/{version}/{call}", parameters)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_everybody_is_told_of_public_collections_only(served_archive: Archive) -> None:
    for call in CALLS:
        parameters: dict[str, Any] = {
            name: {"Collection": "open_ct", "Modality": "CT"}.get(name, OPEN) for name in call.required
        }
        rows = ask(call.name, **parameters)
        text = str(rows)
        assert "closed_ct" not in text, call.name
        assert "members_ct" not in text, call.name
        assert rows or call.name.startswith("getBodyPart"), call.name
        assert all(set(row) <= set(call.columns) for row in rows), call.name


def test_who_is_known_is_told_of_what_they_see(served_archive: Archive, client_as: Callable[[str], Client]) -> None:
    seen = {"public": 1, "registered": 2, "of_cohort": 3, "of_collection": 4, "steward": 4}
    for role, count in seen.items():
        client = client_as(role)
        assert len(ask("getSeries", client)) == count, role
        assert len(ask("getPatientStudy", client)) == count, role
        listed = client.post(f"{ROOT}/v4/getSeriesMetadata", {"list": f"{OPEN},{CLOSED},1.2.3", "format": "json"})
        assert len(listed.json()) == (2 if count == 4 else 1), role


def test_what_may_not_be_seen_is_as_if_it_were_not_there(served_archive: Archive) -> None:
    for uid in (CLOSED, "1.2.3", "x", "1' OR '1'='1"):
        for call in ("getSOPInstanceUIDs", "getSeriesSize", "getSeriesMetaData", "getSeries"):
            assert ask(call, SeriesInstanceUID=uid) == []
        for call in ("getImage", "getImageWithMD5Hash"):
            answer = Client().get(f"{ROOT}/v1/{call}", {"SeriesInstanceUID": uid})
            assert answer.status_code == 404
            assert uid not in answer.content.decode()


def test_a_series_is_described(served_archive: Archive) -> None:
    Study.objects.update(description="chest, low dose")
    Series.objects.update(licence="CC BY 4.0", body_part="CHEST", attributes='{"00081090":{"vr":"LO","Value":["A1"]}}')

    (row,) = ask("getSeries", Collection="OPEN_CT")
    size = Series.objects.get(series_uid=OPEN).size_bytes
    assert row == {
        "SeriesInstanceUID": OPEN,
        "StudyInstanceUID": study_uid("open_ct"),
        "Modality": "CT",
        "SeriesDescription": "chest",
        "BodyPartExamined": "CHEST",
        "SeriesNumber": 1,
        "Collection": "open_ct",
        "PatientID": "open_ct-1",
        "Manufacturer": "hilum",
        "ManufacturerModelName": "A1",
        "ImageCount": 4,
        "FileSize": size,
        "StudyDate": "2000-01-02",
        "StudyDesc": "chest, low dose",
        "LicenseName": "CC BY 4.0",
        "LicenseURI": "https://creativecommons.org/licenses/by/4.0/",
    }
    (metadata,) = ask("getSeriesMetaData", SeriesInstanceUID=OPEN)
    assert (metadata["Study Date"], metadata["Study Description"]) == ("01-02-2000", "chest, low dose")
    assert (metadata["Number of Images"], metadata["File Size"]) == (4, size)
    assert ask("getSeriesSize", SeriesInstanceUID=OPEN) == [{"TotalSizeInBytes": size, "ObjectCount": 4}]


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("Collection", "open_ct", "open"),
        ("PatientID", "open_ct-1", "open_ct-2"),
        ("StudyInstanceUID", study_uid("open_ct"), "1.2"),
        ("SeriesInstanceUID", OPEN, "1.2"),
        ("Modality", "CT", "MR"),
        ("Manufacturer", "hilum", "%"),
        ("ManufacturerModelName", 'A"1_', 'A"12'),
    ],
)
def test_series_are_chosen_by_every_parameter(served_archive: Archive, name: str, right: Any, wrong: Any) -> None:
    Series.objects.update(attributes='{"00081090":{"vr":"LO","Value":["A\\"1_"]}}')

    assert len(ask("getSeries", **{name: right})) == 1
    assert ask("getSeries", **{name: wrong}) == []


def test_counts_are_of_participants(served_archive: Archive, client_as: Callable[[str], Client]) -> None:
    steward = client_as("steward")

    assert ask("getModalityValuesAndCounts", steward) == [{"criteria": "CT", "count": 4}]
    assert ask("getModalityValuesAndCounts", steward, Collection="closed_ct") == [{"criteria": "CT", "count": 2}]
    assert {"criteria": "closed_ct", "count": 2} in ask("getCollectionValuesAndCounts", steward)
    assert len(ask("getPatientByCollectionAndModality", steward, Collection="closed_ct", Modality="CT")) == 2


def test_only_what_is_here_is_told(served_archive: Archive) -> None:
    Series.objects.filter(series_uid=OPEN).update(instances=None)

    assert ask("getSeries") == ask("getPatient") == ask("getCollectionValues") == []


@pytest.mark.parametrize(
    ("version", "query", "status"),
    [
        ("v1", "getSeries?Colection=x", 200),
        ("v2", "getSeries", 401),
        ("v3", "getSeries", 404),
        ("v4", "getSeries?Colection=x", 400),
        ("v4", "getSeries?Collection=x", 200),
        ("v1", "getSeries?format=xml", 400),
        ("v1", "getSeries?Modality=a&Modality=b", 400),
        ("v1", "getSeries?Collection=%00", 400),
        ("v1", "getSeriesSize", 400),
        ("v1", "getImage", 400),
        ("v1", "getSeriesMetadata", 405),
        ("v1", "getContentsByName?name=x", 404),
    ],
)
def test_what_is_asked_wrongly_is_refused(served_archive: Archive, version: str, query: str, status: int) -> None:
    assert Client().get(f"{ROOT}/{version}/{query}").status_code == status


def test_csv_has_every_column(served_archive: Archive) -> None:
    rows = list(csv.reader(io.StringIO(Client().get(f"{ROOT}/v4/getSeries?format=csv").content.decode())))
    assert rows[0][:3] == ["SeriesInstanceUID", "StudyInstanceUID", "Modality"]
    assert [row[0] for row in rows[1:]] == [OPEN]

    answer = Client().post(f"{ROOT}/v4/getSeriesMetadata", {"list": f" {OPEN} ,, "})
    assert answer["Content-Type"].startswith("text/csv")
    titles, row = csv.reader(io.StringIO(answer.content.decode()))
    assert titles == list(METADATA_TITLES.values())
    assert dict(zip(titles, row, strict=True))["Image Count"] == "4"


def test_a_long_answer_is_sent_from_a_file(served_archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = ask("getSeries")
    monkeypatch.setattr(tabular, "HELD_BYTES", 10)

    answer = Client().get(f"{ROOT}/v1/getSeries")
    assert answer.streaming
    content = b"".join(answer)
    assert len(content) == int(answer["Content-Length"])
    assert str(whole[0]["SeriesInstanceUID"]).encode() in content


def test_images_come_as_zip_and_one_by_one(served_archive: Archive) -> None:
    def names(call: str, **parameters: str) -> list[str]:
        answer = Client().get(f"{ROOT}/v4/{call}", {"SeriesInstanceUID": OPEN, **parameters})
        return zipfile.ZipFile(io.BytesIO(b"".join(answer))).namelist()

    uids = [row["SOPInstanceUID"] for row in ask("getSOPInstanceUIDs", SeriesInstanceUID=OPEN)]
    assert names("getImage") == ["LICENSE", *(f"{uid}.dcm" for uid in uids)]
    assert names("getImage", NewFileNames="Yes")[1:3] == ["1-001.dcm", "1-002.dcm"]
    assert names("getImage", IncludeMD5="Yes")[-1] == names("getImageWithMD5Hash")[-1] == "md5hashes.csv"

    single = Client().get(f"{ROOT}/v1/getSingleImage", {"SeriesInstanceUID": OPEN, "SOPInstanceUID": uids[0]})
    content = b"".join(single)
    assert (single["Content-Type"], content[128:132]) == ("application/dicom", b"DICM")
    assert len(content) == int(single["Content-Length"])
    absent = Client().get(f"{ROOT}/v1/getSingleImage", {"SeriesInstanceUID": OPEN, "SOPInstanceUID": "1.2"})
    assert absent.status_code == 404
