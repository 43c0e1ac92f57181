"""Tables as text: comma or tab between values, a header line, each row with its line number."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hilum.errors import FormatError
from hilum.findings.refusing import MALFORMED, Refusals
from hilum.findings.text import read_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


OTHER_DELIMITERS = (";", "|")
"""Delimiters that other programs write and that are not read."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its file, its line, counted from 1 with the header, and its values by column."""

    path: Path
    line: int
    values: dict[str, str]

    @property
    def where(self) -> str:
        """File and line, as messages begin with them."""
        return f"{self.path}:{self.line}"


def delimiter_of(line: str) -> str:
    """Tab if the line has one, else comma."""
    return "\t" if "\t" in line else ","


def column_names(text: str) -> list[str]:
    """Names in the first line of a table."""
    line = text.split("\n", 1)[0].strip("\r")
    return [name.strip() for name in next(csv.reader([line], delimiter=delimiter_of(line)), [])]


def delimiter_hint(line: str) -> str:
    """What to say of a header without known columns that another delimiter may part; else nothing."""
    other = next((mark for mark in OTHER_DELIMITERS if mark in line), None)
    return f" (the names seem to be parted by {other!r}; write comma or tab)" if other else ""


def read_rows(path: Path, *, required: Sequence[str], refusals: Refusals | None = None) -> list[Row]:
    """Rows of a table with at least the `required` columns; empty lines are passed over.

    Parameters
    ----------
    refusals
        Where rows with another count of values go; None: the first ends the reading.

    Raises
    ------
    FormatError
        The file cannot be read, a required column is absent or named twice, or a row is refused and the reading is
        strict.
    """
    refusals = refusals or Refusals()
    text = read_text(path)
    names = column_names(text)
    if absent := [name for name in required if name not in names]:
        raise FormatError(
            f"{path}:1: no column {', '.join(absent)} in {', '.join(names) or 'an empty line'}; "
            f"expected {', '.join(required)}, comma or tab between them{delimiter_hint(text.split(chr(10), 1)[0])}"
        )
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise FormatError(f"{path}:1: column {', '.join(doubled)} stands twice; expected each once")
    reader = csv.reader(text.splitlines(), delimiter=delimiter_of(text.split("\n", 1)[0]))
    next(reader)
    rows = []
    for values in reader:
        if len(values) not in (0, len(names)):
            reason = f"found {len(values)} values, expected {len(names)}"
            refusals.refuse(f"{path}:{reader.line_num}", MALFORMED, reason)
        elif values:
            rows.append(Row(path, reader.line_num, dict(zip(names, map(str.strip, values), strict=True))))
    return rows
