"""Indexing what was pulled: into which collections, and whether the files are the series that were asked for."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from hilum.acquire.columns import collection_id_of
from hilum.errors import ConfigError, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping
    from pathlib import Path

    from hilum.acquire.wanted import WantedSeries

_IS_HERE_SQL = """
SELECT SeriesInstanceUID, instance_count FROM series
WHERE collection_id = ? AND instances IS NOT NULL AND SeriesInstanceUID IN (SELECT unnest(?))
"""

_SOUGHT_AT_ONCE = 20_000
"""Series that are looked up in the catalog together."""


def collections_of(
    series: Iterable[WantedSeries], folder_of: Callable[[WantedSeries], str], into: str | None
) -> dict[str, str]:
    """Collection of each folder below the target that is to be indexed; an empty name is the target itself.

    Parameters
    ----------
    folder_of
        Gives the folder of a series.
    into
        Collection for everything; None: each series' own, or else named after the folder.

    Raises
    ------
    ConfigError
        Series of several collections lie in one folder.
    """
    if into is not None:
        return {"": into}

    def name_of(one: WantedSeries) -> str:
        return one.collection_id or _top(folder_of(one))

    ids = {name: _collection_id(name) for name in map(name_of, series)}
    if len(every := set(ids.values())) == 1:
        return {"": every.pop()}
    collections: dict[str, str] = {}
    for one in series:
        named = ids[name_of(one)]
        other = collections.setdefault(_top(folder_of(one)), named)
        if named != other:
            raise ConfigError(
                f"the layout puts {' and '.join(sorted((named, other)))} in one folder, which is indexed into one"
                " collection; begin the layout with %collection_id/, name one with --into, or take --no-index"
            )
    return collections


def _top(folder: str) -> str:
    return folder.partition("/")[0]


def index_pulled(
    archive: Path, root: Path, targets: Mapping[str, str], series: Iterable[WantedSeries], missing: Container[str]
) -> list[Refusal]:
    """Index the folders of a pull; give what was refused, and series that are not in their files.

    Bytes that are as the source says can still be other images than the list says: only headers tell.

    Parameters
    ----------
    missing
        Keys of series that did not come whole: nothing more is said of those.
    """
    from hilum.catalog import Archive
    from hilum.catalog.folder import index_folder
    from hilum.cli.output import progress

    catalog = Archive.open_or_create(archive)
    refusals: list[Refusal] = []
    for folder, collection_id in targets.items():
        if not (root / folder).is_dir():
            continue  # nothing of it came, and that is told already
        with progress(f"index {collection_id}") as advance:
            report = index_folder(catalog, root / folder, collection_id, on_progress=advance, may_be_empty=True)
        refusals += [Refusal(one.item, one.check, one.reason) for one in report.refusals]
        wanted = (
            one
            for one in series
            if one.series_uid
            and one.key not in missing
            and (not folder or _collection_id(one.collection_id) == collection_id)
        )
        while some := list(islice(wanted, _SOUGHT_AT_ONCE)):
            rows = catalog.query(_IS_HERE_SQL, [collection_id, [one.series_uid for one in some]]).to_pylist()
            refusals += _absent(some, {row["SeriesInstanceUID"]: row["instance_count"] for row in rows})
    return refusals


def _absent(wanted: Iterable[WantedSeries], here: Mapping[str, int]) -> list[Refusal]:
    refusals = []
    for series in wanted:
        expected, found = series.instance_count, here.get(series.series_uid, 0)
        if not found or (expected is not None and found != expected):
            expectation = "some" if expected is None else f"{expected:,}"
            reason = f"headers of {found:,} files name this series, expected {expectation}; see what was refused"
            refusals.append(Refusal(series.series_uid, "not-in-files", reason))
    return refusals


def _collection_id(name: str) -> str:
    """Collection of an archive named after one of a source: ``CT Lymph Nodes`` is ct_lymph_nodes."""
    return collection_id_of(name) or "pulled"
