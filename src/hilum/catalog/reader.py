"""Questions to one snapshot through DuckDB, which may read the snapshot's files and do nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hilum.errors import QueryError
from hilum.model.tables import CATALOG_TABLES
from hilum.sql import connect, literal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import duckdb
    import pyarrow as pa

    from hilum.catalog.snapshot import Snapshot
    from hilum.model.tables import Table

_SQL_TYPES = {
    "text": "VARCHAR",
    "int": "BIGINT",
    "float": "DOUBLE",
    "bool": "BOOLEAN",
    "date": "DATE",
    "time": "TIMESTAMPTZ",
    "bytes": "BLOB",
}

_SETTINGS = {
    # A name in a statement is a view, never a variable of the Python program around it.
    "python_enable_replacements": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "TimeZone": "UTC",
}


class Reader:
    """A connection with one view a table of the catalog, locked: it reads the snapshot's files only.

    Parameters
    ----------
    snapshot
        What the views show. It stays held as long as this object is there, if it is.

    Raises
    ------
    ArchiveError
        A file of the snapshot is missing or damaged.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot_id = snapshot.snapshot_id
        self._hold = snapshot.hold
        self._connection = connect()
        for name, value in _SETTINGS.items():
            self._connection.execute(f"SET {name} = {literal(value)}")
        allowed: list[Path] = []
        for table in CATALOG_TABLES:
            paths = snapshot.paths(table.name)
            allowed += paths
            self._connection.execute(f"CREATE VIEW {table.name} AS {_view(table, paths)}")
        self._connection.execute(f"SET allowed_paths = {_path_list(allowed)}")
        self._connection.execute("SET temp_directory = ''")
        self._connection.execute("SET enable_external_access = false")
        self._connection.execute("SET lock_configuration = true")

    def query(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> pa.Table:
        """Answer one SELECT statement; `parameters` are bound to its ``?`` or ``$name``.

        Raises
        ------
        QueryError
            The statement is wrong, is not one SELECT, or lacks a parameter.
        """
        import duckdb

        # A cursor of its own, for threads that share the reader.
        cursor = self._connection.cursor()
        try:
            _require_one_select(cursor.extract_statements(sql), duckdb.StatementType.SELECT)
            values = parameters if isinstance(parameters, dict) else list(parameters)
            return _plain(cursor.sql(sql, params=values).to_arrow_table())
        except duckdb.Error as error:
            raise QueryError(f"{error}") from error
        finally:
            cursor.close()


def _require_one_select(statements: Sequence[duckdb.Statement], select: object) -> None:
    if len(statements) != 1 or statements[0].type != select:
        kinds = ", ".join(statement.type.name for statement in statements) or "nothing"
        raise QueryError(f"found {kinds}; the catalog answers one SELECT statement and changes nothing")


def _plain(answer: pa.Table) -> pa.Table:
    """Turn the 128-bit integers that sums give, which Arrow holds as decimals, into 64-bit ones where they fit."""
    import pyarrow as pa

    names = answer.column_names
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise QueryError(f"two columns are called {twice[0]!r}; name one of them otherwise with AS")
    for index, field in enumerate(answer.schema):
        if pa.types.is_decimal(field.type) and field.type.scale == 0:
            try:
                answer = answer.set_column(index, field.name, answer.column(index).cast(pa.int64()))
            except pa.ArrowInvalid:
                continue
    return answer


def _view(table: Table, paths: Sequence[Path]) -> str:
    if paths:
        return f"SELECT * FROM read_parquet({_path_list(paths)})"  # noqa: S608 - our own paths, quoted
    columns = ", ".join(f'NULL::{_SQL_TYPES[column.type]} AS "{column.name}"' for column in table.columns)
    return f"SELECT {columns} WHERE false"


def _path_list(paths: Sequence[Path]) -> str:
    return "[" + ", ".join(literal(str(path)) for path in paths) + "]"
