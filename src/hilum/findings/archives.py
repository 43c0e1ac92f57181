"""Annotations in the zip archives in which collections hand them out, unpacked for as long as they are read."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from hilum.errors import FormatError, Refusal, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hilum.acquire.unzip import Member

ZIP_START = b"PK\x03\x04"

MEMBER_LIMIT = 50_000
"""Files in an archive of annotations; CT Lymph Nodes has 704 of the points and 176 masks."""

SIZE_LIMIT_BYTES = 2 << 30
"""All files of it unpacked; the masks of CT Lymph Nodes take 1.2 MB."""

RATIO_LIMIT = 200.0
"""Unpacked bytes a packed byte, looked at once `RATIO_FROM_BYTES` are there."""

RATIO_FROM_BYTES = 16 << 20

PIECE_BYTES = 1 << 20

NO_FINDINGS = "__MACOSX"
"""Folder that macOS adds to its zips."""


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Give what can be read of a path: of a zip the folder of its files, or its only file; else the path itself.

    Messages of the reading name the zip, and the file in it.

    Raises
    ------
    FormatError
        The zip is cut, damaged, encrypted, too large, or a name in it leads out of its folder.
    """
    if not _is_zip(path):
        yield path
        return
    with TemporaryDirectory(prefix="hilum-") as folder:
        try:
            files = _unpack(path, Path(folder))
            yield files[0] if len(files) == 1 else Path(folder)
        except FormatError as error:
            raise FormatError(str(error).replace(folder, str(path))) from error


def _is_zip(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(ZIP_START)) == ZIP_START


def by_name(refusals: Iterable[Refusal], place: Path, path: Path) -> tuple[Refusal, ...]:
    """Refusals of what was read in `place`, where `path` was unpacked, with the path's own name."""
    return tuple(
        Refusal(one.item.replace(str(place), str(path)), one.check, one.reason.replace(str(place), str(path)))
        for one in refusals
    )


def _unpack(path: Path, folder: Path) -> list[Path]:
    from hilum.acquire.unzip import Limits, unzip

    limits = Limits(MEMBER_LIMIT, SIZE_LIMIT_BYTES, RATIO_LIMIT, RATIO_FROM_BYTES)
    try:
        with path.open("rb") as file:
            pieces = iter(lambda: file.read(PIECE_BYTES), b"")
            written = [_write(member, folder, path) for member in unzip(pieces, str(path), limits)]
    except SourceError as error:
        raise FormatError(str(error)) from error
    shutil.rmtree(folder / NO_FINDINGS, ignore_errors=True)
    return [one for one in written if one.exists()]


def _write(member: Member, folder: Path, path: Path) -> Path:
    """Write a file of the zip below the folder, and nowhere else."""
    name = PurePosixPath(member.name)
    is_outside = name.is_absolute() or ".." in name.parts or "\\" in member.name or PureWindowsPath(member.name).drive
    if is_outside or not name.parts:
        raise FormatError(f"{path}: holds a file named {member.name!r}, which leads out of its folder; nothing is read")
    target = folder / name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            file.writelines(member.chunks)
    except (FileExistsError, NotADirectoryError) as error:
        raise FormatError(f"{path}: holds {member.name!r} twice; expected each file once") from error
    return target
