"""A manifest of any dialect, known by what is in it and not by its name."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

from hilum.acquire.manifests.bagit import is_fetch, read_fetch
from hilum.acquire.manifests.manifest import Dialect, Manifest, lines_of
from hilum.acquire.manifests.s5cmd import SCHEME, read_s5cmd
from hilum.acquire.manifests.selection import read_selection
from hilum.acquire.manifests.tables import delimiter_of, find_header, is_bare_list, read_table
from hilum.acquire.manifests.tcia import names_list, read_tcia
from hilum.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES = 1 << 30
"""A manifest of IDC's million series has 100 MB; what is larger is something else."""

_READERS = {
    Dialect.TCIA: read_tcia,
    Dialect.S5CMD: read_s5cmd,
    Dialect.CSV: read_table,
    Dialect.TSV: read_table,
    Dialect.IDC: read_selection,
    Dialect.BAGIT: read_fetch,
}
_EXPECTED = (
    "a .tcia manifest, s5cmd's cp lines, CSV or TSV with a column SeriesInstanceUID or crdc_series_uuid, a list of "
    "those, a selection of IDC as JSON, or a fetch.txt of BagIt"
)


def read_manifest(path: str | Path) -> Manifest:
    """Read a manifest.

    Lines that are not as the dialect demands do not end the reading: they are in `Manifest.refusals`, by file and line.

    Raises
    ------
    FormatError
        The file cannot be read, is of no known dialect, or holds no series.
    """
    path = Path(path)
    text = _text(path)
    try:
        return _READERS[recognise(path, text)](path, text)
    except csv.Error as error:
        raise FormatError(f"{path}: no table ({error}); is a quote not closed? Expected {_EXPECTED}") from error


def recognise(path: Path, text: str) -> Dialect:
    """Tell the dialect of a manifest's text; `path` is for messages.

    Raises
    ------
    FormatError
        It is none of them.
    """
    first = next(_said(text), None)
    if first is None:
        raise FormatError(f"{path}: nothing but comments; expected {_EXPECTED}")
    if any(map(names_list, _said(text))):
        return Dialect.TCIA
    if first.lstrip().startswith(("{", "[")):
        return Dialect.IDC
    if is_fetch(first):
        return Dialect.BAGIT
    delimiter = delimiter_of(text)
    if is_bare_list(text) or find_header(text, delimiter) is not None:
        return Dialect.TSV if delimiter == "\t" else Dialect.CSV
    if any(SCHEME in line for line in _said(text)):
        return Dialect.S5CMD
    raise FormatError(f"{path}: {first[:80]!r} begins no manifest that is known; expected {_EXPECTED}")


def _said(text: str) -> Iterator[str]:
    return (line for line in lines_of(text) if line.strip() and not line.startswith("#"))


def _text(path: Path) -> str:
    try:
        if (size_bytes := path.stat().st_size) > MAX_BYTES:
            raise FormatError(f"{path}: {size_bytes:,} bytes are no manifest; expected at most {MAX_BYTES:,}")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror}); expected a manifest there") from error
    except UnicodeDecodeError as error:
        raise FormatError(
            f"{path}: no text in UTF-8 ({error.reason} at byte {error.start}); expected {_EXPECTED}"
        ) from error
