"""A list of series written as a manifest of any dialect, and which of them it cannot hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from hilum.acquire.columns import CRDC_SERIES
from hilum.acquire.layouts import TemplateLayout, place
from hilum.acquire.manifests.bagit import write_fetch
from hilum.acquire.manifests.manifest import Dialect, series_key
from hilum.acquire.manifests.s5cmd import AWS_ENDPOINT_URL, SCHEME, write_s5cmd
from hilum.acquire.manifests.selection import write_selection
from hilum.acquire.manifests.tables import write_table
from hilum.acquire.manifests.tcia import PUBLIC_SERVER_URL, write_tcia
from hilum.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from hilum.acquire.layouts import Layout
    from hilum.acquire.wanted import WantedFile, WantedSeries

CANNOT_HOLD = "not-in-dialect"
"""Check of a series of which is not known what the dialect needs."""


@dataclass(frozen=True, slots=True)
class Written:
    """A manifest's text, the count of its series, and the series it cannot hold."""

    text: str
    series: int
    refusals: tuple[Refusal, ...]


def write_manifest(
    series: Iterable[WantedSeries],
    dialect: Dialect,
    *,
    name: str = "",
    server_url: str = "",
    files: Mapping[str, Sequence[WantedFile]] | None = None,
    layout: Layout | None = None,
) -> Written:
    """Write series as a manifest.

    Parameters
    ----------
    name
        File name of the manifest, which some dialects repeat; empty: `Dialect.file_name`.
    server_url
        NBIA's ``downloadServerUrl`` or the S3 endpoint; empty: TCIA's, AWS's.
    files
        Key of a series (`series_key`) to its files, each with a URL as location, or none where it lies in the folder of
        the series: what BagIt lists.
    layout
        Folders that s5cmd and BagIt put the files into; None: where s5cmd runs, and IDC's layout in a bag.
    """
    name = name or dialect.file_name
    known = files or {}
    kept, refusals = _sort(series, dialect, known)
    text = _text(kept, dialect, name=name, server_url=server_url, files=known, layout=layout)
    return Written(text, len(kept), refusals)


def file_url(location: str, endpoint_url: str = "") -> str:
    """Give a location as a URL that every client understands: one of S3 through its endpoint."""
    if not location.startswith(SCHEME):
        return location
    return f"{(endpoint_url or AWS_ENDPOINT_URL).rstrip('/')}/{location.removeprefix(SCHEME)}"


def _text(
    kept: Sequence[WantedSeries],
    dialect: Dialect,
    *,
    name: str,
    server_url: str,
    files: Mapping[str, Sequence[WantedFile]],
    layout: Layout | None,
) -> str:
    match dialect:
        case Dialect.TCIA:
            return write_tcia((one.series_uid for one in kept), name=name, server_url=server_url or PUBLIC_SERVER_URL)
        case Dialect.S5CMD:
            folder_of = place(kept, layout) if layout else None
            targets = ((one.location, folder_of(one) if folder_of else ".") for one in kept)
            return write_s5cmd(targets, name=name, endpoint_url=server_url or AWS_ENDPOINT_URL)
        case Dialect.IDC:
            return write_selection(kept)
        case Dialect.BAGIT:
            return write_fetch(_fetched(kept, files, server_url, layout or TemplateLayout()))
        case Dialect.CSV | Dialect.TSV:
            return write_table(kept, delimiter="\t" if dialect is Dialect.TSV else ",")


def _fetched(
    kept: Sequence[WantedSeries], files: Mapping[str, Sequence[WantedFile]], server_url: str, layout: Layout
) -> Iterator[tuple[str, int | None, str]]:
    """URL, size and path of each file."""
    folder_of = place(kept, layout)
    for one in kept:
        for file in files[one.key]:
            location = file.location or f"{one.location}{quote(file.name)}"
            yield file_url(location, server_url), file.size_bytes, f"{folder_of(one)}/{file.name}"


def _sort(
    series: Iterable[WantedSeries], dialect: Dialect, files: Mapping[str, Sequence[WantedFile]]
) -> tuple[list[WantedSeries], tuple[Refusal, ...]]:
    """Series that the dialect can hold, and the others with what they lack."""
    is_named = (
        lambda one: bool(one.series_uid or CRDC_SERIES in one.attributes),
        f"neither SeriesInstanceUID nor {CRDC_SERIES} is known, one of which a table lists",
    )
    needs: dict[Dialect, tuple[Callable[[WantedSeries], bool], str]] = {
        Dialect.TCIA: (lambda one: bool(one.series_uid), "no SeriesInstanceUID is known, which .tcia lists"),
        Dialect.S5CMD: (lambda one: one.location.startswith(SCHEME), "it is in no S3 bucket, as far as is known"),
        Dialect.CSV: is_named,
        Dialect.TSV: is_named,
        Dialect.IDC: (
            lambda one: CRDC_SERIES in one.attributes,
            f"IDC has it not, as far as is known: no {CRDC_SERIES}",
        ),
        Dialect.BAGIT: (lambda one: one.key in files, "its files and their URLs are not known, which a bag lists"),
    }
    holds, lack = needs[dialect]
    kept, refusals = [], []
    for one in series:
        if holds(one):
            kept.append(one)
        else:
            refusals.append(Refusal(series_key(one), CANNOT_HOLD, lack))
    return kept, tuple(refusals)
