"""Selections of IDC as JSON: objects of its portal, one a line or in an array, or the arguments of idc-index."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from hilum.acquire.columns import CRDC_SERIES, field_of, is_uuid, series_of
from hilum.acquire.manifests.manifest import Dialect, Lines, Manifest, lines_of
from hilum.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from hilum.acquire.wanted import WantedSeries

SERIES_ARGUMENT = "seriesInstanceUID"
"""What ``IDCClient.download_from_selection`` calls it."""

_VALUE = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s\[\]{},:"]+')
"""A text or number as JSON writes it."""


def read_selection(path: Path, text: str) -> Manifest:
    """Read a selection: an object a line, an array of objects or identifiers, or an object of arrays.

    A refused element of an array or of parallel arrays is named by the line its identifier stands in.

    Raises
    ------
    FormatError
        It is no JSON, or names no series.
    """
    lines = Lines(path, Dialect.IDC)
    places: dict[str, int] = {}
    for line, element in _elements(path, text):
        try:
            lines.keep(series_of(_row(element)))
        except FormatError as error:
            places = places or _places(text)
            lines.refuse(line or _line_of(element, places), str(error))
    return lines.manifest()


def write_selection(series: Iterable[WantedSeries]) -> str:
    """Give arguments of idc-index: ``IDCClient().download_from_selection(downloadDir=..., **json.load(file))``."""
    listed = list(series)
    arguments = {CRDC_SERIES: [one.attributes[CRDC_SERIES] for one in listed]}
    if all(one.series_uid for one in listed):
        arguments[SERIES_ARGUMENT] = [one.series_uid for one in listed]
    return json.dumps(arguments, indent=1) + "\n"


def _elements(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    """Elements with the line each is; 0 where they are not one a line."""
    try:
        whole = json.loads(text)
    except ValueError:
        yield from _each_line(path, text)
        return
    except RecursionError as error:
        raise FormatError(f"{path}: arrays in arrays without end; expected one array, or objects one a line") from error
    elements = _rows_of(path, whole) if isinstance(whole, dict) else whole
    if not isinstance(elements, list):
        raise FormatError(f"{path}: found {type(whole).__name__}, expected series: an array, or objects one a line")
    yield from ((0, element) for element in elements)


def _each_line(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(lines_of(text), start=1):
        if not line.strip():
            continue
        try:
            yield number, json.loads(line)
        except (ValueError, RecursionError) as error:
            if number == 1:
                raise FormatError(f"{path}:1: no JSON ({error}); expected an array, or one object a line") from error
            yield number, None


def _rows_of(path: Path, whole: dict[str, Any]) -> list[Any]:
    """Rows from arrays side by side, as idc-index takes them; the one object of a single line is a row itself."""
    if not any(field_of(name) in (CRDC_SERIES, "series_uid") for name in whole):
        names = ", ".join(whole) or "nothing"
        raise FormatError(f"{path}: selects by {names}; expected {CRDC_SERIES} or {SERIES_ARGUMENT}, which name series")
    columns = {name: [value] if isinstance(value, str) else value for name, value in whole.items()}
    lists = {name: value for name, value in columns.items() if isinstance(value, list)}
    if len({len(value) for value in lists.values()}) > 1:
        counts = ", ".join(f"{len(value)} {name}" for name, value in lists.items())
        raise FormatError(f"{path}: arrays of unequal length ({counts}); expected one value a series in each")
    return [dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)]


def _row(element: Any) -> dict[str, Any]:
    if isinstance(element, str):
        return {CRDC_SERIES if is_uuid(element) else SERIES_ARGUMENT: element}
    if isinstance(element, dict):
        return element
    raise FormatError(f"found {json.dumps(element)}, expected an object or the identifier of a series")


def _places(text: str) -> dict[str, int]:
    """First line of each value, by how it is written."""
    places: dict[str, int] = {}
    for number, line in enumerate(lines_of(text), start=1):
        for value in _VALUE.findall(line):
            places.setdefault(value, number)
    return places


def _line_of(element: Any, places: dict[str, int]) -> int:
    """First line with a value of the element, as near as JSON lets one say."""
    values = element.values() if isinstance(element, dict) else [element]
    found = [places[word] for value in values if (word := json.dumps(value)) in places]
    return min(found, default=1)
