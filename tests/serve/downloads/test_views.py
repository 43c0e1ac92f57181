"""Cohorts, collections and series as they are downloaded: by whom, in which batch, and what is left out."""

from __future__ import annotations

import csv
import io
import zipfile
from typing import TYPE_CHECKING, Any

import bagit
import pytest
from django.test import Client

from builders import UID_ROOT, CtSeries
from hilum.acquire.manifests import Dialect, read_manifest
from hilum.catalog import Archive
from hilum.catalog.folder import index_folder
from hilum.model.instances import Instances
from hilum.serve.access.models import AuditRecord
from hilum.serve.downloads import bag, chosen
from hilum.serve.published.models import Cohort, Series
from hilum.serve.published.publish import publish
from serve.conftest import COHORT, series_uid, study_uid

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django.http import HttpResponseBase

PARTICIPANTS = 5


def body(response: HttpResponseBase) -> bytes:
    return b"".join(response) if response.streaming else response.content  # type: ignore[attr-defined]


def unzipped(response: HttpResponseBase) -> zipfile.ZipFile:
    content = body(response)
    assert len(content) == int(response.get("Content-Length", str(len(content))))
    found = zipfile.ZipFile(io.BytesIO(content))
    assert found.testzip() is None
    return found


def lines(found: zipfile.ZipFile, name: str) -> list[list[str]]:
    return list(csv.reader(found.read(name).decode().splitlines()))


def files_of(series: Series) -> list[Path]:
    return Instances.unpack(bytes(series.instances or b"")).paths()


@pytest.fixture
def many(tmp_path: Path, settings: Any, db: None) -> Archive:
    """Serve to everybody a collection of five participants, each with two series of two files."""
    archive = Archive.create(tmp_path / "archive")
    for participant in range(PARTICIPANTS):
        for number in (1, 2):
            uid = f"{UID_ROOT}.9.{participant}"
            series = CtSeries(
                shape=(2, 4, 4), participant=f"P{participant}", study_uid=uid, series_uid=f"{uid}.{number}"
            )
            series.write(tmp_path / "files" / f"{participant}-{number}")
    index_folder(archive, tmp_path / "files", "many")
    settings.OPTIONS = type(settings.OPTIONS)(archive=str(archive.path), public_url="https://ct.example.org")
    publish(archive, "many", access="public", title="Many")
    return archive


def test_a_collection_is_a_bag_with_its_licences(many: Archive, tmp_path: Path) -> None:
    response = Client().get("/download/collections/many.zip")
    found = unzipped(response)
    found.extractall(tmp_path / "bag")

    bagit.Bag(str(tmp_path / "bag")).validate(processes=1)
    assert response["Content-Disposition"] == 'attachment; filename="many.zip"'
    assert (response["X-Series"], response["X-Series-Not-Included"]) == ("10", "0")
    assert {"LICENCES.md", "bag-info.txt", "citation.txt"} <= set(found.namelist())
    names = [name for name in found.namelist() if name.startswith("data/")]
    assert len(names) == PARTICIPANTS * 2 * 2
    assert names[0] == f"data/many/P0/{UID_ROOT}.9.0/CT_{UID_ROOT}.9.0.1/{UID_ROOT}.9.0.1.1.dcm"
    original = files_of(Series.objects.get(series_uid=f"{UID_ROOT}.9.0.1"))[0]
    assert found.read(names[0]) == original.read_bytes()


def test_its_folders_are_those_that_are_asked_for(many: Archive) -> None:
    folders = {
        "classic": f"many/P0/{UID_ROOT}.9.0/{UID_ROOT}.9.0.1",
        "%25PatientID/%25SeriesInstanceUID": f"P0/{UID_ROOT}.9.0.1",
        "descriptive": f"many/P0/01-02-2000-1-{UID_ROOT[-1]}.9.0/1-chest-9.0.1",
    }
    for layout, folder in folders.items():
        found = unzipped(Client().get(f"/download/collections/many.zip?layout={layout}"))
        assert f"data/{folder}/{UID_ROOT}.9.0.1.1.dcm" in found.namelist()


def test_batches_part_no_participant_and_lose_none(many: Archive) -> None:
    offer = Client().get("/download/collections/many.json?batch_size=2").json()
    assert [offer[name] for name in ("participants", "series", "not_here", "closed")] == [PARTICIPANTS, 10, 0, 0]
    assert [one["participants"] for one in offer["batches"]] == [2, 2, 1]
    assert sum(one["size_bytes"] for one in offer["batches"]) == offer["size_bytes"]

    named: list[set[str]] = []
    for batch in offer["batches"]:
        response = Client().get(batch["zip"])
        names = [name.split("/") for name in unzipped(response).namelist() if name.startswith("data/")]
        named.append({parts[2] for parts in names})
        assert len(names) == batch["participants"] * 4
        assert f"many-batch-{batch['batch']}-of-3.zip" in response["Content-Disposition"]
    assert [sorted(one) for one in named] == [["P0", "P1"], ["P2", "P3"], ["P4"]]


def test_a_batch_that_is_none_is_refused(many: Archive) -> None:
    sizes = ("batch_size=0&batch=1", "batch=1&batch_size=-1", "batch=1&batch_size=10001")
    for query in ("batch=0", "batch=4&batch_size=2", "batch=x", "batch=٣", "layout=x", *sizes):
        answer = Client().get(f"/download/collections/many.zip?{query}")
        assert answer.status_code == 400
        assert query.partition("=")[0].partition("_")[0] in answer.json()["error"]


def test_what_is_not_here_is_named(many: Archive) -> None:
    absent, damaged = f"{UID_ROOT}.9.1.2", f"{UID_ROOT}.9.3.1"
    Series.objects.filter(series_uid=absent).update(instances=None)
    files = files_of(Series.objects.get(series_uid=damaged))
    files[0].unlink()

    response = Client().get("/download/collections/many.zip")
    found = unzipped(response)

    assert (response["X-Series"], response["X-Series-Not-Included"]) == ("9", "2")
    rows = lines(found, "NOT-INCLUDED.csv")
    assert [row[0] for row in rows] == ["SeriesInstanceUID", absent, damaged]
    assert rows[1][1:] == ["", bag.NOT_HERE]
    assert rows[2][1].endswith(f"{damaged}.1.dcm")
    assert rows[2][2] == bag.NOT_FOUND
    assert sum(name.startswith("data/") for name in found.namelist()) == 9 * 2 - 1
    assert Client().get("/download/collections/many.json").json()["not_here"] == 1


def test_a_large_download_names_at_its_end_what_was_missing(many: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bag, "LOOKED_AT", 3)
    files_of(Series.objects.get(series_uid=f"{UID_ROOT}.9.3.1"))[0].unlink()

    response = Client().get("/download/collections/many.zip")
    found = unzipped(response)

    assert not response.has_header("Content-Length")
    assert len(lines(found, "NOT-INCLUDED.csv")) == 2
    assert sum(name.startswith("data/") for name in found.namelist()) == 19


def test_a_manifest_is_read_back(many: Archive, tmp_path: Path) -> None:
    for dialect in (Dialect.TCIA, Dialect.CSV, Dialect.TSV, Dialect.BAGIT):
        response = Client().get(f"/download/collections/many/{dialect.file_name}?batch=1&batch_size=2")
        path = tmp_path / dialect.file_name
        path.write_bytes(body(response))
        manifest = read_manifest(path)
        assert len(manifest.files if dialect is Dialect.BAGIT else manifest.series) == 4
        assert not manifest.refusals
        assert "many-batch-1-of-3." in response["Content-Disposition"]
        if dialect is Dialect.TCIA:
            assert manifest.server_url == "https://ct.example.org/nbia-download/servlet/DownloadServlet"


def test_a_manifest_says_how_many_series_it_cannot_hold(many: Archive) -> None:
    Series.objects.filter(series_uid=f"{UID_ROOT}.9.1.2").update(instances=None)
    counts = {}
    for dialect in Dialect:
        response = Client().get(f"/download/collections/many/{dialect.file_name}")
        counts[dialect.value] = (int(response["X-Series"]), int(response["X-Series-Not-Included"]))

    assert counts == {"tcia": (9, 1), "bagit": (9, 1), "csv": (10, 0), "tsv": (10, 0), "s5cmd": (0, 10), "idc": (0, 10)}


def test_what_is_too_much_is_taken_in_batches(many: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chosen, "MAX_SERIES", 4)

    for form in (".zip", "/manifest.tcia", "/manifest.csv"):
        whole = Client().get(f"/download/collections/many{form}")
        assert whole.status_code == 400
        assert "10 series; take batches" in whole.json()["error"]
        assert Client().head(f"/download/collections/many{form}?batch=1&batch_size=2").status_code == 200


def test_the_files_of_a_fetch_list_are_where_it_says(many: Archive) -> None:
    first = body(Client().get("/download/collections/many/fetch.txt")).decode().splitlines()[0]
    url, size, path = first.split(" ")

    assert url.startswith("https://ct.example.org/nbia-api/services/v1/getSingleImage?")
    content = body(Client().get(url.removeprefix("https://ct.example.org")))
    assert (len(content), content[128:132]) == (int(size), b"DICM")
    assert path.startswith(f"data/many/P0/{UID_ROOT}.9.0/")


def test_a_part_of_a_series_goes_on_where_it_ended(many: Archive) -> None:
    path = f"/download/series/{UID_ROOT}.9.0.1.zip"
    first = Client().get(path)
    content = body(first)
    tag = first["ETag"]

    rest = Client().get(path, headers={"Range": "bytes=1000-", "If-Range": tag})
    assert (rest.status_code, rest["Content-Range"]) == (206, f"bytes 1000-{len(content) - 1}/{len(content)}")
    assert body(rest) == content[1000:]
    assert int(rest["Content-Length"]) == len(content) - 1000
    other = Client().get(path, headers={"Range": "bytes=1000-", "If-Range": '"old"'})
    assert (other.status_code, body(other)) == (200, content)
    behind = Client().get(path, headers={"Range": f"bytes={len(content)}-"})
    assert (behind.status_code, behind["Content-Range"]) == (416, f"bytes */{len(content)}")
    assert Client().get(path, headers={"If-None-Match": tag}).status_code == 304
    head = Client().head(path)
    assert (int(head["Content-Length"]), head["ETag"], head["Accept-Ranges"]) == (len(content), tag, "bytes")


def test_a_series_that_is_not_as_it_was_indexed_is_no_zip(many: Archive) -> None:
    uid = f"{UID_ROOT}.9.0.1"
    files_of(Series.objects.get(series_uid=uid))[0].write_bytes(b"x")
    damaged = Client().get(f"/download/series/{uid}.zip")
    assert damaged.status_code == 404
    assert "1 of 2 files" in damaged.json()["error"]

    Series.objects.filter(series_uid=uid).update(instances=None)
    absent = Client().get(f"/download/series/{uid}.zip")
    assert absent.status_code == 404
    assert "only knows of it" in absent.json()["error"]


def test_a_cohort_gives_what_its_reader_may_see_and_counts_the_rest(
    served_archive: Archive, client_as: Callable[[str], Client]
) -> None:
    cohort = Cohort.objects.create(cohort_id="mixed", title="Mixed", digest="0" * 64)
    cohort.series.set(Series.objects.all())
    steward, reader = client_as("steward"), client_as("of_cohort")

    assert unzipped(steward.get("/download/cohorts/mixed.zip")).namelist().count("bagit.txt") == 1
    assert steward.head("/download/cohorts/mixed.zip")["X-Series"] == "4"
    assert reader.get("/download/cohorts/mixed.zip").status_code == 404
    assert reader.get(f"/download/cohorts/{COHORT}.json").json()["series"] == 1
    own = unzipped(reader.get(f"/download/cohorts/{COHORT}.zip"))
    assert {name.split("/")[3] for name in own.namelist() if name.startswith("data/")} == {study_uid("closed_ct")}


def test_downloads_are_recorded_and_looks_are_not(served_archive: Archive, client_as: Callable[[str], Client]) -> None:
    client, uid = client_as("of_collection"), series_uid("closed_ct", 2)
    client.head("/download/collections/closed_ct.zip")
    client.get("/download/collections/closed_ct.json")
    client.get("/download/collections/members_ct/absent.txt")
    assert not AuditRecord.objects.filter(event="downloaded").exists()

    body(client.get("/download/collections/closed_ct.zip"))
    client.get("/download/collections/closed_ct/manifest.tcia")
    body(client.get(f"/download/series/{uid}.zip", headers={"Range": "bytes=5-9"}))

    found = AuditRecord.objects.filter(event="downloaded").values_list("item", "detail")
    assert [(item, detail["form"]) for item, detail in found] == [
        ("closed_ct", "zip"),
        ("closed_ct", "tcia"),
        (uid, "series"),
    ]
    assert found[2][1]["start"] == 5


def test_odd_names_are_not_found(many: Archive) -> None:
    for name in ("..", "%2e%2e", "x" * 500, "' OR 1=1 --", "%0d%0aX-Y: 1", "%00", "a%00b"):
        for path in ("collections/{}.zip", "cohorts/{}.json", "series/{}.zip", "collections/many/{}"):
            answer = Client().get(f"/download/{path.format(name)}")
            assert answer.status_code == (400 if "%00" in name else 404), name
            assert not answer.has_header("X-Y")
