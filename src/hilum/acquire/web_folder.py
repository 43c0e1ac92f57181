"""Files of an HTTP directory: what the listing pages of nginx, Apache, Caddy and Python's http.server link to."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from hilum.acquire.answers import errors_of, require_end, require_good, shown
from hilum.acquire.listing_page import read_listing
from hilum.acquire.source import Delivery
from hilum.acquire.wanted import WantedFile, WantedSeries
from hilum.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import httpx

    from hilum.acquire.listing_page import ListingPage

DEEPEST = 32
"""Folders below folders; a server that links a folder into itself has no end."""

LONGEST_PAGE_BYTES = 64 << 20

_RANGE = re.compile(r"bytes (?:([0-9]{1,18})-[0-9]{1,18}|\*)/([0-9]{1,18}|\*)")
_LENGTH = re.compile(r"[0-9]{1,18}")

_PACKED = (".gz", ".tgz", ".z", ".bz2", ".xz", ".br", ".zst")
"""Endings of files that servers call encoded, though it is the files themselves that are."""


class WebFolderSource:
    """Files of directories of a web server; the location of a series is its URL, ending with ``/``.

    The listing tells names and perhaps sizes, the answer that brings a file its size and version.

    Parameters
    ----------
    client
        See `hilum.acquire.answers.open_client`.
    url
        The directory; a user's name and password in it are sent to its server alone.
    """

    def __init__(self, client: httpx.Client, url: str) -> None:
        parts = urlsplit(url)
        self._client = client
        # Locations stand in the ledger and in messages, where no password belongs.
        self._url = shown(url).rstrip("/") + "/"
        self._user = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None

    @property
    def name(self) -> str:
        """URL of the directory, without a password."""
        return self._url

    def find(self) -> list[WantedSeries]:
        """Give every directory that files lie in, with their total size where the listing tells it, in order.

        One further down that cannot be listed is given as well: whoever asks for its files is told why.

        Raises
        ------
        SourceError
            A page cannot be had for now; the first never, or it is no listing.
        """
        found: list[WantedSeries] = []
        pending = [(self._url, 0)]
        while pending:
            url, depth = pending.pop()
            if depth > DEEPEST:
                raise SourceError(f"{url}: more than {DEEPEST} folders deep: it holds itself?", check="too-deep")
            page = self._page(url) if not depth else self._page_if_any(url)
            if page is not None:
                pending += [(below, depth + 1) for below in reversed(page.folders)]
            if page is None or page.files:
                found.append(WantedSeries(size_bytes=_total(page), location=url))
        if not found:
            raise SourceError(f"{self.name}: its pages link to no file; is it a directory?", check="empty-series")
        return found

    def list_files(self, series: WantedSeries) -> Sequence[WantedFile]:
        """Files a directory's page links to, without those of directories below it."""
        return self._page(series.location).files

    @contextmanager
    def fetch(self, series: WantedSeries, file: WantedFile | None, start_byte: int) -> Iterator[Iterator[Delivery]]:  # noqa: ARG002
        """Open a file from a byte on, if the server knows ranges and the file is still of the same version."""
        if file is None:
            raise ValueError("files of a directory are fetched one by one")
        if start_byte and file.version:
            with self._answer(file.location, {"Range": f"bytes={start_byte}-", "If-Range": file.version}) as response:
                delivery = _rest(response, file, start_byte)
                if delivery is not None:
                    yield iter([delivery])
                    return
        with self._answer(file.location) as response:
            yield iter([_whole(response, file)])

    @contextmanager
    def _answer(self, url: str, headers: Mapping[str, str] | None = None) -> Iterator[httpx.Response]:
        is_here = urlsplit(url).netloc == urlsplit(self._url).netloc
        sent = {"Accept-Encoding": "identity", **(headers or {})}
        with (
            errors_of(shown(url)),
            self._client.stream("GET", url, headers=sent, auth=self._user if is_here else None) as response,
        ):
            yield response

    def _page_if_any(self, url: str) -> ListingPage | None:
        try:
            return self._page(url)
        except SourceError as error:
            if error.may_pass:
                raise
            return None

    def _page(self, url: str) -> ListingPage:
        with self._answer(url) as response:
            require_good(response, url)
            if "html" not in response.headers.get("Content-Type", ""):
                raise SourceError(
                    f"{url}: expected a page that lists a directory, found another file", check="no-listing"
                )
            base = str(response.url.copy_with(query=None, fragment=None, userinfo=b""))
            page = read_listing(url, base, _text(response, url))
        if not page.is_listing:
            raise SourceError(
                f"{url}: expected a page that lists a directory, found another page; is a login needed?",
                check="no-listing",
            )
        return page


def _total(page: ListingPage | None) -> int | None:
    sizes = [file.size_bytes for file in page.files] if page is not None else [None]
    return None if None in sizes else sum(size or 0 for size in sizes)


def _text(response: httpx.Response, url: str) -> str:
    body = bytearray()
    for piece in response.iter_bytes():
        body += piece
        if len(body) > LONGEST_PAGE_BYTES:
            raise SourceError(f"{url}: the page has no end", check="no-listing")
    try:
        return body.decode(response.charset_encoding or "utf-8", errors="replace")
    except (LookupError, UnicodeError):
        return body.decode(errors="replace")


def _rest(response: httpx.Response, file: WantedFile, start_byte: int) -> Delivery | None:
    """The rest of a file, or the whole where the server sends that; None where what it sends belongs to neither."""
    if response.status_code not in {206, 416}:
        return _whole(response, file)
    place = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
    # A server that does not know If-Range sends the rest of what the file has become.
    if place is None or _version(response) not in {"", file.version}:
        return None
    total = None if place[2] == "*" else int(place[2])
    if response.status_code == 416:
        return Delivery(_said(file, total), start_byte, iter(())) if total == start_byte else None
    if place[1] is None or int(place[1]) != start_byte:
        return None
    return Delivery(_said(file, total), start_byte, _chunks(response, file))


def _whole(response: httpx.Response, file: WantedFile) -> Delivery:
    where = shown(file.location)
    require_good(response, where)
    if response.status_code != 200:
        raise SourceError(
            f"{where}: the whole file was asked for, the server answers {response.status_code}",
            check=f"status-{response.status_code}",
        )
    _refuse_page(response, file, where)
    length = _LENGTH.fullmatch(response.headers.get("Content-Length", ""))
    if length is None and file.size_bytes is None:
        require_end(response, where)
    version = replace(file, version=_version(response))
    return Delivery(_said(version, int(length[0]) if length else None), 0, _chunks(response, file))


def _said(file: WantedFile, size_bytes: int | None) -> WantedFile:
    """The file with the size that the answer says; one that is not the listing's is a fault, not news."""
    if None not in {file.size_bytes, size_bytes} and size_bytes != file.size_bytes:
        raise SourceError(
            f"{shown(file.location)}: {file.size_bytes:,} bytes were expected, the server names {size_bytes:,}",
            check="wrong-size",
            may_pass=True,
        )
    return replace(file, size_bytes=file.size_bytes if size_bytes is None else size_bytes)


def _version(response: httpx.Response) -> str:
    """What ``If-Range`` takes: a strong entity tag, or else the time of change (RFC 9110, 13.1.5)."""
    tag = str(response.headers.get("ETag", ""))
    return tag if tag and not tag.startswith("W/") else str(response.headers.get("Last-Modified", ""))


def _refuse_page(response: httpx.Response, file: WantedFile, where: str) -> None:
    """Refuse what is sent for a file and is not it: a login, an error that is not called one, its packed bytes."""
    if "html" in response.headers.get("Content-Type", "") and not file.name.lower().endswith((".html", ".htm")):
        raise SourceError(f"{where}: a web page came instead of the file; is a login needed?", check="no-file")
    encoding = response.headers.get("Content-Encoding", "identity").lower()
    if encoding != "identity" and not file.name.lower().endswith(_PACKED):
        raise SourceError(
            f"{where}: the file was asked for as it is, the server packs it ({encoding}); is a proxy between?",
            check="encoded",
        )


def _chunks(response: httpx.Response, file: WantedFile) -> Iterator[bytes]:
    with errors_of(shown(file.location)):
        # As sent: what a server calls the encoding of a .gz file is the file. As it comes: what httpx gathers into
        # larger pieces is lost when the connection breaks.
        yield from response.iter_raw()
