"""Names of files as sources give them, made sure of before anything is written under them."""

from __future__ import annotations

from hilum.disk import UNFINISHED
from hilum.errors import SourceError

LONGEST_NAME_BYTES = 200
"""File systems allow 255; a file being written has a longer name than the finished one."""


def require_safe(name: str) -> str:
    r"""Give a path below a folder as it came, if it stays in that folder.

    Raises
    ------
    SourceError
        It is empty or absolute, leads upwards, holds ``\\``, a control character, an empty or overlong part, or a
        part that begins with a dot (hidden, and the names of our own files).
    """
    problem = _problem(name)
    if problem:
        raise SourceError(
            f"the source names a file {name[:LONGEST_NAME_BYTES]!r}, which {problem}; nothing is written under it",
            check="bad-name",
        )
    return name


class Names:
    """Names of the files that a stream puts into one folder, made sure of one after the other."""

    def __init__(self) -> None:
        self._files: set[str] = set()
        self._folders: set[str] = set()

    def take(self, name: str) -> str:
        """Give a name as it came.

        Raises
        ------
        SourceError
            It is not safe (`require_safe`), came before, or is of a file where another is of a folder.
        """
        parts = require_safe(name).split("/")
        above = {"/".join(parts[:depth]) for depth in range(1, len(parts))}
        if name in self._files:
            raise SourceError(f"the source names a file {name!r} twice", check="name-twice", may_pass=True)
        if name in self._folders or above & self._files:
            raise SourceError(
                f"the source names {name!r}, and a file where that has a folder, or the other way round",
                check="name-taken",
            )
        self._files.add(name)
        self._folders |= above
        return name


def _problem(name: str) -> str:
    if not name or name.startswith("/"):
        return "is empty or absolute"
    if "\\" in name or not name.isprintable():
        return "holds a backslash or a character that cannot be printed"
    for part in name.split("/"):
        if not part or part.startswith("."):
            return "has an empty or hidden part, or leads out of its folder"
        if len(part.encode(errors="replace")) > LONGEST_NAME_BYTES:
            return f"has a part of more than {LONGEST_NAME_BYTES} bytes"
        if part.endswith(UNFINISHED):
            return f"ends with {UNFINISHED}, as our own unfinished files do"
    return ""
