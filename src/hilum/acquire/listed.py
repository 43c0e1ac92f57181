"""Files that a manifest lists by their URLs, fetched by the source that reaches them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hilum.acquire.manifests.manifest import series_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from hilum.acquire.source import Delivery, Source
    from hilum.acquire.wanted import WantedFile, WantedSeries


class ListedSource:
    """A source whose files are those a manifest lists (`hilum.acquire.manifests.Manifest.files`).

    Parameters
    ----------
    source
        Fetches a file by its location.
    files
        Key of a series to its files; a series that is not in it is listed by `source`.
    is_completed
        Whether `source` is asked for sizes, hashes and versions where the manifest names files alone.
    """

    def __init__(
        self, source: Source, files: Mapping[str, Sequence[WantedFile]], *, is_completed: bool = False
    ) -> None:
        self._source = source
        self._files = files
        self._is_completed = is_completed

    @property
    def name(self) -> str:
        """Name of the source behind."""
        return self._source.name

    def list_files(self, series: WantedSeries) -> Sequence[WantedFile] | None:
        """Files of the manifest."""
        listed = self._files.get(series_key(series))
        if listed is not None and (not self._is_completed or all(file.size_bytes is not None for file in listed)):
            return listed
        found = self._source.list_files(series)
        if listed is None or found is None:
            return found
        by_name = {file.name: file for file in found}
        return [by_name.get(file.name, file) for file in listed]

    def fetch(
        self, series: WantedSeries, file: WantedFile | None, start_byte: int
    ) -> AbstractContextManager[Iterator[Delivery]]:
        """Open a file at its location."""
        return self._source.fetch(series, file, start_byte)
