"""Many series in little memory: the list of what is asked for, which may be a whole archive."""

from __future__ import annotations

import json
import operator
import zlib
from collections.abc import Sequence
from dataclasses import fields
from itertools import islice
from typing import TYPE_CHECKING, overload

from hilum.acquire.fingerprints import Fingerprints
from hilum.acquire.wanted import WantedSeries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_AT_ONCE = 1024
"""Series that are packed together: neighbours share participant, study and beginnings of UIDs."""

_LEVEL = 1
"""Of zlib: the fastest; higher ones save little more."""

_values_of = operator.attrgetter(*(field.name for field in fields(WantedSeries)))


class PackedSeries(Sequence[WantedSeries]):
    """Series in the order they are given in, each made anew when it is asked for: about 90 bytes one of IDC.

    It is made to be gone through from end to end, by several threads too; one series by its place costs as much as a
    thousand in turn.

    Parameters
    ----------
    series
        What it holds; never all at once in memory where an iterator gives them.
    """

    def __init__(self, series: Iterable[WantedSeries] = ()) -> None:
        self._blocks: list[bytes] = []
        self._last: list[WantedSeries] = []
        for one in series:
            self.append(one)

    def append(self, series: WantedSeries) -> None:
        """Put a series at the end."""
        self._last.append(series)
        if len(self._last) == _AT_ONCE:
            self._blocks.append(_packed(self._last))
            self._last = []

    def __len__(self) -> int:
        return len(self._blocks) * _AT_ONCE + len(self._last)

    def __iter__(self) -> Iterator[WantedSeries]:
        for block in self._blocks:
            yield from _unpacked(block)
        yield from self._last

    @overload
    def __getitem__(self, place: int) -> WantedSeries: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[WantedSeries]: ...

    def __getitem__(self, place: int | slice) -> WantedSeries | Sequence[WantedSeries]:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        block, row = divmod(range(len(self))[place], _AT_ONCE)
        if block == len(self._blocks):
            return self._last[row]
        return next(islice(_unpacked(self._blocks[block]), row, None))


def each_once(
    series: Sequence[WantedSeries], key_of: Callable[[WantedSeries], str] = operator.attrgetter("key")
) -> Sequence[WantedSeries]:
    """Give series without those whose key stands before; the same sequence where each stands once."""
    repeated = Fingerprints.of_repeated(map(key_of, series))
    return PackedSeries(_first_of_each(series, key_of, repeated)) if repeated else series


def _first_of_each(
    series: Iterable[WantedSeries], key_of: Callable[[WantedSeries], str], repeated: Fingerprints
) -> Iterator[WantedSeries]:
    seen: set[str] = set()
    for one in series:
        key = key_of(one)
        if key in repeated:
            if key in seen:
                continue
            seen.add(key)
        yield one


def _packed(series: Iterable[WantedSeries]) -> bytes:
    # Column by column: what resembles each other lies together.
    columns = list(zip(*map(_values_of, series), strict=True))
    return zlib.compress(json.dumps(columns).encode(), _LEVEL)


def _unpacked(block: bytes) -> Iterator[WantedSeries]:
    for values in zip(*json.loads(zlib.decompress(block)), strict=True):
        yield WantedSeries(*values)
