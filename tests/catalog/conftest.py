"""Rows of the series table, and what to put them into."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from hilum.catalog import Archive
from hilum.model.tables import SERIES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def series_table(*rows: dict[str, Any]) -> pa.Table:
    usual = {
        "collection_id": "c",
        "PatientID": "P1",
        "StudyInstanceUID": "1.1",
        "SeriesInstanceUID": "1.1.1",
        "Modality": "CT",
        "image_kind": "axial",
        "instance_count": 100,
        "size_bytes": 1000,
    }
    return pa.Table.from_pylist([usual | row for row in rows], schema=SERIES.arrow_schema())


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """An empty archive."""
    return Archive.create(tmp_path / "archive")


@pytest.fixture
def put(archive: Archive) -> Callable[..., None]:
    """Give a function that lets rows be the series of their collections."""

    def put_rows(*rows: dict[str, Any]) -> None:
        for collection_id in dict.fromkeys(row.get("collection_id", "c") for row in rows):
            table = series_table(*(row for row in rows if row.get("collection_id", "c") == collection_id))
            archive.update(collection_id, lambda _, table=table: {"series": table}, note="test")  # type: ignore[misc]

    return put_rows
