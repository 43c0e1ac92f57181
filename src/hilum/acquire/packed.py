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
    from collections.abc import Iterable, Iterator

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
        self._count = 0
        given = iter(series)
        while rows := [_values_of(one) for one in islice(given, _AT_ONCE)]:
            # Column by column: what resembles each other lies together.
            self._blocks.append(zlib.compress(json.dumps(list(zip(*rows, strict=True))).encode(), _LEVEL))
            self._count += len(rows)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[WantedSeries]:
        for block in self._blocks:
            yield from _unpacked(block)

    @overload
    def __getitem__(self, place: int) -> WantedSeries: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[WantedSeries]: ...

    def __getitem__(self, place: int | slice) -> WantedSeries | Sequence[WantedSeries]:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(self._count))]
        block, row = divmod(range(self._count)[place], _AT_ONCE)
        return next(islice(_unpacked(self._blocks[block]), row, None))


def each_once(series: Sequence[WantedSeries]) -> Sequence[WantedSeries]:
    """Give series without those whose key stands before; the same sequence where each stands once."""
    repeated = Fingerprints.of_repeated(one.key for one in series)
    return PackedSeries(_first_of_each(series, repeated)) if repeated else series


def _first_of_each(series: Iterable[WantedSeries], repeated: Fingerprints) -> Iterator[WantedSeries]:
    seen: set[str] = set()
    for one in series:
        if one.key in repeated:
            if one.key in seen:
                continue
            seen.add(one.key)
        yield one


def _unpacked(block: bytes) -> Iterator[WantedSeries]:
    for values in zip(*json.loads(zlib.decompress(block)), strict=True):
        yield WantedSeries(*values)
