"""Files in a folder that are none of a release's: both lists are gone through in one order, so neither is held."""

from __future__ import annotations

import os
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from hilum.errors import ArchiveError, Refusal
from hilum.sql import connect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hilum.publish.release import Release

NAMES_AT_ONCE = 10_000

SORTING = "SET memory_limit = '128MB'; SET threads = 1"
"""What DuckDB takes to sort names; more of them than fit go to disk."""


def extra_files(release: Release, folder: Path) -> Iterator[Refusal]:
    """Name what is below a folder and is no file of the release, and folders that cannot be looked into.

    Raises
    ------
    ArchiveError
        The table of files cannot be read.
    """
    released = _released(release)
    wanted = next(released, None)
    for name in _below(os.fsencode(folder), b""):
        if isinstance(name, Refusal):
            yield name
            continue
        while wanted is not None and wanted < name:
            wanted = next(released, None)
        if name != wanted:
            path = os.fsdecode(name)
            yield Refusal(path, "extra", f"{folder / path} is no file of {release.reference}")


def _released(release: Release) -> Iterator[bytes]:
    """Names in the release, in the order of their bytes."""
    import duckdb

    tables = [str(path) for path in release.tables("files")]
    try:
        with TemporaryDirectory() as spilled, connect() as connection:
            connection.execute(SORTING)
            connection.execute("SET temp_directory = $folder", {"folder": spilled})
            answer = connection.execute("SELECT path FROM read_parquet($files) ORDER BY path", {"files": tables})
            while rows := answer.fetchmany(NAMES_AT_ONCE):
                yield from (path.encode() for (path,) in rows)
    except duckdb.Error as error:
        raise ArchiveError(f"{error}; verify the release, and restore what is damaged from a copy") from error


def _below(folder: bytes, name: bytes) -> Iterator[bytes | Refusal]:
    """Names of the files below a folder, in the order of their bytes: ``a-b`` comes before ``a/b``."""
    try:
        with os.scandir(folder) as entries:
            found = sorted((entry.name + b"/" * entry.is_dir(), entry.is_symlink()) for entry in entries)
    except OSError as error:
        yield Refusal(os.fsdecode(name) or ".", "unreadable-folder", f"{os.fsdecode(folder)}: {error.strerror}")
        return
    for own, is_link in found:
        if not own.endswith(b"/"):
            yield name + own
        elif not is_link:
            yield from _below(folder + b"/" + own[:-1], name + own)
