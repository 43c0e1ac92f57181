"""What is said of a shipment: for whom, which release, what is on which drive.

The packing list is a table that people and programs read alike: one line a drive, collection and participant.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hilum.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    from hilum.publish.drives import Drive
    from hilum.publish.release import Release

LIST_NAME = "packing-list.csv"
COLUMNS = ("drive", "collection_id", "participant_id", "files", "size_bytes")


@dataclass(frozen=True, slots=True)
class Shipment:
    """Why drives are packed.

    Attributes
    ----------
    packed_on
        Day of the packing.
    request
        The approved request it answers, as the steward calls it.
    recipient
        Who gets it.
    """

    packed_on: date
    request: str = ""
    recipient: str = ""


@dataclass(frozen=True, slots=True)
class ListedShare:
    """A line of a packing list; `participant_id` is empty for files that belong to none."""

    drive: int
    collection_id: str
    participant_id: str
    files: int
    size_bytes: int


def packing_list(drives: Sequence[Drive]) -> str:
    """Give the packing list of a shipment as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for drive in drives:
        for share in drive.shares:
            writer.writerow(
                [drive.number, share.collection_id, share.participant_id or "", share.files, share.size_bytes]
            )
    return text.getvalue()


def read_packing_list(path: Path) -> list[ListedShare]:
    """Read a packing list.

    Raises
    ------
    FormatError
        It is none; the message names the line.
    """
    try:
        rows = list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"{path}: cannot be read ({error}); expected a packing list") from error
    if not rows or tuple(rows[0]) != COLUMNS:
        raise FormatError(f"{path}:1: found {', '.join(rows[0]) if rows else 'nothing'}; expected {', '.join(COLUMNS)}")
    return [_share(f"{path}:{number}", row) for number, row in enumerate(rows[1:], start=2)]


def _share(where: str, row: Sequence[str]) -> ListedShare:
    try:
        drive, collection_id, participant_id, files, size_bytes = row
        return ListedShare(int(drive), collection_id, participant_id, int(files), int(size_bytes))
    except ValueError as error:
        raise FormatError(f"{where}: found {','.join(row)!r}; expected {', '.join(COLUMNS)}") from error


def readme(release: Release, drive: Drive, shipment: Shipment) -> str:
    """Give the text for whoever holds the drive in hand."""
    counts = release.counts
    title = f"{release.name}, version {release.version} of {release.released_on.isoformat()}"
    whole = f"{counts.participants:,} participants, {counts.series:,} series, {counts.files:,} files"
    lines = [
        f"{title}: drive {drive.number} of {drive.of}",
        "",
        *([f"For: {shipment.recipient}"] if shipment.recipient else []),
        *([f"Request: {shipment.request}"] if shipment.request else []),
        f"Packed on {shipment.packed_on.isoformat()}.",
        "",
        f"On this drive: {drive.files:,} files, {drive.size_bytes:,} bytes.",
        f"In the whole release: {whole}, {counts.size_bytes:,} bytes.",
        f"Licence of the whole: {release.licence}. How to cite it, and the licence of each part: folder release/.",
        "",
        "What is where",
        "  data/                 the files, by collection, participant and series",
        f"  {LIST_NAME}      which participants are on which drive",
        "  release/              tables of the whole release (Parquet), its digest, citation and check report",
        "  manifest-sha256.txt   SHA-256 of every file below data/ (and manifest-sha512.txt)",
        "",
        "To verify it, take it in and index it in place:",
        "  hilum receive DRIVE --archive ARCHIVE",
        "To verify it without hilum (it is a BagIt bag, RFC 8493):",
        "  bagit.py --validate FOLDER        or        sha256sum --check manifest-sha256.txt",
        "",
        f"Digest of the release: {release.digest}",
        "Compare it with the one that was sent to you by another way than this drive.",
    ]
    return "\n".join(lines) + "\n"
