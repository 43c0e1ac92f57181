"""The page on which a web server lists a directory: nginx's, Apache's, Caddy's or that of Python's http.server."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from hilum.acquire.wanted import WantedFile

if TYPE_CHECKING:
    from collections.abc import Iterator

_EXACT_SIZE = re.compile(r"\s([0-9]{1,18})\s*$")
"""At the end of the text behind a link: nginx writes the bytes; others round them, or write none."""

_TITLE = re.compile(r"<title>\s*(?:index of|directory listing for)\b", re.IGNORECASE)
"""Of the pages of nginx, Apache and Python."""


@dataclass(frozen=True, slots=True)
class ListingPage:
    """What a page links to.

    Attributes
    ----------
    files
        Files right below it, without hidden ones, as in indexing.
    folders
        URLs of the directories right below it, ending with ``/``, without hidden ones.
    is_listing
        Whether it looks like one even if nothing is below it: it links to the directory above, or says so in its title.
        Else it is perhaps a page that asks for a login.
    """

    files: list[WantedFile]
    folders: list[str]
    is_listing: bool


def read_listing(url: str, base: str, text: str) -> ListingPage:
    """Read a page.

    Parameters
    ----------
    url
        Of the directory, ending with ``/``; what is found is named below it.
    base
        Where the page came from: another URL if the server sent the client on. If that is no directory, nothing counts.
    """
    if not base.endswith("/"):
        return ListingPage([], [], is_listing=False)
    above = urljoin(base, "..")
    files: dict[str, WantedFile] = {}
    folders: dict[str, None] = {}
    is_listing = _TITLE.search(text) is not None
    for place, behind in _links(base, text):
        is_listing |= place == above and base == url
        below = place.removeprefix(base)
        # Only what lies right below the page: not its parent, no other server.
        if not below or below == place or _is_hidden(below):
            continue
        if below.count("/") == 1 and below.endswith("/"):
            folders[url + below] = None
        elif "/" not in below:
            size = _EXACT_SIZE.search(behind)
            files[url + below] = WantedFile(unquote(below), int(size[1]) if size else None, None, url + below)
    return ListingPage(list(files.values()), list(folders), is_listing=is_listing or bool(files or folders))


def _is_hidden(below: str) -> bool:
    """Whether a name is one of a hidden file or folder; ``../x`` is none, and refused by whoever writes files."""
    name = unquote(below).removesuffix("/")
    return name.startswith(".") and "/" not in name


def _links(base: str, text: str) -> Iterator[tuple[str, str]]:
    """Targets of a page's links, whole, each with the text behind it; not those that sort the page."""
    parser = _Links()
    parser.feed(text)
    parser.close()
    for target, behind in parser.found:
        try:
            place = urlsplit(urljoin(base, target))
        except ValueError:
            continue
        if not place.query and not place.fragment:
            yield urlunsplit(place), behind


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
