"""A manifest completed from the index of IDC: what its dialect does not tell of a series."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hilum.acquire.idc import find_all_in_idc
from hilum.acquire.manifests.manifest import series_key
from hilum.acquire.packed import PackedSeries

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hilum.acquire.idc import IdcFound
    from hilum.acquire.manifests.manifest import Manifest
    from hilum.acquire.wanted import WantedFile, WantedSeries
    from hilum.errors import Refusal


@dataclass(frozen=True, slots=True)
class Completed:
    """A manifest with what the index knows.

    Attributes
    ----------
    manifest
        As it was read, each series completed; one that the index does not have is as it was.
    unknown
        Series that neither the index nor the manifest says the place of.
    earlier
        SeriesInstanceUID to the last version of IDC that had it, of those the newest has no more.
    """

    manifest: Manifest
    unknown: tuple[Refusal, ...]
    earlier: Mapping[str, int]

    @property
    def located(self) -> Sequence[WantedSeries]:
        """The series without the unknown ones."""
        unknown = {refusal.item for refusal in self.unknown}
        return PackedSeries(one for one in self.manifest.series if series_key(one) not in unknown)


def complete(manifest: Manifest) -> Completed:
    """Complete a manifest; a series of which it lists files is those files, not more.

    Raises
    ------
    NotFoundError
        The index is not installed.
    """
    found = find_all_in_idc(manifest.series)
    files: dict[str, Sequence[WantedFile]] = {}
    series = PackedSeries(_completed(manifest, found, files))
    whole = replace(manifest, series=series, files={key: tuple(listed) for key, listed in files.items()})
    return Completed(whole, found.refusals, found.earlier)


def _completed(manifest: Manifest, found: IdcFound, files: dict[str, Sequence[WantedFile]]) -> Iterator[WantedSeries]:
    """Series of a manifest as the index knows them; notes the files of those of which it lists some."""
    unknown = {refusal.item for refusal in found.refusals}
    known = iter(found.series)
    for one in manifest.series:
        done = one if series_key(one) in unknown else next(known)
        if listed := manifest.files.get(series_key(one)):
            done = _of_files(done, listed)
            files[series_key(done)] = listed
        yield done


def _of_files(series: WantedSeries, files: Sequence[WantedFile]) -> WantedSeries:
    sizes = [file.size_bytes for file in files if file.size_bytes is not None]
    return replace(series, instance_count=len(files), size_bytes=sum(sizes) if len(sizes) == len(files) else None)
