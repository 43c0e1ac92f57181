"""A manifest completed from the index of IDC: what its dialect does not tell of a series."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hilum.acquire.idc import find_all_in_idc
from hilum.acquire.manifests.manifest import series_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
    def located(self) -> tuple[WantedSeries, ...]:
        """The series without the unknown ones."""
        unknown = {refusal.item for refusal in self.unknown}
        return tuple(one for one in self.manifest.series if series_key(one) not in unknown)


def complete(manifest: Manifest) -> Completed:
    """Complete a manifest; a series of which it lists files is those files, not more.

    Raises
    ------
    NotFoundError
        The index is not installed.
    """
    found = find_all_in_idc(manifest.series)
    unknown = {refusal.item for refusal in found.refusals}
    known = iter(found.series)
    series: list[WantedSeries] = []
    files: dict[str, Sequence[WantedFile]] = {}
    for one in manifest.series:
        done = one if series_key(one) in unknown else next(known)
        if listed := manifest.files.get(series_key(one)):
            done = _of_files(done, listed)
            files[series_key(done)] = listed
        series.append(done)
    whole = replace(manifest, series=tuple(series), files={key: tuple(listed) for key, listed in files.items()})
    return Completed(whole, found.refusals, found.earlier)


def _of_files(series: WantedSeries, files: Sequence[WantedFile]) -> WantedSeries:
    sizes = [file.size_bytes for file in files if file.size_bytes is not None]
    return replace(series, instance_count=len(files), size_bytes=sum(sizes) if len(sizes) == len(files) else None)
