"""Files of a drive or folder of this machine."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hilum.acquire.source import Delivery
from hilum.acquire.wanted import WantedFile, WantedSeries
from hilum.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO

CHUNK_BYTES = 1 << 20

_LASTING = frozenset({errno.ELOOP, errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR})
"""Errors that reading again does not mend."""


class DriveSource:
    """Files of folders; the location of a series is its folder's absolute path, ending with ``/``.

    As in indexing, hidden files and folders are passed over, links are followed, and each folder is entered once. What
    cannot be read is listed all the same: whoever asks for it is told why. A file's version is its time of change.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()

    @property
    def name(self) -> str:
        """The folder."""
        return str(self._folder)

    def find(self) -> list[WantedSeries]:
        """Give every folder that files lie in, with their total size, in order.

        Raises
        ------
        SourceError
            It is no folder, may not be read, or holds no file.
        """
        found = [
            WantedSeries(size_bytes=_total(files), location=f"{_shown(folder)}/")
            for folder, files in self._folders()
            if files is None or files
        ]
        if not found:
            raise SourceError(f"{self._folder}: no file is in it; is the drive mounted?", check="empty-series")
        return found

    def list_files(self, series: WantedSeries) -> Sequence[WantedFile]:
        """Files of the folder, without those of folders below it."""
        return _files(_list(Path(series.location)))

    @contextmanager
    def fetch(self, series: WantedSeries, file: WantedFile | None, start_byte: int) -> Iterator[Iterator[Delivery]]:
        """Open a file from a byte on."""
        if file is None:
            raise ValueError("files of a folder are fetched one by one")
        path = Path(series.location) / file.name
        with _errors_of(path):
            content = path.open("rb", buffering=0)
        with content:
            _require_unchanged(content, file, path)
            content.seek(start_byte)
            yield iter([Delivery(file, start_byte, _chunks(content, file, path))])

    def _folders(self) -> Iterator[tuple[Path, list[WantedFile] | None]]:
        """Every folder once, with its files, or None where it cannot be read; by way of links what has no other way."""
        entered: set[tuple[int, int]] = set()
        pending, linked = [self._folder], list[Path]()
        while pending or linked:
            folder = pending.pop() if pending else linked.pop(0)
            try:
                entries = _list_once(folder, entered)
            except SourceError:
                if folder == self._folder:
                    raise
                yield folder, None
                continue
            below = [entry for entry in entries if _is_folder(entry)]
            linked += [folder / entry.name for entry in below if entry.is_symlink()]
            pending += [folder / entry.name for entry in reversed(below) if not entry.is_symlink()]
            yield folder, _files(entries)


def _list_once(folder: Path, entered: set[tuple[int, int]]) -> list[os.DirEntry[str]]:
    """What is in a folder, in order of names; nothing of one that was entered before, by another way."""
    with _errors_of(folder):
        status = folder.stat()
        if (status.st_dev, status.st_ino) in entered:
            return []
        entered.add((status.st_dev, status.st_ino))
        return _list(folder)


def _list(folder: Path) -> list[os.DirEntry[str]]:
    """What is in a folder, in order of names, without what is hidden."""
    with _errors_of(folder), os.scandir(folder) as entries:
        return sorted((entry for entry in entries if not entry.name.startswith(".")), key=lambda entry: entry.name)


def _files(entries: list[os.DirEntry[str]]) -> list[WantedFile]:
    return [file for entry in entries if (file := _file(entry)) is not None]


def _file(entry: os.DirEntry[str]) -> WantedFile | None:
    """The file of an entry; None where it is a folder, a pipe or a socket."""
    try:
        status = entry.stat()
    except OSError:
        return WantedFile(entry.name, location=entry.path)  # a link to nowhere: whoever opens it is told so
    if not stat.S_ISREG(status.st_mode):
        return None
    return WantedFile(entry.name, status.st_size, None, entry.path, str(status.st_mtime_ns))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _total(files: list[WantedFile] | None) -> int | None:
    return None if files is None else sum(file.size_bytes or 0 for file in files)


def _shown(folder: Path) -> str:
    """A path as text that any terminal and table takes: what is no UTF-8 in it is escaped, and refused as a name."""
    return os.fsencode(folder).decode(errors="backslashreplace")


def _chunks(content: BinaryIO, file: WantedFile, path: Path) -> Iterator[bytes]:
    with _errors_of(path):
        while chunk := content.read(CHUNK_BYTES):
            yield chunk
    _require_unchanged(content, file, path)


def _require_unchanged(content: BinaryIO, file: WantedFile, path: Path) -> None:
    status = os.fstat(content.fileno())
    if (status.st_size, str(status.st_mtime_ns)) != (file.size_bytes, file.version):
        raise SourceError(f"{path}: it changed since it was listed; pull again", check="changed-meanwhile")


@contextmanager
def _errors_of(path: Path) -> Iterator[None]:
    """Turn errors of reading into ours; a poor drive may read at the next attempt."""
    try:
        yield
    except FileNotFoundError as error:
        raise SourceError(f"{path}: not found; is the drive mounted?", check="not-found") from error
    except PermissionError as error:
        raise SourceError(f"{path}: not allowed; give this user the right to read it", check="not-allowed") from error
    except OSError as error:
        if error.errno in _LASTING:
            raise SourceError(f"{path}: {error.strerror}; is a link wrong?", check="not-found") from error
        raise SourceError(f"{path}: {error.strerror}", check="cut-connection", may_pass=True) from error
