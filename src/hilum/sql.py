"""DuckDB in memory, as every part of hilum asks it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb


def connect() -> duckdb.DuckDBPyConnection:
    """Give a new database in memory; it writes no progress bar, which would end up in the output of a command."""
    import duckdb

    connection = duckdb.connect(":memory:")
    connection.execute("SET enable_progress_bar = false")
    return connection


def literal(value: object) -> str:
    """Give a value as SQL writes it: a text in quotes, true or false.

    For values that DuckDB would else be handed as parameters: its Python package imports pandas and pyarrow to look at
    those, 80 MB.
    """
    if isinstance(value, bool):
        return str(value).lower()
    return "'" + str(value).replace("'", "''") + "'"
