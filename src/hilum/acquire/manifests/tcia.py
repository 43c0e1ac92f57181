"""``.tcia``: the NBIA Data Retriever's manifest, version 3.0."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from hilum.acquire.columns import is_uid
from hilum.acquire.manifests.manifest import Dialect, Lines, Manifest, lines_of
from hilum.acquire.wanted import WantedSeries
from hilum.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

SERVLET = "nbia-download/servlet/DownloadServlet"
"""End of a manifest's ``downloadServerUrl``; the API's base takes its place."""

PUBLIC_SERVER_URL = f"https://nbia.cancerimagingarchive.net/{SERVLET}"
"""The server that TCIA's portal writes into its manifests."""

LIST_KEY = "ListOfSeriesToDownload"
RETRIES = 4
"""What TCIA's portal writes as ``noOfrRetry``, its spelling."""


def read_tcia(path: Path, text: str) -> Manifest:
    """Read a ``.tcia`` manifest; commas around UIDs are passed over, and letters' case and blanks of its keys.

    Raises
    ------
    FormatError
        There is no list, the list is empty, or its version is not 3.
    """
    settings, series = _parts(path, text)
    version = settings.get("manifestversion", "")
    if version.partition(".")[0] != "3":
        raise FormatError(
            f"{path}: manifestVersion {version or 'is not given'}; expected 3.0. Make it anew at the portal."
        )
    lines = Lines(path, Dialect.TCIA)
    for number, line in series:
        for uid in filter(None, (part.strip() for part in line.split(","))):
            if is_uid(uid):
                lines.keep(WantedSeries(series_uid=uid))
            else:
                lines.refuse(number, f"found {uid!r}, expected a SeriesInstanceUID")
    return lines.manifest(settings.get("downloadserverurl", ""))


def write_tcia(series_uids: Iterable[str], *, name: str, server_url: str = PUBLIC_SERVER_URL) -> str:
    """Give the text of a manifest.

    Parameters
    ----------
    name
        File name of the manifest; the retriever names its folder after it.
    server_url
        Its ``downloadServerUrl``.
    """
    head = {
        "downloadServerUrl": server_url,
        "includeAnnotation": "true",
        "noOfrRetry": str(RETRIES),
        "databasketId": name,
        "manifestVersion": "3.0",
        LIST_KEY: "",
    }
    return "".join([*(f"{key}={value}\n" for key, value in head.items()), *(f"{uid}\n" for uid in series_uids)])


def api_url(server_url: str) -> str:
    """Give the base of the NBIA API beside a ``downloadServerUrl``: ``https://HOST/nbia-api/``.

    Raises
    ------
    FormatError
        The URL does not end as one of NBIA does.
    """
    base, servlet, rest = server_url.partition(SERVLET)
    if not servlet or rest.strip("/"):
        raise FormatError(f"downloadServerUrl {server_url!r}: expected https://HOST/{SERVLET}")
    return f"{base}nbia-api/"


def names_list(line: str) -> bool:
    """Whether a line is the one before the UIDs."""
    key, is_key, _ = line.partition("=")
    return bool(is_key) and key.strip().lower() == LIST_KEY.lower()


def _parts(path: Path, text: str) -> tuple[dict[str, str], Iterator[tuple[int, str]]]:
    """Settings before the list, their keys in lower case; lines of the list with their numbers."""
    settings: dict[str, str] = {}
    lines = enumerate(lines_of(text), start=1)
    for number, line in lines:
        key, _, value = line.partition("=")
        if names_list(line):
            return settings, chain([(number, value)], lines)
        settings[key.strip().lower()] = value.strip()
    raise FormatError(f"{path}: no line {LIST_KEY}=; expected it before the SeriesInstanceUIDs")
