"""The files of a folder, found in any tree; and which of them are passed over.

Every file found is kept, refused or passed over. A file is DICOM by its content, whatever it is called. What is not is
passed over if its name or its first bytes show a kind that lies about in downloads (texts, tables, archives, pictures,
DICOMDIR, ...), and refused otherwise: a file of no known kind may be a damaged image.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HIDDEN = "hidden"
SPECIAL = "special"
DICOMDIR = "dicomdir"
DICOM_SUFFIXES = (".dcm", ".dicom", ".dic", ".ima")
ARCHIVE_MARKER = "hilum.json"
"""File that makes a folder an archive (`hilum.catalog.layout`)."""

_KIND_BY_NAME = {"license": "text", "licence": "text", "readme": "text", "dicomdir": DICOMDIR, "thumbs.db": "picture"}
_SUFFIXES = {
    "text": ".txt .md .rst .log .html .htm .pdf .doc .docx .rtf .tex .bib .cff",
    "table": ".csv .tsv .xls .xlsx .ods .parquet .sqlite .db .json .jsonl .xml .yaml .yml .toml .ini .cfg "
    ".mps .s5cmd .tcia .bval .bvec",
    "archive": ".zip .tar .gz .tgz .bz2 .xz .zst .7z .rar .iso",
    "picture": ".png .jpg .jpeg .gif .bmp .tif .tiff .svs .ndpi .mrxs .webp .svg .avi .mp4 .mov",
    "volume": ".nii .nrrd .nhdr .mha .mhd .raw .npy .npz .h5 .hdf5 .mat .stl .vtk .ply",
    "program": ".py .ipynb .sh .bat .exe .dll .so .js .css .jar .inf .ico .lnk",
    "checksum": ".md5 .sha1 .sha256 .sha512 .crc .sfv",
}
_KIND_BY_SUFFIX = {suffix: kind for kind, suffixes in _SUFFIXES.items() for suffix in suffixes.split()}
_KIND_BY_BEGINNING = (
    (b"PK\x03\x04", "archive"),
    (b"PK\x05\x06", "archive"),
    (b"\x1f\x8b", "archive"),
    (b"BZh", "archive"),
    (b"\xfd7zXZ\0", "archive"),
    (b"\x28\xb5\x2f\xfd", "archive"),
    (b"7z\xbc\xaf\x27\x1c", "archive"),
    (b"\x89PNG", "picture"),
    (b"\xff\xd8\xff", "picture"),
    (b"GIF8", "picture"),
    (b"II*\0", "picture"),
    (b"MM\0*", "picture"),
    (b"NRRD", "volume"),
    (b"\x93NUMPY", "volume"),
    (b"\x89HDF", "volume"),
    (b"%PDF", "text"),
    (b"\x7fELF", "program"),
    (b"SQLite format 3", "table"),
    (b"PAR1", "table"),
)
_TEXT_SAMPLE_BYTES = 512
_TEXT_BYTES = frozenset({*range(32, 127), *b"\t\n\r\f"})


@dataclass(frozen=True, slots=True)
class FoundFile:
    """One file of a folder.

    Attributes
    ----------
    path
        Below the folder, with ``/`` between its parts.
    size_bytes, modified_ns
        As the file system says; 0 where it does not.
    passed_over
        Kind for which it is passed over without a look; None otherwise.
    problem
        Check and reason for which it is refused without a look; None otherwise.
    """

    path: str
    size_bytes: int = 0
    modified_ns: int = 0
    passed_over: str | None = None
    problem: tuple[str, str] | None = None


def find_files(folder: Path) -> Iterator[FoundFile]:
    """Every file below `folder`, each folder entered once; a folder that cannot be listed is found as one file.

    Links are followed after everything else, so that a file that can be reached without one is. The folder of an
    archive is not entered.
    """
    entered: set[tuple[int, int]] = set()
    pending = [""]
    linked: list[str] = []
    while pending or linked:
        below = pending.pop() if pending else linked.pop(0)
        try:
            entries = _list_once(folder / below, entered)
        except OSError as error:
            yield FoundFile(_shown(below) or ".", problem=problem_of(error))
            continue
        if below and any(entry.name == ARCHIVE_MARKER for entry in entries):
            continue
        folders = []
        for entry in entries:
            path = f"{below}/{entry.name}" if below else entry.name
            if not _is_folder(entry):
                yield _found(entry, path)
            elif entry.is_symlink():
                linked.append(path)
            else:
                folders.append(path)
        pending += reversed(folders)


def _list_once(folder: Path, entered: set[tuple[int, int]]) -> list[os.DirEntry[str]]:
    """Entries of a folder in order of names; none if it was entered before, by another way."""
    status = folder.stat()
    if (status.st_dev, status.st_ino) in entered:
        return []
    entered.add((status.st_dev, status.st_ino))
    with os.scandir(folder) as listing:
        return sorted(listing, key=lambda entry: entry.name)


def kind_of_name(path: str) -> str | None:
    """Kind that a file's name shows, of those that are passed over if the content is not DICOM; None if none."""
    name = path.rsplit("/", 1)[-1].lower()
    stem, dot, last = name.rpartition(".")
    if name.endswith(".nii.gz"):
        return "volume"
    return _KIND_BY_NAME.get(name) or _KIND_BY_NAME.get(stem) or _KIND_BY_SUFFIX.get(dot + last if stem else "")


def is_named_dicom(path: str) -> bool:
    """Whether a file is called DICOM, so that other content is a fault, not another kind."""
    return path.lower().endswith(DICOM_SUFFIXES)


def kind_of_content(beginning: bytes) -> str | None:
    """Kind that the first bytes of a file show; None if none of those that are passed over."""
    for signature, kind in _KIND_BY_BEGINNING:
        if beginning.startswith(signature):
            return kind
    sample = beginning[:_TEXT_SAMPLE_BYTES]
    return "text" if sample and _TEXT_BYTES.issuperset(sample) else None


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _found(entry: os.DirEntry[str], path: str) -> FoundFile:
    if path != _shown(path):
        return FoundFile(_shown(path), problem=("undecodable-path", "the name is no text in UTF-8; rename the file"))
    if any(part.startswith(".") for part in path.split("/")):
        return FoundFile(path, passed_over=HIDDEN)
    try:
        status = entry.stat()
    except OSError as error:
        return FoundFile(path, problem=problem_of(error))
    if not stat.S_ISREG(status.st_mode):
        return FoundFile(path, passed_over=SPECIAL)
    return FoundFile(path, status.st_size, status.st_mtime_ns)


def _shown(path: str) -> str:
    """`path` as text that can be kept; each byte that is no UTF-8 as an escape."""
    return path.encode(errors="backslashreplace").decode()


def problem_of(error: OSError) -> tuple[str, str]:
    """Check and reason for a file that the system does not let us see."""
    if error.errno in {errno.ENOENT, errno.ELOOP, errno.ENOTDIR}:
        return "broken-link", f"{error.strerror}: the link leads nowhere, or the file is gone; remove it or index again"
    if isinstance(error, PermissionError):
        return "unreadable-file", f"{error.strerror}: give this user the right to read it"
    return "unreadable-file", f"{error.strerror}: look at the disk, then index again"
