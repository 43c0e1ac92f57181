"""Rows as JSON or CSV, written into a file of their own before the first byte is sent: any number in little memory."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from typing import IO, TYPE_CHECKING, Any

from django.http import HttpResponse

from hilum.serve.streaming import PIECE_BYTES, Streamed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from django.http import HttpResponseBase

HELD_BYTES = 1 << 20
"""Of an answer held in memory; more lies on the disk."""

MEDIA_TYPES = {"json": "application/json", "csv": "text/csv; charset=utf-8"}


def answer_rows(rows: Iterable[Mapping[str, Any]], titles: Mapping[str, str], form: str) -> HttpResponseBase:
    """Give rows.

    Parameters
    ----------
    titles
        Columns, with what each is called in CSV.
    form
        ``json`` or ``csv``.
    """
    held = tempfile.SpooledTemporaryFile(HELD_BYTES)  # noqa: SIM115 (closed when it is sent)
    for piece in _csv(rows, titles) if form == "csv" else _json(rows):
        held.write(piece.encode())
    size_bytes = held.tell()
    held.seek(0)
    if size_bytes <= HELD_BYTES:
        with held:
            return HttpResponse(held.read(), content_type=MEDIA_TYPES[form])
    headers = {"Content-Length": str(size_bytes)}
    return Streamed(_read(held), content_type=MEDIA_TYPES[form], headers=headers)


def _json(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    separator = "["
    for row in rows:
        yield separator + json.dumps(row, separators=(",", ":"), ensure_ascii=False)
        separator = ","
    yield "]" if separator == "," else "[]"


def _csv(rows: Iterable[Mapping[str, Any]], titles: Mapping[str, str]) -> Iterator[str]:
    line = io.StringIO()
    writer = csv.writer(line, lineterminator="\n")
    for values in _values(rows, titles):
        writer.writerow(values)
        yield line.getvalue()
        line.seek(0)
        line.truncate()


def _values(rows: Iterable[Mapping[str, Any]], titles: Mapping[str, str]) -> Iterator[list[Any]]:
    yield list(titles.values())
    for row in rows:
        yield [row.get(name, "") for name in titles]


def _read(held: IO[bytes]) -> Iterator[bytes]:
    with held:
        while piece := held.read(PIECE_BYTES):
            yield piece
