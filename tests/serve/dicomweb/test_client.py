"""The real server, asked by pip's dicomweb-client, by Orthanc, and with OHIF's own requests."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pydicom
import pytest
from dicomweb_client.api import DICOMwebClient
from requests import HTTPError

from builders import SHARED_DATA, UID_ROOT, CtSeries, needs_shared_data
from hilum.catalog import Archive
from hilum.catalog.folder import index_folder
from hilum.serve import inbox
from peers import orthanc

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from serve.conftest import RunningSite

STUDY, SERIES = f"{UID_ROOT}.5", f"{UID_ROOT}.5.1"
SLICES = 40


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """A CT series of small slices with a private value of some length, published to everybody."""
    made = Archive.create(tmp_path / "archive")
    CtSeries(shape=(SLICES, 8, 8), study_uid=STUDY, series_uid=SERIES).write(tmp_path / "files")
    for path in (tmp_path / "files").iterdir():
        dataset = pydicom.dcmread(path)
        dataset.add_new(0x00420011, "OB", bytes(range(250)) * 8)
        dataset.save_as(path)
    index_folder(made, tmp_path / "files", "lab")
    run(made, "publish", "lab", "--access", "public")
    return made


def run(archive: Archive, *words: str) -> str:
    command = [sys.executable, "-c", "from hilum.cli.app import main; main()", "site", *words]
    done = subprocess.run([*command, "--archive", str(archive.path)], check=True, capture_output=True, text=True)
    return done.stdout


def client_of(site: RunningSite) -> DICOMwebClient:
    return DICOMwebClient(f"{site.url}/dicom-web")


def test_every_relevant_call(archive: Archive, start_site: Callable[..., RunningSite]) -> None:
    site = start_site(archive.path)
    client = client_of(site)
    files = {path.name: pydicom.dcmread(path) for path in sorted((archive.path.parent / "files").iterdir())}
    first = files["000000.dcm"]
    place = (STUDY, SERIES, first.SOPInstanceUID)
    _searches(client)
    _objects(client, first, place)
    _frames(client, first, place)
    assert client.retrieve_instance_rendered(*place, media_types=("image/png",))[:4] == b"\x89PNG"
    assert client.retrieve_series_rendered(STUDY, SERIES, media_types=("image/jpeg",))[:2] == b"\xff\xd8"
    picture = client.retrieve_instance_frames_rendered(*place, frame_numbers=[1], media_types=("image/jpeg",))
    assert picture[:2] == b"\xff\xd8"
    with pytest.raises(HTTPError, match="404"):
        client.retrieve_series(STUDY, f"{SERIES}.9")
    with pytest.raises(HTTPError, match="401"):
        client.store_instances([first])
    _frames_end_with_the_right(client, archive, place)


def _searches(client: DICOMwebClient) -> None:
    assert len(client.search_for_studies(limit=10)) == 1
    assert client.search_for_studies(search_filters={"PatientID": "nobody"}) == []
    assert len(client.search_for_studies(fields=["StudyDescription"], search_filters={"PatientName": "P*"})) == 1
    assert len(client.search_for_series(STUDY, search_filters={"Modality": "CT"})) == 1
    assert len(client.search_for_series()) == 1
    assert len(client.search_for_instances(STUDY, SERIES, limit=7, get_remaining=True)) == SLICES
    assert len(client.search_for_instances(search_filters={"InstanceNumber": 3})) == 1


def _objects(client: DICOMwebClient, first: pydicom.Dataset, place: tuple[str, str, str]) -> None:
    assert client.retrieve_instance(*place) == first
    assert len(client.retrieve_series(STUDY, SERIES)) == SLICES
    assert len(list(client.iter_series(STUDY, SERIES))) == SLICES
    assert len(client.retrieve_study(STUDY)) == SLICES
    assert len(list(client.iter_study(STUDY))) == SLICES
    metadata = client.retrieve_series_metadata(STUDY, SERIES)
    assert len(metadata) == SLICES
    assert len(client.retrieve_study_metadata(STUDY)) == SLICES
    own: Any = client.retrieve_instance_metadata(*place)
    assert own in metadata
    bulk = client.base_url.removesuffix("/dicom-web") + own["00420011"]["BulkDataURI"]
    assert client.retrieve_bulkdata(bulk) == [first[0x00420011].value]
    assert client.retrieve_bulkdata(bulk, byte_range=(1, 3)) == [bytes([1, 2, 3])]
    pixels = client.base_url.removesuffix("/dicom-web") + own["7FE00010"]["BulkDataURI"]
    assert b"".join(client.iter_bulkdata(pixels)) == first.PixelData


def _frames(client: DICOMwebClient, first: pydicom.Dataset, place: tuple[str, str, str]) -> None:
    assert client.retrieve_instance_frames(*place, [1]) == [first.PixelData]
    assert list(client.iter_instance_frames(*place, [1])) == [first.PixelData]
    media_types = (("application/octet-stream", "1.2.840.10008.1.2.1"),)
    assert client.retrieve_instance_frames(*place, [1], media_types=media_types) == [first.PixelData]


def _frames_end_with_the_right(client: DICOMwebClient, archive: Archive, place: tuple[str, str, str]) -> None:
    with closing(sqlite3.connect(archive.path / "serve" / "hilum.sqlite3", isolation_level=None)) as database:
        for access in ("approved", "public") * 3:
            database.execute("UPDATE published_collection SET access = ?", [access])
            for _ in range(3):
                if access == "public":
                    assert client.retrieve_instance_frames(*place, [1])
                else:
                    with pytest.raises(HTTPError, match="404"):
                        client.retrieve_instance_frames(*place, [1])


def test_objects_are_sent_accepted_and_published(
    archive: Archive, start_site: Callable[..., RunningSite], tmp_path: Path
) -> None:
    token = run_in_django(archive, _MAKE_TOKEN).strip()
    site = start_site(archive.path)
    client = DICOMwebClient(f"{site.url}/dicom-web", headers={"Authorization": f"Bearer {token}"})
    new = CtSeries(shape=(2, 4, 4), study_uid=f"{STUDY}0", series_uid=f"{STUDY}0.1").datasets()
    answer = client.store_instances(new)
    assert len(answer.ReferencedSOPSequence) == 2
    assert client.search_for_studies(search_filters={"StudyInstanceUID": f"{STUDY}0"}) == []
    [delivery] = inbox.deliveries(archive.path / "serve" / "inbox")
    folder = str(tmp_path / "taken")
    run(archive, "inbox", "accept", delivery.name, "--folder", folder, "--collection", "lab")
    run(archive, "publish", "lab")
    assert len(client.search_for_studies(search_filters={"StudyInstanceUID": f"{STUDY}0"})) == 1
    assert client.retrieve_instance(f"{STUDY}0", f"{STUDY}0.1", new[0].SOPInstanceUID) == new[0]


def test_orthanc_fetches_studies_and_sends_its_own(
    archive: Archive, start_site: Callable[..., RunningSite], tmp_path: Path
) -> None:
    token = run_in_django(archive, _MAKE_TOKEN).strip()
    site = start_site(archive.path)
    server = {"Url": f"{site.url}/dicom-web/", "HttpHeaders": {"Authorization": f"Bearer {token}"}}
    with orthanc(tmp_path, Servers={"hilum": server}) as url, httpx.Client(timeout=60) as client:
        asked = f"{url}/dicom-web/servers/hilum"
        fetched = client.post(f"{asked}/retrieve", json={"Resources": [{"Study": STUDY}]}).raise_for_status()
        assert fetched.json()["ReceivedInstancesCount"] == str(SLICES)
        files = sorted((tmp_path / "files").iterdir())
        ids = [one["ID"] for one in client.get(f"{url}/instances", params={"expand": ""}).json()]
        kept = [client.get(f"{url}/instances/{one}/file").content for one in ids]
        assert sorted(kept) == sorted(path.read_bytes() for path in files)
        client.post(f"{asked}/stow", json={"Resources": ids[:3]}).raise_for_status()
    [delivery] = inbox.deliveries(archive.path / "serve" / "inbox")
    assert delivery.objects == 3


@needs_shared_data
def test_requests_of_ohif(start_site: Callable[..., RunningSite], tmp_path: Path) -> None:
    made = Archive.create(tmp_path / "archive")
    index_folder(made, SHARED_DATA / "cmb_crc_chest", "cmb")
    run(made, "publish", "cmb", "--access", "public")
    site = start_site(made.path)
    [series] = made.series_where('"collection_id" = ?', ["cmb"])
    client = client_of(site)
    fields = "00081030,00080060,00080090,00100030"
    query = f"limit=101&offset=0&fuzzymatching=false&includefield={fields}&StudyInstanceUID={series.study_uid}"
    [study] = get_json(client, f"/studies?{query}")
    assert {"00080061", "00201206", "00201208"} <= study.keys()
    inside = f"/studies/{series.study_uid}/series"
    [found] = get_json(client, f"{inside}?includefield=00080021,00080031,0008103E,00200011")
    assert found["00201209"]["Value"] == [len(series.instances)]
    metadata = get_json(client, f"{inside}/{series.uid}/metadata")
    assert len(metadata) == len(series.instances)
    sop = metadata[0]["00080018"]["Value"][0]
    accept = "multipart/related; type=application/octet-stream; transfer-syntax=*"
    answer = client._session.get(
        f"{client.base_url}{inside}/{series.uid}/instances/{sop}/frames/1", headers={"Accept": accept}
    )
    body = answer.content.split(b"\r\n\r\n", 1)[1]
    pixels = np.frombuffer(body[: 512 * 512 * 2], "<i2").reshape(512, 512)
    path = series.instances.paths()[list(series.instances.column("SOPInstanceUID")).index(sop)]
    assert (pixels == pydicom.dcmread(path).pixel_array).all()


def get_json(client: DICOMwebClient, path: str) -> Any:
    answer = client._session.get(f"{client.base_url}{path}", headers={"Accept": "application/dicom+json"})
    assert answer.status_code == 200, answer.text
    return json.loads(answer.content)


_MAKE_TOKEN = """
from hilum.serve.accounts.models import User
from hilum.serve.accounts.tokens import make_token
print(make_token(User.objects.create_user("sender@example.org", "a long enough pass phrase"), "test")[1])
"""


def run_in_django(archive: Archive, program: str) -> str:
    start = f"from pathlib import Path\nfrom hilum.serve import site\nsite.open_site(Path({str(archive.path)!r}))\n"
    done = subprocess.run([sys.executable, "-c", start + program], capture_output=True, text=True, check=True)
    return done.stdout
