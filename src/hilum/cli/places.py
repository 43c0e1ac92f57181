"""Files and folders that a command line names: refused before the work where they cannot be meant, told in words."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from hilum.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

_ADVICE = {
    errno.ENOENT: "it is not there; is the name right, is the disk mounted?",
    errno.EACCES: "you may not read or write it; work as the user that it belongs to, or name another place",
    errno.EPERM: "you may not change it; work as the user that it belongs to, or name another place",
    errno.EROFS: "it lies on a read-only file system; name another place, or mount it writable",
    errno.EEXIST: "a file of that name is there, where a folder is needed; name another place",
    errno.ENOTDIR: "a part of it is a file, where a folder is needed; name another place",
    errno.EISDIR: "it is a folder, where a file is needed; name a file",
    errno.ENOSPC: "no room is left on the disk; make room and say the same again",
    errno.EDQUOT: "your share of the disk is used up; make room and say the same again",
}
"""What to do about an error of the operating system."""


def said_of(error: OSError) -> str:
    """Say an error of the operating system as one of ours: the file, what is wrong, what to do."""
    if error.filename is None or error.errno not in _ADVICE:
        return str(error)
    return f"{os.fsdecode(error.filename)}: {_ADVICE[error.errno]}"


def require_folder(path: Path, what: str) -> None:
    """Refuse a folder that is not there.

    Parameters
    ----------
    what
        What lies in it, as the message says it: ``the files of the release``.

    Raises
    ------
    ConfigError
        It is no folder.
    """
    if not path.is_dir():
        found = "is a file" if path.exists() else "is not there"
        raise ConfigError(f"{path} {found}; name the folder with {what}")


def require_there(path: Path, what: str) -> None:
    """Refuse a file or folder that is not there.

    Parameters
    ----------
    what
        What it has, as the message says it: ``the lesions``.

    Raises
    ------
    ConfigError
        It is not there.
    """
    if not path.exists():
        raise ConfigError(f"{path} is not there; name the file or folder with {what}")


def require_target(path: Path) -> None:
    """Refuse a folder to write into whose name a file has.

    Raises
    ------
    ConfigError
        It is a file.
    """
    if path.exists() and not path.is_dir():
        raise ConfigError(f"{path} is a file; name a folder, which is made where it is not there")


def require_writable(path: Path | None) -> None:
    """Refuse a file that a result cannot be written to, before the work of hours; make its folders.

    Raises
    ------
    ConfigError
        It is a folder, or nothing can be written beside it.
    """
    if path is None:
        return
    if path.is_dir():
        raise ConfigError(f"{path} is a folder; name the file to write")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {said_of(error)}") from error
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ConfigError(f"{path} cannot be written: you may not write there; name another place")
