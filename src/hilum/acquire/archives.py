"""Zips that TCIA hands out beside the images of a collection: annotations, candidates, masks.

Each becomes a folder of its name below the collection's, where `hilum.findings` looks for it::

    FOLDER/ct_lymph_nodes/MED_ABD_LYMPH_ANNOTATIONS/<PID>/...
    FOLDER/ct_lymph_nodes/MED_ABD_LYMPH_CANDIDATES/<PID>/...
    FOLDER/ct_lymph_nodes/MED_ABD_LYMPH_MASKS/...
"""

from __future__ import annotations

import hashlib
import re
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from hilum.acquire.answers import errors_of, require_good, shown
from hilum.acquire.names import Names
from hilum.acquire.source import Delivery
from hilum.acquire.unzip import Limits, unzip
from hilum.acquire.wanted import WantedFile, WantedSeries
from hilum.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import httpx

CHUNK_BYTES = 1 << 18
LIMITS = Limits(members=50_000, size_bytes=1 << 36, ratio_from_bytes=1 << 32)
"""Masks that are not packed themselves deflate to a thousandth: so much of them is let pass before the ratio counts."""

LONGEST_REST_BYTES = 1 << 20
"""Behind the end of a zip."""

FOLDER, SHA256 = "folder", "sha256"
"""Attributes of a wanted archive: the folder it becomes, and the digest of its zip where it is known."""

_FOLDER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_LEFT_BY_SYSTEMS = ("__MACOSX/", ".DS_Store", "Thumbs.db")


@dataclass(frozen=True, slots=True)
class CollectionZip:
    """A zip beside a collection: the folder it becomes, where it is, its licence, and its digest where it is known."""

    folder: str
    url: str
    licence: str
    sha256: str = ""


_UPLOADS = "https://www.cancerimagingarchive.net/wp-content/uploads"
_MASKS_SHA256 = "ace3475c21f04c3f3a01e7fa5181fcbcf4a98cc78ea945e058f1b001d25d6745"

COLLECTION_ZIPS: dict[str, tuple[CollectionZip, ...]] = {
    "ct_lymph_nodes": (
        CollectionZip("MED_ABD_LYMPH_ANNOTATIONS", f"{_UPLOADS}/MED_ABD_LYMPH_ANNOTATIONS.zip", "CC BY 3.0"),
        CollectionZip("MED_ABD_LYMPH_CANDIDATES", f"{_UPLOADS}/MED_ABD_LYMPH_CANDIDATES.zip", "CC BY 3.0"),
        CollectionZip("MED_ABD_LYMPH_MASKS", f"{_UPLOADS}/MED_ABD_LYMPH_MASKS.zip", "CC BY 3.0", _MASKS_SHA256),
    )
}
"""Zips of the collections that have some: doi 10.7937/K9/TCIA.2015.AQIIDCNM, versions 2, 3 and 4."""


def wanted_zips(collection_id: str, places: Sequence[str] = ()) -> tuple[WantedSeries, ...]:
    """Give the zips of a collection as what a pull asks for.

    Parameters
    ----------
    places
        Paths or URLs of zips, each named after the folder it becomes; none: those that TCIA has.

    Raises
    ------
    ConfigError
        None is known of the collection and none named, a name is no folder's, or a URL holds a password.
    """
    known = {one.folder: one for one in COLLECTION_ZIPS.get(collection_id, ())}
    if not places and not known:
        named = ", ".join(COLLECTION_ZIPS)
        raise ConfigError(f"no archives are known of {collection_id!r}, only of {named}; name their files or URLs")
    return tuple(_wanted(collection_id, place, known) for place in places or [one.url for one in known.values()])


def folder_of(wanted: WantedSeries) -> str:
    """Give the folder that a wanted zip becomes, below the target's root."""
    return f"{wanted.collection_id}/{wanted.attributes[FOLDER]}"


class ZipSource:
    """Zips at URLs and in files; the location of a wanted one is its URL or absolute path.

    Parameters
    ----------
    client
        See `hilum.acquire.answers.open_client`.
    """

    name = "archives of collections"

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def list_files(self, series: WantedSeries) -> None:
        """Only the zip tells."""

    @contextmanager
    def fetch(
        self,
        series: WantedSeries,
        file: WantedFile | None,
        start_byte: int,  # noqa: ARG002 - a zip is unpacked from its beginning
    ) -> Iterator[Iterator[Delivery]]:
        """Open a zip and unpack it as it comes."""
        if file is not None:
            raise ValueError("a zip is fetched whole")
        if "://" not in series.location:
            with _open(Path(series.location)) as chunks:
                yield _deliveries(chunks, series)
            return
        headers = {"Accept-Encoding": "identity"}
        with errors_of(series.location), self._client.stream("GET", series.location, headers=headers) as response:
            require_good(response, series.location)
            yield _deliveries(_received(response, series.location), series)


def _wanted(collection_id: str, place: str, known: dict[str, CollectionZip]) -> WantedSeries:
    name = unquote(urlsplit(place).path if "://" in place else place).rstrip("/").rpartition("/")[2]
    folder, ending = name[: -len(".zip")], name[-len(".zip") :]
    if ending.lower() != ".zip" or not _FOLDER_NAME.fullmatch(folder):
        names = ", ".join(f"{one}.zip" for one in known) or "NAME.zip"
        raise ConfigError(f"{place}: found name {name!r}, expected the folder it becomes and .zip, such as {names}")
    if "://" in place and shown(place) != place:
        raise ConfigError(
            f"{shown(place)}: found a user or password in front of the host, which would be written into the ledger;"
            " download the zip by other means and name its file"
        )
    zipped = known.get(folder)
    digest = {SHA256: zipped.sha256} if zipped is not None and zipped.sha256 else {}
    return WantedSeries(
        collection_id=collection_id,
        licence=zipped.licence if zipped is not None else None,
        location=place if "://" in place else str(Path(place).absolute()),
        attributes={FOLDER: folder, **digest},
    )


@contextmanager
def _open(path: Path) -> Iterator[Iterator[bytes]]:
    try:
        with path.open("rb") as file:
            yield iter(lambda: file.read(CHUNK_BYTES), b"")
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror})", check="not-found") from error


def _received(response: httpx.Response, url: str) -> Iterator[bytes]:
    with errors_of(url):
        yield from response.iter_raw(CHUNK_BYTES)


def _deliveries(chunks: Iterator[bytes], series: WantedSeries) -> Iterator[Delivery]:
    """Files of a zip without the folder around them all; at the end the digest of the zip must be the known one."""
    sha256 = hashlib.sha256()

    def digested() -> Iterator[bytes]:
        for chunk in chunks:
            sha256.update(chunk)
            yield chunk

    arriving, names = digested(), Names()
    own = f"{series.attributes[FOLDER]}/"
    for member in unzip(arriving, series.location, LIMITS):
        if not member.name.startswith(_LEFT_BY_SYSTEMS[0]) and not member.name.endswith(_LEFT_BY_SYSTEMS):
            yield Delivery(WantedFile(names.take(member.name.removeprefix(own))), 0, member.chunks)
    _pass_over(arriving, series.location)
    expected = series.attributes.get(SHA256, sha256.hexdigest())
    if sha256.hexdigest() != expected:
        raise SourceError(
            f"{series.location}: its sha256 is {sha256.hexdigest()}, expected {expected}; is it another version?",
            check="wrong-hash",
            may_pass="://" in series.location,
        )


def _pass_over(rest: Iterator[bytes], location: str) -> None:
    """Read what stands behind the end of a zip, which its digest counts; a comment has at most 64 KiB."""
    left_bytes = LONGEST_REST_BYTES
    for chunk in rest:
        left_bytes -= len(chunk)
        if left_bytes < 0:
            raise SourceError(
                f"{location}: more than {LONGEST_REST_BYTES:,} bytes stand behind the zip", check="bad-zip"
            )
