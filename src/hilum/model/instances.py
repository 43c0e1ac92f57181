"""The instances of a series, packed into one value of its catalog row.

Column by column: what is equal for all instances is kept once, numbers that rise in equal steps by their first and the
step, points by coordinate, identifiers and paths without their common beginning; the rest is deflated. 290 instances of
a CT take about 36 bytes each, of which 16 are the random digits of the SOPInstanceUID.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hilum.errors import ArchiveError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

PACK_VERSION = 1
DEFLATE_LEVEL = 4
"""Six would save 1 % and take half as long again."""
FRONT_CODED_FROM = 4
"""Shorter common beginnings are not worth a prefix of their own."""

FILE_COLUMNS = ("root", "path", "size_bytes", "modified_ns", "pixel_offset", "pixel_length")
"""Columns of ours beside the DICOM attributes: folder indexed, path below it, file size and time of change, and the
byte range of the pixel data's value (length -1: encapsulated; offset -1: no pixel data, or a deflated data set). An
enhanced CT has ``frames`` besides: ImagePositionPatient, ImageOrientationPatient and PixelSpacing of each frame."""


@dataclass(frozen=True)
class Instances:
    """Columns over the instances of one series, in geometric order.

    Attributes
    ----------
    columns
        DICOM keyword or a name of `FILE_COLUMNS` to one value an instance; None where the file has none.
    """

    columns: Mapping[str, Sequence[Any]]

    def __post_init__(self) -> None:
        lengths = {len(values) for values in self.columns.values()}
        if len(lengths) > 1:
            raise ValueError(f"columns of unequal length: {sorted(lengths)}")

    def __len__(self) -> int:
        return next((len(values) for values in self.columns.values()), 0)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Each instance as a dict of its columns."""
        names = list(self.columns)
        for values in zip(*self.columns.values(), strict=True):
            yield dict(zip(names, values, strict=True))

    @classmethod
    def from_rows(cls, rows: Sequence[Mapping[str, Any]]) -> Instances:
        """Turn dicts into columns; a name that a row lacks is None there."""
        names = dict.fromkeys(name for row in rows for name in row)
        return cls({name: [row.get(name) for row in rows] for name in names})

    def column(self, name: str) -> Sequence[Any]:
        """Values of a column; all None if no instance has it."""
        return self.columns.get(name) or [None] * len(self)

    def select(self, names: Iterable[str]) -> Instances:
        """Only the columns of these names, those that are there."""
        return Instances({name: self.columns[name] for name in names if name in self.columns})

    def take(self, order: Sequence[int]) -> Instances:
        """Instances at `order`, in that order."""
        return Instances({name: [values[i] for i in order] for name, values in self.columns.items()})

    def paths(self) -> list[Path]:
        """Absolute path of each instance's file."""
        return [Path(root, path) for root, path in zip(self.column("root"), self.column("path"), strict=True)]

    def pack(self) -> bytes:
        """Give the packed form, as it stands in the catalog."""
        packed = {"version": PACK_VERSION, "count": len(self), "columns": {}}
        packed["columns"] = {name: _pack_column(values) for name, values in self.columns.items()}
        # Digits of UIDs hardly repeat: "filtered" spends its bits on their frequencies, 6 % less in all.
        deflate = zlib.compressobj(DEFLATE_LEVEL, strategy=zlib.Z_FILTERED)
        return deflate.compress(json.dumps(packed, separators=(",", ":")).encode()) + deflate.flush()

    @classmethod
    def unpack(cls, data: bytes) -> Instances:
        """Read the packed form.

        Raises
        ------
        ArchiveError
            The bytes are damaged, or written by a newer hilum.
        """
        count, columns = _read(data)
        return cls({name: _unpack_column(column, count) for name, column in columns.items()})

    @staticmethod
    def find(data: bytes, sop_uid: str) -> int | None:
        """Index of the instance with a SOPInstanceUID in the packed form, several times faster than unpacking it.

        Raises
        ------
        ArchiveError
            As `unpack`.
        """
        count, columns = _read(data)
        column = columns.get("SOPInstanceUID", {"all": None})
        if not sop_uid.startswith(column.get("prefix", "")):
            return None
        uids = _unpack_column(column, count)
        return uids.index(sop_uid) if sop_uid in uids else None


def _read(data: bytes) -> tuple[int, dict[str, dict[str, Any]]]:
    try:
        packed = json.loads(zlib.decompress(data))
        version, count, columns = packed["version"], packed["count"], packed["columns"]
    except (zlib.error, ValueError, KeyError, TypeError) as error:
        raise ArchiveError(f"packed instances cannot be read ({error}); index the folder again") from error
    if version != PACK_VERSION:
        raise ArchiveError(f"packed instances of version {version}; this hilum reads {PACK_VERSION}: update it")
    return count, columns


def _pack_column(values: Sequence[Any]) -> dict[str, Any]:
    first = values[0] if values else None
    kinds = {type(value) for value in values}
    if kinds <= {tuple, list} and first and len({len(value) for value in values}) == 1:
        return {"parts": [_pack_column(part) for part in zip(*values, strict=True)]}
    if len(kinds) == 1:
        if all(value == first for value in values):
            return {"all": first}
        if kinds == {str}:
            prefix = _common_beginning(values)
            if len(prefix) >= FRONT_CODED_FROM:
                return {"prefix": prefix, "each": [value[len(prefix) :] for value in values]}
        elif kinds <= {int, float}:
            step = values[1] - first
            if all(first + index * step == value for index, value in enumerate(values)):
                return {"from": first, "step": step}
    return {"each": list(values)}


def _common_beginning(values: Sequence[str]) -> str:
    low, high = min(values), max(values)
    length = next((i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), min(len(low), len(high)))
    return low[:length]


def _unpack_column(column: dict[str, Any], count: int) -> list[Any]:
    if "all" in column:
        return [_frozen(column["all"])] * count
    if "from" in column:
        return [column["from"] + index * column["step"] for index in range(count)]
    if "parts" in column:
        return list(zip(*(_unpack_column(part, count) for part in column["parts"]), strict=True))
    prefix = column.get("prefix")
    if prefix is not None:
        return [prefix + rest for rest in column["each"]]
    return [_frozen(value) for value in column["each"]]


def _frozen(value: Any) -> Any:
    """Tuples for JSON's lists, at every depth."""
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
