"""Files of an HTTP directory: what the listing pages of nginx, Apache and Python's http.server link to."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from hilum.acquire.answers import errors_of, require_good, shown
from hilum.acquire.source import Delivery
from hilum.acquire.wanted import WantedFile, WantedSeries
from hilum.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import httpx

DEEPEST = 32
"""Folders below folders; a server that links a folder into itself has no end."""

LONGEST_PAGE_BYTES = 64 << 20

_EXACT_SIZE = re.compile(r"\s(\d+)\s*$")
"""At the end of the text behind a link: nginx writes the bytes; others round them, or write none."""

_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)")


class WebFolderSource:
    """Files of directories of a web server; the location of a series is its URL, ending with ``/``.

    The listing tells names and perhaps sizes, the answer that brings a file its size and version.

    Parameters
    ----------
    client
        See `hilum.acquire.answers.open_client`.
    url
        The directory.
    """

    def __init__(self, client: httpx.Client, url: str) -> None:
        self._client = client
        self._url = url.rstrip("/") + "/"

    @property
    def name(self) -> str:
        """URL of the directory, without a password."""
        return shown(self._url)

    def find(self) -> list[WantedSeries]:
        """Give every directory that files lie in, with their total size where the listing tells it, in order.

        Raises
        ------
        SourceError
            A page cannot be had, or is no listing.
        """
        found: list[WantedSeries] = []
        pending = [(self._url, 0)]
        while pending:
            url, depth = pending.pop()
            if depth > DEEPEST:
                raise SourceError(f"{url}: more than {DEEPEST} folders deep: it holds itself?", check="too-deep")
            page = self._page(url)
            pending += [(below, depth + 1) for below in reversed(page.folders)]
            if page.files:
                sizes = [file.size_bytes for file in page.files]
                size_bytes = None if None in sizes else sum(size or 0 for size in sizes)
                found.append(WantedSeries(size_bytes=size_bytes, location=url))
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
        headers = {"Accept-Encoding": "identity"}
        if start_byte and file.version:
            headers |= {"Range": f"bytes={start_byte}-", "If-Range": file.version}
        with errors_of(file.location), self._client.stream("GET", file.location, headers=headers) as response:
            yield iter([_delivery(response, file, start_byte)])

    def _page(self, url: str) -> _Page:
        with errors_of(url), self._client.stream("GET", url) as response:
            require_good(response, url)
            if "html" not in response.headers.get("Content-Type", ""):
                raise SourceError(
                    f"{url}: expected a page that lists a directory, found another file", check="no-listing"
                )
            text = ""
            for piece in response.iter_text():
                text += piece
                if len(text) > LONGEST_PAGE_BYTES:
                    raise SourceError(f"{url}: the page has no end", check="no-listing")
        return _read_page(url, text)


@dataclass(frozen=True, slots=True)
class _Page:
    """What a listing links to: files, and URLs of folders."""

    files: list[WantedFile]
    folders: list[str]


class _Links(HTMLParser):
    """Targets of the links of a page, each with the text behind it up to the next tag."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self._is_behind = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._is_behind = False
        target = dict(attrs).get("href") if tag == "a" else None
        if target:
            self.found.append((target, ""))

    def handle_endtag(self, tag: str) -> None:
        self._is_behind = tag == "a"

    def handle_data(self, data: str) -> None:
        if self._is_behind and self.found:
            self.found[-1] = (self.found[-1][0], self.found[-1][1] + data)


def _read_page(url: str, text: str) -> _Page:
    links = _Links()
    links.feed(text)
    files: dict[str, WantedFile] = {}
    folders: dict[str, None] = {}
    for target, behind in links.found:
        try:
            whole = urlsplit(urljoin(url, target))
        except ValueError:
            continue
        location = urlunsplit(whole)
        below = location.removeprefix(url)
        # Only what lies right below the page: not its parent, not the links that sort it, no other server.
        if below == location or not below or whole.query or whole.fragment:
            continue
        if below.count("/") == 1 and below.endswith("/"):
            folders[location] = None
        elif "/" not in below:
            size = _EXACT_SIZE.search(behind)
            files[location] = WantedFile(unquote(below), int(size[1]) if size else None, None, location)
    return _Page(list(files.values()), list(folders))


def _delivery(response: httpx.Response, file: WantedFile, start_byte: int) -> Delivery:
    place = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if response.status_code == 416 and place is not None and place[2] == str(start_byte):
        return Delivery(replace(file, size_bytes=start_byte), start_byte, iter(()))
    require_good(response, file.location)
    _refuse_page(response, file)
    version = _version(response)
    if response.status_code == 206 and place is not None and place[1] is not None:
        total = None if place[2] == "*" else int(place[2])
        return Delivery(_said(file, total, version), int(place[1]), _chunks(response, file))
    length = response.headers.get("Content-Length")
    return Delivery(_said(file, int(length) if length else None, version), 0, _chunks(response, file))


def _said(file: WantedFile, size_bytes: int | None, version: str) -> WantedFile:
    """The file with what the answer says; a size that is not the listing's is a fault, not news."""
    if None not in {file.size_bytes, size_bytes} and size_bytes != file.size_bytes:
        raise SourceError(
            f"{file.location}: {file.size_bytes:,} bytes were expected, the server names {size_bytes:,}",
            check="wrong-size",
            may_pass=True,
        )
    return replace(file, size_bytes=file.size_bytes if size_bytes is None else size_bytes, version=version)


def _version(response: httpx.Response) -> str:
    """What ``If-Range`` takes: a strong entity tag, or else the time of change (RFC 9110, 13.1.5)."""
    tag = str(response.headers.get("ETag", ""))
    return tag if tag and not tag.startswith("W/") else str(response.headers.get("Last-Modified", ""))


def _refuse_page(response: httpx.Response, file: WantedFile) -> None:
    """Refuse a page that is sent for a file: a login, or an error that is not called one."""
    if "html" in response.headers.get("Content-Type", "") and not file.name.lower().endswith((".html", ".htm")):
        raise SourceError(f"{file.location}: a web page came instead of the file; is a login needed?", check="no-file")


def _chunks(response: httpx.Response, file: WantedFile) -> Iterator[bytes]:
    with errors_of(file.location):
        # As sent: what a server calls the encoding of a .gz file is the file. As it comes: what httpx gathers into
        # larger pieces is lost when the connection breaks.
        yield from response.iter_raw()
