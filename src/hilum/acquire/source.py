"""The one interface of everything that files are downloaded from.

Two kinds fit it. Most sources list the files of a series and give each by a request of its own, from any byte on (S3,
HTTP, folders, DICOMweb by instance). Others give a series as one stream and cannot resume it (NBIA's zip): their
`list_files` gives None, and the files are known as they pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from hilum.acquire.wanted import WantedFile, WantedSeries


@dataclass(frozen=True, slots=True)
class Delivery:
    """One file on its way.

    Attributes
    ----------
    file
        The file, with what the source says of its size and hash now that it is sending it.
    start_byte
        Place in the file of the first byte of `chunks`: what was asked for, or 0 where the source starts afresh.
    chunks
        The bytes, in pieces of any length, each of which holds until the next is asked for; to be read before the next
        delivery is asked for.
    """

    file: WantedFile
    start_byte: int
    chunks: Iterator[bytes | memoryview]


class Source(Protocol):
    """Where files come from; used by several threads at once.

    Every method raises `SourceError` when the source does not give what was asked; its `may_pass` says whether asking
    again can help.
    """

    @property
    def name(self) -> str:
        """Where it is, for messages: a URL or path without any secret."""
        ...

    def list_files(self, series: WantedSeries) -> Sequence[WantedFile] | None:
        """Files of a series, in the source's order; None where only the stream of `fetch` tells."""
        ...

    def fetch(
        self, series: WantedSeries, file: WantedFile | None, start_byte: int
    ) -> AbstractContextManager[Iterator[Delivery]]:
        """Open a listed file from a byte on, or with None all files of a series in one stream.

        A stream may find out at its end that it was not whole (a count, a list of hashes): then the iteration raises,
        and none of its files counts.
        """
        ...
