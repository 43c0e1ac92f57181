"""Files that hold the same instance: one is kept, the others are refused."""

from __future__ import annotations

import filecmp
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from hilum.index.refused import RefusedFile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hilum.index.record import Record


def keep_one_each(
    records: Sequence[Record], is_same_content: Callable[[Record, Record], bool] | None = None
) -> tuple[list[Record], list[RefusedFile]]:
    """Keep the first file, by folder and path, of each SOPInstanceUID; refuse the others.

    Parameters
    ----------
    records
        Records of one series.
    is_same_content
        Whether two files hold the same bytes; they are compared when absent.
    """
    compare = is_same_content or _same_content
    files_by_uid: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        files_by_uid[record["SOPInstanceUID"]].append(record)
    kept: list[Record] = []
    refused: list[RefusedFile] = []
    for uid, files in files_by_uid.items():
        first, *others = sorted(files, key=_place) if len(files) > 1 else files
        kept.append(first)
        refused += [_refuse(other, first, uid, is_copy=compare(first, other)) for other in others]
    return kept, refused


def _place(record: Record) -> tuple[str, str]:
    return record["root"], record["path"]


def _refuse(record: Record, kept: Record, uid: str, *, is_copy: bool) -> RefusedFile:
    where = Path(kept["root"], kept["path"])
    if is_copy:
        return RefusedFile.of_record(record, "duplicate-instance", f"a copy of {where}, which is kept")
    return RefusedFile.of_record(
        record,
        "conflicting-instance",
        f"SOPInstanceUID {uid} is that of {where}, which is kept, but the content differs; "
        "find out which of the two is right and remove the other",
    )


def _same_content(one: Record, other: Record) -> bool:
    if one["size_bytes"] != other["size_bytes"]:
        return False
    try:
        return filecmp.cmp(Path(one["root"], one["path"]), Path(other["root"], other["path"]), shallow=False)
    except OSError:
        return False
