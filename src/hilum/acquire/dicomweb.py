"""Instances of any DICOMweb server: QIDO-RS lists them, WADO-RS brings each by a request of its own.

References
----------
DICOM PS3.18, 10.4 (retrieve) and 10.6 (search).
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from hilum.acquire.answers import errors_of, require_good
from hilum.acquire.multipart import MultipartReader, boundary_of
from hilum.acquire.source import Delivery
from hilum.acquire.wanted import WantedFile, WantedSeries
from hilum.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import httpx

CHUNK_BYTES = 1 << 18
PAGE = 500
"""Results asked for at once; a server may give fewer, and is asked again until it gives none that is new."""

HEAD_BYTES = 4096
"""The file meta information names the instance within these first bytes (PS3.10, 7.1)."""

_TAGS = {
    "StudyInstanceUID": "0020000D",
    "SeriesInstanceUID": "0020000E",
    "PatientID": "00100020",
    "Modality": "00080060",
    "StudyDate": "00080020",
    "StudyID": "00200010",
    "StudyDescription": "00081030",
    "SeriesNumber": "00200011",
    "SeriesDescription": "0008103E",
}
_SERIES_INSTANCES = "00201209"
_INSTANCE_UID = "00080018"
_ACCEPT = 'multipart/related; type="application/dicom"; transfer-syntax=*'
"""As stored: no transfer syntax is converted."""


class DicomWebSource:
    """Series of a DICOMweb server.

    Parameters
    ----------
    client
        See `hilum.acquire.answers.open_client`.
    url
        Base of the services, such as ``https://HOST/dicom-web``.
    """

    def __init__(self, client: httpx.Client, url: str) -> None:
        self._client = client
        self._url = url.rstrip("/")

    @property
    def name(self) -> str:
        """Base URL, without a password."""
        parts = urlsplit(self._url)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))

    @property
    def host(self) -> str:
        """Name of the server: stands for the collection, of which DICOMweb knows nothing."""
        return urlsplit(self._url).hostname or "dicomweb"

    def find(self, matching: Mapping[str, str], *, collection_id: str = "") -> list[WantedSeries]:
        """Give the series that match, in the server's order.

        Parameters
        ----------
        matching
            DICOM keyword to value, as QIDO-RS takes them: ``{"PatientID": "P1", "Modality": "CT"}``.

        Raises
        ------
        SourceError
            The server does not answer, or nothing matches.
        """
        fields = ",".join([*_TAGS.values(), _SERIES_INSTANCES])
        found = [
            _series(row, collection_id)
            for row in self._search("series", {**matching, "includefield": fields}, _TAGS["SeriesInstanceUID"])
        ]
        if not found:
            said = ", ".join(f"{name}={value}" for name, value in matching.items()) or "any series"
            raise SourceError(f"{self.name}: nothing matches {said}", check="empty-series")
        return found

    def list_files(self, series: WantedSeries) -> Sequence[WantedFile]:
        """Instances of a series, each named after its SOPInstanceUID."""
        below = f"studies/{series.study_uid}/series/{series.series_uid}/instances"
        uids = [_value(row, _INSTANCE_UID) for row in self._search(below, {}, _INSTANCE_UID)]
        return [WantedFile(f"{uid}.dcm", location=uid) for uid in uids]

    @contextmanager
    def fetch(self, series: WantedSeries, file: WantedFile | None, start_byte: int) -> Iterator[Iterator[Delivery]]:  # noqa: ARG002
        """Open an instance; always from its first byte, for the standard knows no ranges."""
        if file is None:
            raise ValueError("instances are fetched one by one")
        url = f"{self._url}/studies/{series.study_uid}/series/{series.series_uid}/instances/{file.location}"
        with errors_of(url), self._client.stream("GET", url, headers={"Accept": _ACCEPT}) as response:
            require_good(response, url)
            yield iter([Delivery(file, 0, _instance(response, file.location, url))])

    def _search(self, what: str, query: Mapping[str, str], tag: str) -> Iterator[dict[str, Any]]:
        """Results of a search, page by page; a server that repeats itself does not page, and has given all."""
        seen: set[str] = set()
        while True:
            page = self._page(f"{self._url}/{what}", {**query, "limit": str(PAGE), "offset": str(len(seen))})
            fresh = {uid: row for row in page if (uid := _value(row, tag)) and uid not in seen}
            if not fresh:
                return
            seen |= fresh.keys()
            yield from fresh.values()

    def _page(self, url: str, query: Mapping[str, str]) -> list[dict[str, Any]]:
        with errors_of(url):
            response = self._client.get(url, params=dict(query), headers={"Accept": "application/dicom+json"})
        require_good(response, url)
        if response.status_code == 204:
            return []
        try:
            rows = response.json()
        except ValueError as error:
            raise SourceError(
                f"{url}: expected DICOM JSON; is it the base of a DICOMweb server?", check="bad-answer"
            ) from error
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise SourceError(f"{url}: expected a list of results in DICOM JSON", check="bad-answer")
        return rows


def _series(row: Mapping[str, Any], collection_id: str) -> WantedSeries:
    values = {keyword: _value(row, tag) for keyword, tag in _TAGS.items()}
    count = _value(row, _SERIES_INSTANCES)
    return WantedSeries(
        collection_id=collection_id,
        participant_id=values["PatientID"],
        study_uid=values["StudyInstanceUID"],
        series_uid=values["SeriesInstanceUID"],
        modality=values["Modality"],
        instance_count=int(count) if count.isdecimal() else None,
        attributes=values,
    )


def _value(row: Mapping[str, Any], tag: str) -> str:
    """First value of an attribute of a result as text; empty where it has none."""
    values = row.get(tag, {}).get("Value") or [""]
    first = values[0]
    return "" if first is None else str(first)


def _instance(response: httpx.Response, sop_uid: str, url: str) -> Iterator[bytes]:
    """Bytes of the one part of an answer, if they are of the instance that was asked for."""
    boundary = boundary_of(response.headers.get("Content-Type", ""))
    with errors_of(url):
        chunks = response.iter_bytes(CHUNK_BYTES)
        parts = iter([chunks]) if boundary is None else MultipartReader(chunks, boundary, url).parts()
        for number, part in enumerate(parts):
            if number:
                raise SourceError(f"{url}: one instance was asked for, several came", check="wrong-instance")
            yield from _checked(part, sop_uid, url)


def _checked(chunks: Iterator[bytes], sop_uid: str, url: str) -> Iterator[bytes]:
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= HEAD_BYTES:
            break
    if sop_uid.encode() not in head[:HEAD_BYTES]:
        raise SourceError(f"{url}: what came is not the DICOM file of {sop_uid}", check="wrong-instance", may_pass=True)
    yield head
    yield from chunks
