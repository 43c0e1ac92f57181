"""Annotations in the zip archives in which collections hand them out, unpacked for as long as they are read."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
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
"""All files of it unpacked; the masks of CT Lymph Nodes take 1.2 MB. How far it unpacks says little: masks that are not
packed themselves deflate to a thousandth, as far as the format goes."""

PIECE_BYTES = 1 << 20

LEFT_BY_SYSTEMS = ("__MACOSX/", ".DS_Store", "Thumbs.db")
"""What macOS and Windows add to zips; passed over."""


@contextmanager
def unpacked(path: Path, *, size_limit_bytes: int = SIZE_LIMIT_BYTES) -> Iterator[Path]:
    """Give what can be read of a path: of a zip the folder of its files, or its only file; else the path itself.

    Messages of the reading name the zip, and the file in it.

    Parameters
    ----------
    size_limit_bytes
        What a zip may unpack to.

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
            files = _unpack(path, Path(folder), size_limit_bytes)
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


def _unpack(path: Path, folder: Path, size_limit_bytes: int) -> list[Path]:
    from hilum.acquire.unzip import Limits, unzip

    limits = Limits(members=MEMBER_LIMIT, size_bytes=size_limit_bytes, ratio_from_bytes=size_limit_bytes)
    try:
        with path.open("rb") as file:
            members = unzip(iter(lambda: file.read(PIECE_BYTES), b""), str(path), limits)
            return [_write(one, folder, path) for one in members if not _is_left_by_system(one.name)]
    except SourceError as error:
        raise FormatError(str(error)) from error


def _is_left_by_system(name: str) -> bool:
    return name.startswith(LEFT_BY_SYSTEMS[0]) or name.endswith(LEFT_BY_SYSTEMS)


def _write(member: Member, folder: Path, path: Path) -> Path:
    """Write a file of the zip below the folder, and nowhere else."""
    from hilum.acquire.names import require_safe

    try:
        target = folder / require_safe(member.name)
    except SourceError as error:
        raise FormatError(f"{path}: {error}") from error
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            file.writelines(member.chunks)
    except (FileExistsError, NotADirectoryError) as error:
        raise FormatError(f"{path}: holds {member.name!r} twice; expected each file once") from error
    return target
