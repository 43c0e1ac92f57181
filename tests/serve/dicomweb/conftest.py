"""A public collection of several studies, and a browser to ask for it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from builders import SHARED_DATA, UID_ROOT, CtSeries
from hilum.catalog import Archive
from hilum.catalog.folder import index_folder
from hilum.serve.published.publish import publish

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from django.http import HttpResponseBase

ROOT = "/dicom-web"
FOLDERS = ("codecs_wg04", "seg_sr_highdicom", "slides", "cmb_crc_chest")
"""Real collections; a collection has the name of its folder."""

STUDIES: tuple[dict[str, Any], ...] = (
    {"PatientName": "Adams^Ann", "StudyDate": "19990102", "StudyTime": "0800", "AccessionNumber": "A1"},
    {"PatientName": "Adams^Bob", "StudyDate": "20000102", "StudyTime": "101112.5", "AccessionNumber": "A[2]"},
    {"PatientName": "BROWN^C", "StudyDate": "20000103", "StudyTime": "", "AccessionNumber": "B_3%"},
    {"PatientName": "Čapek^Karel", "StudyDate": None, "StudyTime": "235959", "AccessionNumber": ""},
    {"PatientName": "", "StudyDate": "20111231", "StudyTime": "120000", "AccessionNumber": "a1"},
)


def study_uid(study: int) -> str:
    return f"{UID_ROOT}.7.{study}"


def series_uid(study: int, number: int) -> str:
    return f"{study_uid(study)}.{number}"


@dataclass
class Answer:
    """A response, with its body whole."""

    response: HttpResponseBase
    body: bytes

    @property
    def status(self) -> int:
        return self.response.status_code

    def header(self, name: str) -> str:
        return str(self.response.headers.get(name, ""))

    def json(self) -> Any:
        return json.loads(self.body)

    def values(self, tag: str) -> list[Any]:
        """First value of an attribute in each object."""
        return [(each.get(tag, {}).get("Value") or [None])[0] for each in self.json()]


class Asker:
    """Asks as a browser does."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def __call__(
        self, path: str, query: Mapping[str, str] | None = None, accept: str = "*/*", **headers: str
    ) -> Answer:
        fields = {"Accept": accept} | {name.replace("_", "-"): value for name, value in headers.items()}
        response = self.client.get(ROOT + path, query, headers=fields)
        body = b"".join(response) if getattr(response, "streaming", False) else response.content
        return Answer(response, body)


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """Five studies of two series each, of three instances; read it only."""
    root = tmp_path_factory.mktemp("lab")
    archive = Archive.create(root / "archive")
    for study, attributes in enumerate(STUDIES, 1):
        for number in (1, 2):
            own: dict[str, Any] = {
                "Modality": "CT" if number == 1 else "PT",
                "SeriesNumber": number,
                "SeriesDescription": f"study {study}, series {number}",
                "SpecificCharacterSet": "ISO_IR 192",
                "WindowCenter": 40,
                "WindowWidth": 400,
            }
            series = CtSeries(
                shape=(3, 8, 6),
                participant=f"P{study}",
                study_uid=study_uid(study),
                series_uid=series_uid(study, number),
                override=own | attributes,
                seed=study * 10 + number,
            )
            series.write(root / "files" / f"{study}-{number}")
    index_folder(archive, root / "files", "lab")
    return archive


@pytest.fixture
def ask(lab: Archive, settings: Any, db: None) -> Asker:
    """Ask for the five studies, which everybody sees."""
    settings.OPTIONS = replace(settings.OPTIONS, archive=str(lab.path))
    publish(lab, "lab", access="public")
    return Asker(Client())


@pytest.fixture(scope="session")
def real_archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """The real collections, indexed where they lie."""
    archive = Archive.create(tmp_path_factory.mktemp("real") / "archive")
    for name in FOLDERS:
        index_folder(archive, SHARED_DATA / name, name)
    return archive


@pytest.fixture
def ask_real(real_archive: Archive, settings: Any, db: None) -> Asker:
    """Ask for the real collections, which everybody sees."""
    settings.OPTIONS = replace(settings.OPTIONS, archive=str(real_archive.path))
    for name in FOLDERS:
        publish(real_archive, name, access="public")
    return Asker(Client())


def can_read_at_once(folder: Path) -> bool:
    """Whether a folder's file system can read without waiting; Docker's own and those of networks cannot."""
    with TemporaryFile(dir=folder) as file:
        try:
            os.preadv(file.fileno(), [bytearray(1)], 0, os.RWF_NOWAIT)
        except BlockingIOError:
            return True
        except (AttributeError, OSError):
            return False
    return True


def files_of(archive: Archive, collection_id: str) -> dict[str, Path]:
    """File of each instance by its UID."""
    found: dict[str, Path] = {}
    for series in archive.series_where('"collection_id" = ?', [collection_id]):
        uids = series.instances.column("SOPInstanceUID")
        found.update(zip(uids, series.instances.paths(), strict=True))
    return found
