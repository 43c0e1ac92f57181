"""``fetch.txt`` of a BagIt bag: a URL, a length and a path below ``data/`` a line.

References
----------
RFC 8493, section 2.2.3; only CR, LF and % are percent-encoded in a path (section 2.1.3).
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import quote

from hilum.acquire.columns import crdc_of, is_uid
from hilum.acquire.manifests.manifest import Dialect, Lines, Manifest, lines_of
from hilum.acquire.wanted import WantedFile, WantedSeries
from hilum.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

PAYLOAD = "data"
UNKNOWN_LENGTH = "-"

_LINE = re.compile(r"(\S+)[ \t]+(\S+)[ \t]+(.+)")
_BLANK = re.compile(r"\s")
_ENCODED = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_CODES = re.compile(r"%(25|0D|0A)", re.IGNORECASE)
_SERIES_FOLDER = re.compile(r"(?:([A-Z]+)_)?([0-9.]+)")
"""Last folder of IDC's layout, ``%Modality_%SeriesInstanceUID``, and of the retriever's classic one."""


def read_fetch(path: Path, text: str) -> Manifest:
    """Read a ``fetch.txt``; the files of one folder are taken as a series.

    Where the folders follow IDC's layout or the retriever's classic one, the series gets its identifiers from them.

    Raises
    ------
    FormatError
        No line is a file.
    """
    lines = Lines(path, Dialect.BAGIT)
    for number, line in enumerate(lines_of(text), start=1):
        if not line.strip():
            continue
        try:
            lines.keep_file(*_file(line.rstrip("\r")))
        except FormatError as error:
            lines.refuse(number, str(error))
    return _counted(lines.manifest())


def encode_path(path: str) -> str:
    """Give a path as a manifest of a bag has it."""
    return path.translate(_ENCODED)


def decode_path(encoded: str) -> str:
    """Give the path that stands in a manifest of a bag."""
    return _CODES.sub(lambda code: chr(int(code[1], 16)), encoded)


def write_fetch(files: Iterable[tuple[str, int | None, str]]) -> str:
    """Give the text of a ``fetch.txt`` from URL, size and path below ``data/`` of each file."""
    lines = []
    for url, size_bytes, path in files:
        length = UNKNOWN_LENGTH if size_bytes is None else size_bytes
        lines.append(f"{_BLANK.sub(_quoted, url)} {length} {PAYLOAD}/{encode_path(path)}\n")
    return "".join(lines)


def is_fetch(line: str) -> bool:
    """Whether a line is one of a ``fetch.txt``."""
    found = _LINE.fullmatch(line.strip())
    return found is not None and "://" in found[1] and found[3].startswith(f"{PAYLOAD}/")


def _quoted(blank: re.Match[str]) -> str:
    return quote(blank[0])


def _file(line: str) -> tuple[WantedSeries, WantedFile]:
    found = _LINE.fullmatch(line)
    if found is None or "://" not in found[1]:
        raise FormatError(f"found {line[:80]!r}, expected a URL, a length and a path with blanks between")
    url, length, path = found[1], found[2], decode_path(found[3])
    if length != UNKNOWN_LENGTH and not re.fullmatch(r"[0-9]{1,18}", length):
        raise FormatError(f"length {length!r}; expected the number of bytes, or - where it is not known")
    parts = path.split("/")
    if parts[0] != PAYLOAD or len(parts) < 2 or {"", ".", ".."} & set(parts):
        raise FormatError(f"path {path!r}; expected one below {PAYLOAD}/ that does not leave it")
    size_bytes = None if length == UNKNOWN_LENGTH else int(length)
    folder = PurePosixPath(*parts[1:-1])
    return _series(url, folder), WantedFile(parts[-1], size_bytes, location=url)


def _series(url: str, folder: PurePosixPath) -> WantedSeries:
    location = url.rpartition("/")[0] + "/"
    attributes = crdc_of(location)
    found = _SERIES_FOLDER.fullmatch(folder.name)
    if found is None or not is_uid(found[2]):
        return WantedSeries(location=location, attributes=attributes)
    # Of the folders above only these three are sure to be what their place says.
    collection_id, participant_id, study_uid = folder.parts[:3] if len(folder.parts) == 4 else ("", "", "")
    if not is_uid(study_uid):
        collection_id, participant_id, study_uid = "", "", ""
    return WantedSeries(
        collection_id, participant_id, study_uid, found[2], found[1] or "", location=location, attributes=attributes
    )


def _counted(manifest: Manifest) -> Manifest:
    """Say of each series how many files it has, and bytes where every line gives its length."""
    series = []
    for one in manifest.series:
        files = manifest.files[one.key]
        sizes = [file.size_bytes for file in files if file.size_bytes is not None]
        size_bytes = sum(sizes) if len(sizes) == len(files) else None
        series.append(replace(one, instance_count=len(files), size_bytes=size_bytes))
    return replace(manifest, series=tuple(series))
