"""Names that every file system takes, and that of two names never become one."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from hilum.errors import ArchiveError
from hilum.publish.release import ask_sparingly

if TYPE_CHECKING:
    from hilum.publish.release import Release

MOST_LETTERS = 200
"""File systems take 255 bytes; an ending, and the suffix of a file that is being written, are to fit too."""

_KEPT_LETTERS, _DIGITS = 160, 32

_ALIKE = """
SELECT min(path), max(path) FROM read_parquet($files) GROUP BY lower(path) HAVING count(*) > 1 ORDER BY 1 LIMIT 1
"""

_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._ -]")


def safe_name(text: str) -> str:
    """Give a name that every file system takes: what is not a letter, digit, dot, dash, underscore or blank is =XX.

    Two texts never give the same name, and none gives ``.`` or ``..``. A percent sign, which bags write as %25, would
    be another name to readers that do not decode it, such as bagit-python 1.9. Of a name that gets too long the
    beginning is kept, and ``=-`` with digits of the text's SHA-256 stands for the rest.
    """
    content = text.encode("utf-8", "surrogateescape")
    quoted = _NOT_IN_A_NAME.sub(lambda found: f"={ord(found[0]):02X}", content.decode("latin-1"))
    name = re.sub(r"^[. ]|[. ]$", lambda found: f"={ord(found[0]):02X}", quoted) or "="
    if len(name) <= MOST_LETTERS:
        return name
    return f"{name[:_KEPT_LETTERS]}=-{hashlib.sha256(content).hexdigest()[:_DIGITS]}"


def require_names_apart(release: Release) -> None:
    """Refuse a release of which two files would be one where capital and small letters are the same.

    Raises
    ------
    ArchiveError
        It has two such names; the first found are told.
    """
    tables = [str(path) for path in release.tables("files")]
    for one, other in ask_sparingly(_ALIKE, files=tables):
        raise ArchiveError(
            f"{release.reference} has {one} and {other}, which this drive's file system takes for one name; format the "
            "drive with one that tells capital from small letters (ext4, XFS)"
        )
