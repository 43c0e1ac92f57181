"""Files in a folder that are none of a release's: both lists are gone through in one order, so neither is held."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hilum.errors import Refusal
from hilum.publish.release import ask_sparingly

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hilum.publish.release import Release

_NAMES = "SELECT path FROM read_parquet($files) ORDER BY path"


def extra_files(release: Release, folder: Path) -> Iterator[Refusal]:
    """Name what is below a folder and is no file of the release, and folders that cannot be looked into.

    Raises
    ------
    ArchiveError
        The table of files cannot be read.
    """
    tables = [str(path) for path in release.tables("files")]
    released = (path.encode() for (path,) in ask_sparingly(_NAMES, files=tables))
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
