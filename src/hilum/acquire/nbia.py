"""TCIA's own server, NBIA: series as zips with hashes, verified against what the server says elsewhere of them.

A zip that NBIA sends can be valid and yet not whole: on a missing file the server closes it cleanly, with status 200.
So nothing counts before the hashes at its end are there and fit, and files and bytes are as many as the server's own
records say.

References
----------
NBIA Search REST API Guide; https://github.com/CBIIT/NBIA-TCIA (classes ``V1_getImageWithMD5Hash``,
``V4_getSeriesMetadata``).
"""

from __future__ import annotations

import csv
import hashlib
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any, Literal

from hilum.acquire.answers import errors_of, require_end, require_good, rows_of, shown
from hilum.acquire.columns import is_uid, series_of
from hilum.acquire.names import Names
from hilum.acquire.pace import Pace
from hilum.acquire.source import Delivery
from hilum.acquire.unzip import Limits, unzip
from hilum.acquire.wanted import WantedFile, WantedSeries
from hilum.errors import FormatError, Refusal, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import httpx

    from hilum.acquire.nbia_login import Login
    from hilum.acquire.unzip import Member

Version = Literal["v1", "v2", "v4"]
"""Of the API: v1 is anonymous, v2 wants a token, v4 takes either."""

PUBLIC_API_URL = "https://services.cancerimagingarchive.net/nbia-api/"

HASHES = "md5hashes.csv"
"""Last file of a zip with hashes: ``Filename,MD5Hash``."""
LICENCE = "LICENSE"
"""First file of most zips; it is the collection's, and no image."""

CHUNK_BYTES = 1 << 18
UIDS_AT_ONCE = 200
"""Series described in one request, which only v4 knows."""
LONGEST_HASHES_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Described:
    """What NBIA says of series, in the order asked, and the series it does not know or show."""

    series: tuple[WantedSeries, ...]
    refusals: tuple[Refusal, ...]


class NbiaSource:
    """Series of an NBIA server.

    Parameters
    ----------
    client
        See `hilum.acquire.answers.open_client`.
    url
        Base of the API, ``https://HOST/nbia-api/``; see `hilum.acquire.manifests.tcia.api_url`.
    version
        Of the API.
    login
        Gives the token; None for what everybody may read.
    by_image
        Ask for each image by itself instead of the zip: for a series whose zip never comes whole. There are no hashes
        then; that all images are there is known from their UIDs and the server's count.
    pace
        How `find` and `describe` wait for a server that fails; whoever pulls waits for the rest. None for the usual.
    """

    def __init__(
        self,
        client: httpx.Client,
        url: str = PUBLIC_API_URL,
        *,
        version: Version = "v1",
        login: Login | None = None,
        by_image: bool = False,
        pace: Pace | None = None,
    ) -> None:
        self._client = client
        self._url = url.rstrip("/")
        self._version: Version = version
        self._login = login
        self._by_image = by_image
        self._pace = pace or Pace()

    @property
    def name(self) -> str:
        """URL of the API, without a password."""
        return shown(self._url)

    def find(self, matching: Mapping[str, str]) -> tuple[WantedSeries, ...]:
        """Give the series that match, as ``getSeries`` names them.

        Parameters
        ----------
        matching
            ``Collection``, ``PatientID``, ``StudyInstanceUID``, ``SeriesInstanceUID``, ``Modality`` and the like.

        Raises
        ------
        SourceError
            There are none, or the server does not answer as it should.
        """
        rows = self._rows("GET", "getSeries", {**matching, "format": "json"})
        if not rows:
            asked = ", ".join(f"{name}={value}" for name, value in matching.items())
            raise SourceError(f"{self.name}: no series with {asked}; are names spelt as TCIA's?", check="not-found")
        return tuple(self._series(row) for row in rows)

    def describe(self, series_uids: Iterable[str]) -> Described:
        """Give what the server knows of series: participant, study, licence, count of images and bytes.

        Raises
        ------
        SourceError
            The server does not answer as it should.
        """
        uids = list(dict.fromkeys(series_uids))
        found = {one.series_uid: one for one in self._described(uids)}
        refusals = [
            Refusal(
                uid, "unknown-series", f"{self.name} has no series {uid}, or does not show it to you; a user may help"
            )
            for uid in uids
            if uid not in found
        ]
        return Described(tuple(found[uid] for uid in uids if uid in found), tuple(refusals))

    def list_files(self, series: WantedSeries) -> Sequence[WantedFile] | None:
        """Images of a series where they are asked for one by one; None where only the zip tells."""
        if not self._by_image:
            return None
        rows = self._json("GET", "getSOPInstanceUIDs", {"SeriesInstanceUID": series.series_uid, "format": "json"})
        uids = [str(row.get("SOPInstanceUID", "")) for row in rows]
        if bad := next((uid for uid in uids if not is_uid(uid)), None):
            raise SourceError(f"{self.name}: {series.series_uid} has an image {bad!r}", check="bad-answer")
        expected, _ = self._amount(series)
        if len(uids) != expected:
            raise _wrong_count(series, len(uids), expected)
        return [WantedFile(f"{uid}.dcm", location=uid) for uid in uids]

    @contextmanager
    def fetch(
        self,
        series: WantedSeries,
        file: WantedFile | None,
        start_byte: int,  # noqa: ARG002 - NBIA sends everything from its first byte
    ) -> Iterator[Iterator[Delivery]]:
        """Open an image, or with None the zip of a series."""
        if file is not None:
            query = {"SeriesInstanceUID": series.series_uid, "SOPInstanceUID": file.location}
            with self._stream("getSingleImage", query, tells_its_end=False) as chunks:
                yield iter([Delivery(file, 0, _require_dicom(chunks, file))])
            return
        count, size_bytes = self._amount(series)
        # Twice what the records say: records that are a little wrong are told as that, not as a bomb. With the size
        # known the ratio says nothing: a SEG of empty frames deflates to a thousandth.
        limits = Limits(2 * count + 2, 2 * size_bytes + LONGEST_HASHES_BYTES, ratio=inf)
        call, query = "getImageWithMD5Hash", {"SeriesInstanceUID": series.series_uid}
        if self._version == "v4":
            call, query = "getImage", {**query, "IncludeMD5": "Yes"}
        with self._stream(call, query) as chunks:
            yield _whole_series(unzip(chunks, f"{self.name}: {series.series_uid}", limits), series, count, size_bytes)

    def _described(self, uids: Sequence[str]) -> Iterator[WantedSeries]:
        for start in range(0, len(uids), UIDS_AT_ONCE):
            part = uids[start : start + UIDS_AT_ONCE]
            form = {"list": ",".join(part), "format": "json"}
            try:
                rows = self._rows("POST", "getSeriesMetadata", form, "v4")
            except SourceError as error:
                if error.check != "not-found":
                    raise
                yield from self._described_singly(part)
            else:
                yield from map(self._series, rows)

    def _described_singly(self, uids: Sequence[str]) -> Iterator[WantedSeries]:
        """As servers without v4 want it: a request a series."""
        for uid in uids:
            query = {"SeriesInstanceUID": uid, "format": "json"}
            yield from map(self._series, self._rows("GET", "getSeriesMetaData", query))

    def _amount(self, series: WantedSeries) -> tuple[int, int]:
        """Images and bytes that the server's records have, unless they are known already."""
        if series.instance_count is not None and series.size_bytes is not None:
            return series.instance_count, series.size_bytes
        rows = self._json("GET", "getSeriesSize", {"SeriesInstanceUID": series.series_uid, "format": "json"})
        try:
            count, size_bytes = int(rows[0]["ObjectCount"]), int(float(rows[0]["TotalSizeInBytes"]))
        except (IndexError, KeyError, TypeError, ValueError, OverflowError):
            count, size_bytes = 0, 0
        if count <= 0 or size_bytes <= 0:
            raise SourceError(
                f"{self.name}: does not say how many images and bytes {series.series_uid} has, so that nobody could "
                "tell whether it came whole",
                check="no-size",
            )
        return (
            count if series.instance_count is None else series.instance_count,
            size_bytes if series.size_bytes is None else series.size_bytes,
        )

    def _series(self, row: Mapping[str, Any]) -> WantedSeries:
        try:
            return replace(series_of(row), location="")
        except FormatError as error:
            raise SourceError(f"{self.name}: a series with an odd identifier: {error}", check="bad-answer") from error

    def _rows(
        self, method: str, call: str, values: Mapping[str, str], version: Version | None = None
    ) -> list[dict[str, Any]]:
        """As `_json`, asked again while the server fails."""
        return self._pace.persist(partial(self._json, method, call, values, version))

    def _json(
        self, method: str, call: str, values: Mapping[str, str], version: Version | None = None
    ) -> list[dict[str, Any]]:
        """Rows of an answer; none where NBIA sends 204 or an empty body, which is how it says so."""
        path = f"{version or self._version}/{call}"
        sent = {"data": values} if method == "POST" else {"params": values}
        with self._answer(method, path, **sent) as response:
            return rows_of(response, self._where(path), may_be_empty=True, may_pass=True)

    @contextmanager
    def _stream(self, call: str, query: Mapping[str, str], *, tells_its_end: bool = True) -> Iterator[Iterator[bytes]]:
        """Bytes of an answer; `tells_its_end`: what they are tells whether they are all, as a zip does."""
        path = f"{self._version}/{call}"
        with self._answer("GET", path, params=query) as response:
            if not tells_its_end:
                require_end(response, self._where(path))
            yield self._chunks(response, path)

    def _chunks(self, response: httpx.Response, path: str) -> Iterator[bytes]:
        with errors_of(self._where(path)):
            yield from response.iter_bytes(CHUNK_BYTES)

    @contextmanager
    def _answer(self, method: str, path: str, **sent: Mapping[str, str]) -> Iterator[httpx.Response]:
        """Send a request; with a new token once more if the server takes the first for expired."""
        url, where = f"{self._url}/services/{path}", self._where(path)
        token = self._login.token() if self._login else ""
        with errors_of(where):
            response = self._send(method, url, token, sent)
            if response.status_code == 401 and self._login is not None:
                response.close()
                self._login.forget(token)
                response = self._send(method, url, self._login.token(), sent)
        try:
            _require_public(response, where)
            require_good(response, where)
            yield response
        finally:
            response.close()

    def _send(self, method: str, url: str, token: str, sent: Mapping[str, Mapping[str, str]]) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        request = self._client.build_request(method, url, headers=headers, **sent)  # type: ignore[arg-type]
        return self._client.send(request, stream=True)

    def _where(self, path: str) -> str:
        return f"{self.name}/services/{path}"


def _require_public(response: httpx.Response, where: str) -> None:
    """NBIA answers 400 to who asks for a series that is not public, or that is not there."""
    if response.status_code == 400:
        raise SourceError(
            f"{where}: not in the public domain, or unknown (400); name a user who may read it", check="not-allowed"
        )


def _whole_series(members: Iterator[Member], series: WantedSeries, count: int, size_bytes: int) -> Iterator[Delivery]:
    """Give the images of a zip, and raise at its end unless all came as the server's records say."""
    names, found = Names(), dict[str, str]()
    said: dict[str, str] | None = None
    came_bytes = 0
    for member in members:
        if member.name == HASHES:
            said = _read_hashes(member, series)
        elif member.name == LICENCE:
            continue
        else:
            name = names.take(member.name)
            digest = _Digest(member.chunks)
            yield Delivery(WantedFile(name), 0, iter(digest))
            found[name] = digest.finish()
            came_bytes += digest.size_bytes
    _check_hashes(series, found, said)
    if len(found) != count:
        raise _wrong_count(series, len(found), count)
    if came_bytes != size_bytes:
        raise SourceError(
            f"{series.series_uid}: {came_bytes:,} bytes came, the server's records say {size_bytes:,}",
            check="wrong-size",
            may_pass=True,
        )


class _Digest:
    """Bytes on their way, with their MD5, which is the hash that NBIA has."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.size_bytes = 0
        self._chunks = chunks
        self._md5 = hashlib.md5(usedforsecurity=False)

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self._md5.update(chunk)
            self.size_bytes += len(chunk)
            yield chunk

    def finish(self) -> str:
        """Read what nobody has read, and give the digest."""
        for _ in self:
            pass
        return self._md5.hexdigest()


def _read_hashes(member: Member, series: WantedSeries) -> dict[str, str]:
    content = bytearray()
    for chunk in member.chunks:
        content += chunk
        if len(content) > LONGEST_HASHES_BYTES:
            raise SourceError(f"{series.series_uid}: {HASHES} has no end", check="bad-hashes")
    rows = csv.reader(content.decode("utf-8", errors="replace").splitlines()[1:])
    try:
        return {row[0].strip(): row[1].strip().lower() for row in rows if len(row) == 2}
    except csv.Error as error:
        raise SourceError(
            f"{series.series_uid}: {HASHES} is no table ({error})", check="bad-hashes", may_pass=True
        ) from error


def _check_hashes(series: WantedSeries, found: Mapping[str, str], said: Mapping[str, str] | None) -> None:
    if said is None:
        raise SourceError(
            f"{series.series_uid}: the zip ends without {HASHES}; the server broke off",
            check="no-hashes",
            may_pass=True,
        )
    for name in sorted(found.keys() | said.keys()):
        if found.get(name) != said.get(name):
            what = f"is {found.get(name, 'not there')}, {HASHES} says {said.get(name, 'nothing of it')}"
            raise SourceError(f"{series.series_uid}: {name} {what}", check="wrong-hash", may_pass=True)


def _wrong_count(series: WantedSeries, found: int, expected: int) -> SourceError:
    return SourceError(
        f"{series.series_uid}: {found:,} images came, the server's records say {expected:,}",
        check="wrong-count",
        may_pass=True,
    )


def _require_dicom(chunks: Iterator[bytes], file: WantedFile) -> Iterator[bytes]:
    """Pass an image on, unless what comes is no DICOM file: an error page with status 200."""
    head = b""
    for chunk in chunks:
        if len(head) < 132:
            head += chunk
            if len(head) < 132:
                continue
            if head[128:132] != b"DICM":
                break
            yield head
        else:
            yield chunk
    if head[128:132] != b"DICM":
        raise SourceError(f"{file.name}: no DICOM file came, but {head[:40]!r}", check="no-file", may_pass=True)
