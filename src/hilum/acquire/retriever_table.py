"""``metadata.csv``: the table the NBIA Data Retriever leaves beside the series it fetched.

The retriever writes values as they are, commas too, without quotes; here they are quoted where they must be, and read
either way.

References
----------
NBIA Data Retriever, ``DataRetrieverCLI.writeToMetaData``.
"""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING

from hilum.acquire.columns import COLLECTION_NAME
from hilum.acquire.fingerprints import Fingerprints
from hilum.acquire.layouts import us_date
from hilum.disk import settle, unfinished

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path
    from typing import TextIO

    from hilum.acquire.wanted import WantedSeries

FILE_NAME = "metadata.csv"

COLUMNS = (
    "Series UID",
    "Collection",
    "3rd Party Analysis",
    "Data Description URI",
    "Subject ID",
    "Study UID",
    "Study Description",
    "Study Date",
    "Series Description",
    "Manufacturer",
    "Modality",
    "SOP Class Name",
    "SOP Class UID",
    "Number of Images",
    "File Size",
    "File Location",
    "Download Timestamp",
)

_LINE = re.compile(
    r"([0-9.]+),([^,]*),([^,]*),([^,]*),([^,]*),([0-9.]+),(.*),(\d\d-\d\d-\d{4}|\d{4}-\d\d-\d\d|null|),(.*),([^,]*),"
    r"([A-Z0-9]{2,16}|null|),([^,]*),([0-9.]*|null),(\d+),([^,]*),(.*),([^,]*)"
)
"""Columns between which commas may stand are told apart by those beside them: UIDs, dates, modality, counts."""

_INNER = "\0"


def note_arrivals(path: Path, arrived: Iterable[tuple[WantedSeries, str]], at: datetime) -> None:
    """Add the series that are not in a table yet, with their folders; the lines that are there stay as they are.

    Lines end with CRLF.

    Raises
    ------
    ArchiveError
        There is no room left on the disk.
    """
    with unfinished(path) as draft:
        with draft.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\r\n")
            if path.exists() and path.stat().st_size:
                known = Fingerprints(_copied(path, file))
            else:
                known = Fingerprints()
                writer.writerow(COLUMNS)
            writer.writerows(_values(one, folder, at) for one, folder in arrived if one.series_uid not in known)
        settle(draft, path)


def _copied(path: Path, file: TextIO) -> Iterator[str]:
    """Copy the lines of a table, the last one ended; give the UID of each as it passes."""
    line = "\n"
    with path.open(encoding="utf-8-sig", newline="") as lines:
        for line in lines:
            file.write(line)
            yield line.partition(",")[0]
    if not line.endswith("\n"):
        file.write("\r\n")


def mend_values(values: Sequence[str]) -> Sequence[str]:
    """Give the 17 values of a line that commas without quotes made more of; as they are if that cannot be told."""
    # A comma before a blank is one inside a text: "Varian Imaging Laboratories, Switzerland".
    found = _LINE.fullmatch(",".join(values).replace(", ", _INNER)) if len(values) > len(COLUMNS) else None
    return values if found is None else [value.replace(_INNER, ", ") for value in found.groups()]


def size_text(size_bytes: int | None) -> str:
    """Give a size as the retriever writes it: ``163.31 KB``, powers of 1000."""
    if size_bytes is None:
        return "null"
    if size_bytes < 1000:
        return f"{size_bytes} B"
    size = float(size_bytes)
    for unit in ("KB", "MB", "GB"):
        size /= 1000
        if size < 1000:
            return f"{size:.2f} {unit}"
    return f"{size / 1000:.2f} TB"


def _values(series: WantedSeries, folder: str, at: datetime) -> list[str]:
    row = series.row()
    return [
        series.series_uid,
        row.get(COLLECTION_NAME, series.collection_id),
        row.get("ThirdPartyAnalysis", "null"),
        row.get("DataDescriptionURI", "null"),
        series.participant_id,
        series.study_uid,
        row.get("StudyDescription", "null"),
        us_date(row.get("StudyDate", "null")),
        row.get("SeriesDescription", "null"),
        row.get("Manufacturer", "null"),
        series.modality,
        row.get("SOPClassName", "null"),
        row.get("SOPClassUID", "null"),
        "null" if series.instance_count is None else str(series.instance_count),
        size_text(series.size_bytes),
        f"./{folder}",
        at.replace(tzinfo=None).isoformat(timespec="milliseconds"),
    ]
