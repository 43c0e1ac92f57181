"""Files of a drive or folder of this machine."""

from __future__ import annotations

import os
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


class DriveSource:
    """Files of folders; the location of a series is its folder's absolute path, ending with ``/``.

    Hidden files and folders are passed over, as in indexing. A file's version is its time of change.
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
            WantedSeries(size_bytes=sum(file.size_bytes or 0 for file in files), location=f"{folder}/")
            for folder in self._folders()
            if (files := _files(folder))
        ]
        if not found:
            raise SourceError(f"{self._folder}: no file is in it; is the drive mounted?", check="empty-series")
        return found

    def list_files(self, series: WantedSeries) -> Sequence[WantedFile]:
        """Files of the folder, without those of folders below it."""
        return _files(Path(series.location))

    @contextmanager
    def fetch(self, series: WantedSeries, file: WantedFile | None, start_byte: int) -> Iterator[Iterator[Delivery]]:
        """Open a file from a byte on."""
        if file is None:
            raise ValueError("files of a folder are fetched one by one")
        path = Path(series.location) / file.name
        with _errors_of(path):
            content = path.open("rb", buffering=0)
        with content:
            status = os.fstat(content.fileno())
            if (status.st_size, str(status.st_mtime_ns)) != (file.size_bytes, file.version):
                raise SourceError(f"{path}: it changed since it was listed; pull again", check="changed-meanwhile")
            content.seek(start_byte)
            yield iter([Delivery(file, start_byte, _chunks(content, path))])

    def _folders(self) -> Iterator[Path]:
        with _errors_of(self._folder):
            for folder, below, _ in os.walk(self._folder, onerror=_raise):
                below[:] = sorted(name for name in below if not name.startswith("."))
                yield Path(folder)


def _files(folder: Path) -> list[WantedFile]:
    with _errors_of(folder), os.scandir(folder) as entries:
        files = sorted((entry for entry in entries if _is_wanted(entry)), key=lambda entry: entry.name)
        return [
            WantedFile(entry.name, entry.stat().st_size, None, entry.path, str(entry.stat().st_mtime_ns))
            for entry in files
        ]


def _is_wanted(entry: os.DirEntry[str]) -> bool:
    return entry.is_file() and not entry.name.startswith(".")


def _chunks(content: BinaryIO, path: Path) -> Iterator[bytes]:
    with _errors_of(path):
        while chunk := content.read(CHUNK_BYTES):
            yield chunk


def _raise(error: OSError) -> None:
    raise error


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
        raise SourceError(f"{path}: {error.strerror}", check="cut-connection", may_pass=True) from error
