"""Manifests of a cohort or collection for the download clients of this field, made for this host."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.conf import settings

from hilum.acquire.columns import crdc_of
from hilum.acquire.manifests import Dialect, write_manifest
from hilum.acquire.manifests.tcia import SERVLET
from hilum.acquire.wanted import WantedFile
from hilum.catalog import Archive
from hilum.model.instances import Instances
from hilum.serve.dicomweb.problem import BAD_REQUEST, ProblemError
from hilum.serve.downloads.chosen import list_series, packed_instances
from hilum.serve.downloads.members import files_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hilum.acquire.wanted import WantedSeries
    from hilum.serve.downloads.chosen import Chosen, ListedSeries

DIALECTS = {dialect.file_name: dialect for dialect in Dialect}
"""Dialect of each name that a manifest can be asked for by."""

FROM_HERE = frozenset({Dialect.TCIA, Dialect.BAGIT})
"""Dialects that name this host: they list what is here. The others name where series come from, too."""

MEDIA_TYPES = {Dialect.CSV: "text/csv", Dialect.TSV: "text/tab-separated-values", Dialect.IDC: "application/json"}
SINGLE_IMAGE = "nbia-api/services/v1/getSingleImage"

MAX_LISTED_FILES = 200_000
"""Files that a manifest of files lists: about 50 MB."""


@dataclass(frozen=True, slots=True)
class MadeManifest:
    """A manifest: its text, the name of its file, its series, and how many of what was chosen it does not hold."""

    text: str
    file_name: str
    series_count: int
    left_out_count: int


def manifest_of(chosen: Chosen, dialect: Dialect) -> MadeManifest:
    """Make a manifest.

    Raises
    ------
    ProblemError
        400: it would list too many series or files.
    """
    is_here_only = dialect in FROM_HERE
    listed = list_series(chosen, is_here_only=is_here_only)
    wanted = [one.wanted for one in listed]
    name = f"{chosen.file_name}.{'txt' if dialect is Dialect.BAGIT else dialect.file_name.rpartition('.')[2]}"
    written = write_manifest(
        wanted if is_here_only else _located(wanted),
        dialect,
        name=name,
        server_url=f"{_host()}/{SERVLET}" if dialect is Dialect.TCIA else "",
        files=_files(listed) if dialect is Dialect.BAGIT else None,
    )
    elsewhere = chosen.counts()["not_here"] if is_here_only else 0
    return MadeManifest(written.text, name, written.series, elsewhere + len(listed) - written.series)


def _host() -> str:
    return str(settings.OPTIONS.address)


def _located(series: Sequence[WantedSeries]) -> list[WantedSeries]:
    """Series with the place they come from, where the catalog knows one."""
    places = _places(series)
    found = []
    for one in series:
        url = places.get((one.collection_id, one.series_uid))
        location = f"{url.removesuffix('*').rstrip('/')}/" if url else ""
        found.append(replace(one, location=location, attributes={**one.attributes, **crdc_of(location)}))
    return found


def _places(series: Sequence[WantedSeries]) -> dict[tuple[str, str], str]:
    """URL of each series that the catalog has one of, by collection and UID."""
    snapshot = Archive.open(settings.OPTIONS.archive).snapshot()
    wanted: dict[str, set[str]] = defaultdict(set)
    for one in series:
        wanted[one.collection_id].add(one.series_uid)
    found = {}
    for collection_id, known in wanted.items():
        for batch in snapshot.batches("series", ("SeriesInstanceUID", "source_url"), collection_id):
            uids, urls = (batch.column(name).to_pylist() for name in ("SeriesInstanceUID", "source_url"))
            rows = zip(uids, urls, strict=True)
            found.update({(collection_id, uid): url for uid, url in rows if url and uid in known})
    return found


def _files(listed: Sequence[ListedSeries]) -> dict[str, list[WantedFile]]:
    """Files of each series, with the address each is given at."""
    count = sum(one.wanted.instance_count or 0 for one in listed)
    if count > MAX_LISTED_FILES:
        raise ProblemError(BAD_REQUEST, f"{count} files; take batches of at most {MAX_LISTED_FILES}")
    found = {}
    for one, packed in packed_instances(listed):
        instances = Instances.unpack(packed)
        uids = instances.column("SOPInstanceUID")
        found[one.wanted.key] = [
            WantedFile(file.name, file.size_bytes, location=_address(one.wanted.series_uid, uid))
            for file, uid in zip(files_of(instances), uids, strict=True)
        ]
    return found


def _address(series_uid: str, sop_uid: str) -> str:
    query = urlencode({"SeriesInstanceUID": series_uid, "SOPInstanceUID": sop_uid})
    return f"{_host()}/{SINGLE_IMAGE}?{query}"
