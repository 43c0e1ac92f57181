"""Instances of any DICOMweb server: QIDO-RS lists them, WADO-RS brings each by a request of its own.

References
----------
DICOM PS3.18, 10.4 (retrieve) and 10.6 (search).
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from hilum.acquire.answers import errors_of, require_end, require_good, rows_of, shown
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
_OF_UIDS = b"0123456789."
_SERIES_INSTANCES = "00201209"
_COUNT = re.compile(r"[0-9]{1,9}")
"""Of instances: what is larger, no series has."""
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
        return shown(self._url)

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
        uids = [_value(row, _INSTANCE_UID) for row in self._search(_instances(series), {}, _INSTANCE_UID)]
        return [WantedFile(f"{uid}.dcm", location=uid) for uid in uids]

    @contextmanager
    def fetch(self, series: WantedSeries, file: WantedFile | None, start_byte: int) -> Iterator[Iterator[Delivery]]:  # noqa: ARG002
        """Open an instance; always from its first byte, for the standard knows no ranges."""
        if file is None:
            raise ValueError("instances are fetched one by one")
        url = f"{self._url}/{_instances(series)}/{quote(file.location, safe='')}"
        where = shown(url)
        with errors_of(where), self._client.stream("GET", url, headers={"Accept": _ACCEPT}) as response:
            require_good(response, where)
            yield iter([Delivery(file, 0, _instance(response, file.location, where))])

    def _search(self, what: str, query: Mapping[str, str], tag: str) -> Iterator[dict[str, Any]]:
        """Results of a search, page by page."""
        seen: set[str] = set()
        limit = PAGE
        while True:
            page = self._page(what, {**query, "limit": str(limit), "offset": str(len(seen))}, tag)
            fresh = {uid: row for uid, row in page.items() if uid not in seen}
            if not fresh and len(page) < limit:
                return
            if not fresh:
                # A server that knows limits and no offsets gives more only if it is asked for more.
                limit *= 2
            seen |= fresh.keys()
            yield from fresh.values()

    def _page(self, what: str, query: Mapping[str, str], tag: str) -> dict[str, dict[str, Any]]:
        """Results that a server gives at once, by their UIDs."""
        url, where = f"{self._url}/{what}", f"{self.name}/{what}"
        headers = {"Accept": "application/dicom+json"}
        with errors_of(where), self._client.stream("GET", url, params=dict(query), headers=headers) as response:
            require_good(response, where)
            rows = rows_of(response, where)
        page = {_value(row, tag): row for row in rows}
        if "" in page:
            raise SourceError(f"{where}: a result has no UID ({tag}); what it is cannot be told", check="bad-answer")
        return page


def _instances(series: WantedSeries) -> str:
    study_uid, series_uid = quote(series.study_uid, safe=""), quote(series.series_uid, safe="")
    return f"studies/{study_uid}/series/{series_uid}/instances"


def _series(row: Mapping[str, Any], collection_id: str) -> WantedSeries:
    values = {keyword: _value(row, tag) for keyword, tag in _TAGS.items()}
    count = _COUNT.fullmatch(_value(row, _SERIES_INSTANCES))
    return WantedSeries(
        collection_id=collection_id,
        participant_id=values["PatientID"],
        study_uid=values["StudyInstanceUID"],
        series_uid=values["SeriesInstanceUID"],
        modality=values["Modality"],
        instance_count=int(count[0]) if count else None,
        attributes=values,
    )


def _value(row: Mapping[str, Any], tag: str) -> str:
    """First value of an attribute of a result as text; empty where it has none."""
    element = row.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    first = values[0] if isinstance(values, list) and values else None
    return str(first) if isinstance(first, str | int | float) else ""


def _instance(response: httpx.Response, sop_uid: str, where: str) -> Iterator[bytes]:
    """Bytes of the one part of an answer, if they are of the instance that was asked for."""
    boundary = boundary_of(response.headers.get("Content-Type", ""))
    with errors_of(where):
        chunks = response.iter_bytes(CHUNK_BYTES)
        if boundary is None:
            require_end(response, where)
            yield from _checked(chunks, sop_uid, where)
            return
        parts = MultipartReader(chunks, boundary, where).parts()
        yield from _checked(next(parts, iter(())), sop_uid, where)
        if next(parts, None) is not None:
            raise SourceError(f"{where}: one instance was asked for, several came", check="wrong-instance")


def _checked(chunks: Iterator[bytes], sop_uid: str, where: str) -> Iterator[bytes]:
    """Pass a DICOM file on that names the instance; an error that names it is none."""
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= HEAD_BYTES:
            break
    if head[128:132] != b"DICM" or not _names(head[:HEAD_BYTES], sop_uid.encode()):
        raise SourceError(
            f"{where}: expected the DICOM file of {sop_uid}, found {head[:40]!r}", check="wrong-instance", may_pass=True
        )
    yield head
    yield from chunks


def _names(head: bytes, uid: bytes) -> bool:
    """Whether a UID stands there, and not as a part of another."""
    place = head.find(uid)
    while place >= 0:
        around = head[max(0, place - 1) : place] + head[place + len(uid) : place + len(uid) + 1]
        if not any(letter in _OF_UIDS for letter in around):
            return True
        place = head.find(uid, place + 1)
    return False
