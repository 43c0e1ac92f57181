"""Reading a header with pydicom: big endian, deflated, and everything else that the direct walk declines."""

from __future__ import annotations

import struct
import warnings
import zlib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from hilum.errors import HeaderError
from hilum.index.elements import plain
from hilum.index.walk import DEFLATED_SYNTAX, UNDEFINED_LENGTH
from hilum.model.attributes import ATTRIBUTES, PIXEL_DATA_TAGS

if TYPE_CHECKING:
    from pydicom.dataset import FileDataset

    from hilum.model.attributes import Value

DEFLATED_LIMIT_BYTES = 1 << 30
"""A deflated data set that is larger when inflated is refused: no image of this field comes near it, and pydicom would
hold it whole in memory. Deflate makes a gigabyte of a megabyte."""

_CHUNK_BYTES = 1 << 20
_LONG_VRS = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"UN"})
_NO_PIXELS = (-1, -1)
_META_START = 128 + 4 + 12
"""Bytes before the group that `FileMetaInformationGroupLength` counts: preamble, prefix, and that element itself."""


def read_with_pydicom(path: str | Path) -> tuple[dict[str, Value], tuple[int, int], str, tuple[str, ...]]:
    """Values, pixel offset and length, media class and unreadable keywords of a file, as `Header` has them.

    Raises
    ------
    HeaderError
        ``truncated-header`` or ``unreadable-header``.
    """
    import pydicom

    with Path(path).open("rb") as file, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        _require_modest(file)
        try:
            tags: list[Any] = [attribute.tag for attribute in ATTRIBUTES]
            dataset = pydicom.dcmread(file, stop_before_pixels=True, force=True, specific_tags=tags)
        except Exception as error:
            # pydicom raises whatever a damaged file makes it stumble on
            raise HeaderError(f"pydicom cannot read the header: {error}", check="unreadable-header") from error
        _check_whole(file, dataset, [str(warning.message) for warning in caught])
        values, unreadable = _values(dataset)
        return values, _pixel_range(file, dataset), _media_class(dataset), unreadable


def _require_modest(file: BinaryIO) -> None:
    """Raise if a deflated data set is too large when inflated; anything else that is wrong with it pydicom says."""
    start = _deflated_from(file.name)
    if start is None:
        return
    file.seek(start)
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    size_bytes, rest = 0, b""
    with suppress(zlib.error):
        while piece := rest or file.read(_CHUNK_BYTES):
            size_bytes += len(inflate.decompress(piece, _CHUNK_BYTES))
            rest = inflate.unconsumed_tail
            if size_bytes > DEFLATED_LIMIT_BYTES:
                raise HeaderError(
                    f"its deflated data set is larger than {DEFLATED_LIMIT_BYTES:,} bytes; store it in another "
                    "transfer syntax",
                    check="unreadable-header",
                )
    file.seek(0)


def _deflated_from(path: str) -> int | None:
    """First byte of a deflated data set; None where the data set is not deflated, or the file's head is unreadable."""
    from pydicom.filereader import read_file_meta_info

    try:
        meta = read_file_meta_info(path)
        is_deflated = str(meta.get("TransferSyntaxUID", "")) == DEFLATED_SYNTAX
        return _META_START + int(meta.FileMetaInformationGroupLength) if is_deflated else None
    except Exception:  # noqa: BLE001 - as above
        return None


def _check_whole(file: BinaryIO, dataset: FileDataset, messages: list[str]) -> None:
    """Raise if the file ends inside its header; pydicom itself only warns, or says nothing."""
    size = Path(file.name).stat().st_size
    short = [element for element in dataset.values() if _is_short(element)]
    if file.tell() > size or short or any("End of file reached" in message for message in messages):
        raise HeaderError(
            f"the file ends at byte {size} inside its header; copy or download it again", check="truncated-header"
        )


def _is_short(element: Any) -> bool:
    raw = getattr(element, "value", None)
    length = getattr(element, "length", UNDEFINED_LENGTH)
    return isinstance(raw, bytes) and length != UNDEFINED_LENGTH and len(raw) < length


def _values(dataset: FileDataset) -> tuple[dict[str, Value], tuple[str, ...]]:
    values: dict[str, Value] = {}
    unreadable: list[str] = []
    for attribute in ATTRIBUTES:
        source = dataset.file_meta if attribute.keyword == "TransferSyntaxUID" else dataset
        try:
            value = plain(source[attribute.tag].value) if attribute.tag in source else None
        except Exception:  # noqa: BLE001 - as above, for one element
            unreadable.append(attribute.keyword)
            continue
        if value is not None:
            values[attribute.keyword] = value
    return values, tuple(unreadable)


def _media_class(dataset: FileDataset) -> str:
    try:
        return str(dataset.file_meta.get("MediaStorageSOPClassUID", ""))
    except Exception:  # noqa: BLE001 - as above
        return ""


def _pixel_range(file: BinaryIO, dataset: FileDataset) -> tuple[int, int]:
    """Offset and length of the pixel data's value; the file stands at its tag, or at the end if there is none."""
    if str(dataset.file_meta.get("TransferSyntaxUID", "")) == DEFLATED_SYNTAX:
        return _NO_PIXELS
    is_implicit, is_little = dataset.original_encoding
    order = "<" if is_little else ">"
    start = file.tell()
    head = file.read(12)
    if len(head) < 8:
        return _NO_PIXELS
    group, element = struct.unpack_from(f"{order}HH", head)
    if group << 16 | element not in PIXEL_DATA_TAGS:
        return _NO_PIXELS
    if is_implicit:
        length, value_at = struct.unpack_from(f"{order}I", head, 4)[0], start + 8
    elif head[4:6] in _LONG_VRS and len(head) == 12:
        length, value_at = struct.unpack_from(f"{order}I", head, 8)[0], start + 12
    else:
        length, value_at = struct.unpack_from(f"{order}H", head, 6)[0], start + 8
    return value_at, -1 if length == UNDEFINED_LENGTH else length
