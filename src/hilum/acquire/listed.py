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
    """

    def __init__(self, source: Source, files: Mapping[str, Sequence[WantedFile]]) -> None:
        self._source = source
        self._files = files

    @property
    def name(self) -> str:
        """Name of the source behind."""
        return self._source.name

    def list_files(self, series: WantedSeries) -> Sequence[WantedFile] | None:
        """Files of the manifest."""
        listed = self._files.get(series_key(series))
        return listed if listed is not None else self._source.list_files(series)

    def fetch(
        self, series: WantedSeries, file: WantedFile | None, start_byte: int
    ) -> AbstractContextManager[Iterator[Delivery]]:
        """Open a file at its location."""
        return self._source.fetch(series, file, start_byte)
