"""Lines of numbers in text files, each with its line number, so that an error can say where it is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from hilum.errors import FormatError

if TYPE_CHECKING:
    from pathlib import Path


def read_text(path: Path) -> str:
    """Text of a file, without a byte order mark; bytes that are not UTF-8 are read as Latin-1.

    Raises
    ------
    FormatError
        The file is not there or cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror}); expected a text file there") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def read_numbers(path: Path, *, columns: int) -> list[tuple[float, ...]]:
    """Rows of `columns` finite numbers, separated by blanks; line ends LF or CRLF; an empty file has no rows.

    Raises
    ------
    FormatError
        A line has another count of values, or a value is no finite number.
    """
    lines = read_text(path).rstrip().splitlines()
    return [_numbers(path, number, line, columns) for number, line in enumerate(lines, start=1)]


def read_integers(path: Path, *, columns: int) -> list[tuple[int, ...]]:
    """Rows of `columns` whole numbers; otherwise as `read_numbers`."""
    rows = read_numbers(path, columns=columns)
    for number, row in enumerate(rows, start=1):
        if not all(value.is_integer() for value in row):
            raise FormatError(f"{path}:{number}: {row}: expected {columns} whole number(s)")
    return [tuple(int(value) for value in row) for row in rows]


def finite(text: str, where: str) -> float:
    """Number written in `text`; `where` begins the message if it is none or not finite.

    Raises
    ------
    FormatError
        `text` is no finite number.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise FormatError(f"{where}: found {text!r}, expected a finite number")
    return value


def _numbers(path: Path, number: int, line: str, columns: int) -> tuple[float, ...]:
    words = line.split()
    where = f"{path}:{number}"
    if len(words) != columns:
        raise FormatError(f"{where}: found {len(words)} value(s) in {line!r}, expected {columns}")
    return tuple(finite(word, where) for word in words)
