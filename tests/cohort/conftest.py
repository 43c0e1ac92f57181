"""Archives whose series tables hold what a test says."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from hilum.catalog import Archive
from hilum.model.tables import SERIES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hilum.catalog import Snapshot

USUAL: dict[str, Any] = {
    "collection_id": "c",
    "PatientID": "P1",
    "StudyInstanceUID": "1.1",
    "SeriesInstanceUID": "1.1.1",
    "Modality": "CT",
    "image_kind": "axial",
    "instance_count": 100,
    "size_bytes": 1,
}
"""Values of a row where a test says nothing."""


@pytest.fixture
def archive_of(tmp_path: Path) -> Callable[..., Archive]:
    """Give a function that makes an archive of series rows, each a dict of what differs from `USUAL`."""

    def make(*rows: dict[str, Any]) -> Archive:
        archive = Archive.create(tmp_path / "archive")
        whole = [USUAL | row for row in rows]
        for collection_id in sorted({row["collection_id"] for row in whole}):
            mine = [row for row in whole if row["collection_id"] == collection_id]
            table = pa.Table.from_pylist(mine, schema=SERIES.arrow_schema())
            archive.update(collection_id, partial(_series, table), note="test")
        return archive

    return make


def _series(table: pa.Table, _: Snapshot) -> dict[str, pa.Table]:
    return {"series": table}
