"""The audit log as CSV or JSON lines."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, TextIO

from hilum.serve.access.audit import COLUMNS, rows

if TYPE_CHECKING:
    from datetime import datetime


def write_jsonl(file: TextIO, since: datetime | None = None) -> None:
    """Write one JSON object a record."""
    file.writelines(json.dumps(row) + "\n" for row in rows(since))


def write_csv(file: TextIO, since: datetime | None = None) -> None:
    """Write one line a record; `detail` is JSON."""
    writer = csv.DictWriter(file, COLUMNS)
    writer.writeheader()
    for row in rows(since):
        writer.writerow(row | {"detail": json.dumps(row["detail"])})
