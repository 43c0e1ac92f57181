"""The catalog at rest: immutable Parquet snapshots with an atomic pointer, asked through DuckDB."""

from hilum.catalog.archive import Archive
from hilum.catalog.snapshot import Snapshot

__all__ = ["Archive", "Snapshot"]
