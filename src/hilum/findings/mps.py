"""MITK point sets (``.mps``): points in mm, read and written.

References
----------
MITK, PointSetReader and PointSetWriter, ``file_version`` 0.1: ``point_set_file/point_set/time_series/point`` with
``id``, ``specification``, ``x``, ``y``, ``z`` (LPS mm).
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.parsers import expat

from hilum.errors import FormatError
from hilum.findings.text import finite

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from hilum.model.findings import Point

_POINT = ["point_set_file", "point_set", "time_series", "point"]
_AXES = ("x", "y", "z")

_HEAD = """<?xml version="1.0" encoding="ISO-8859-1"?>
<point_set_file>
  <file_version>0.1</file_version>
  <point_set>
    <time_series>
      <time_series_id>0</time_series_id>
"""
_ROW = """      <point>
        <id>{number}</id>
        <specification>0</specification>
        <x>{x}</x>
        <y>{y}</y>
        <z>{z}</z>
      </point>
"""
_TAIL = """    </time_series>
  </point_set>
</point_set_file>
"""


def read_mps(path: Path) -> list[Point]:
    """Points of a point set, LPS mm, in file order; a file of zero bytes has no points.

    Raises
    ------
    FormatError
        The file is no XML of a point set, declares a document type or entities, or a coordinate is absent or not
        finite.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror}); expected a point set there") from error
    if not data:
        return []
    reader = _PointReader(path)
    try:
        reader.parser.Parse(data, True)
    except expat.ExpatError as error:
        raise FormatError(f"{path}:{error.lineno}: no valid XML ({error}); expected a MITK point set") from error
    return reader.points


def write_mps(path: Path, points_mm: Iterable[Point], *, significant_digits: int = 17) -> None:
    """Write a point set; no points give a point set without points.

    Parameters
    ----------
    points_mm
        LPS.
    significant_digits
        Digits kept of each coordinate; 17 keep every bit, NIH's files hold 6.
    """
    rows = [
        _ROW.format(number=number, x=x, y=y, z=z)
        for number, (x, y, z) in enumerate(tuple(number_text(v, significant_digits) for v in p) for p in points_mm)
    ]
    path.write_bytes((_HEAD + "".join(rows) + _TAIL).encode("latin-1"))


def number_text(value: float, significant_digits: int) -> str:
    """Shortest text that keeps `significant_digits` of a number."""
    exact = repr(float(value)).removesuffix(".0")
    return exact if significant_digits >= 17 else f"{value:.{significant_digits}g}"


class _PointReader:
    """Collects the points while expat walks through the file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.points: list[Point] = []
        self.parser = expat.ParserCreate()
        self.parser.StartDoctypeDeclHandler = self._refuse_document_type
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self._open: list[str] = []
        self._words: list[str] = []
        self._values: dict[str, float] = {}

    @property
    def _where(self) -> str:
        return f"{self.path}:{self.parser.CurrentLineNumber}"

    def _refuse_document_type(self, name: str, *_: object) -> None:
        raise FormatError(f"{self._where}: declares a document type {name!r}; a point set has none, so it is not read")

    def _start(self, name: str, _attributes: object) -> None:
        if not self._open and name != _POINT[0]:
            raise FormatError(f"{self._where}: the root element is {name!r}, expected {_POINT[0]!r}")
        self._open.append(name)
        self._words = []
        if self._open == _POINT:
            self._values = {}

    def _text(self, words: str) -> None:
        self._words.append(words)

    def _end(self, name: str) -> None:
        if self._open[:-1] == _POINT and name in _AXES:
            self._values[name] = finite("".join(self._words).strip(), f"{self._where}: {name}")
        if self._open == _POINT:
            self._finish_point()
        self._open.pop()
        self._words = []

    def _finish_point(self) -> None:
        if absent := [axis for axis in _AXES if axis not in self._values]:
            raise FormatError(f"{self._where}: the point has no {', '.join(absent)}; expected x, y and z in mm")
        self.points.append((self._values["x"], self._values["y"], self._values["z"]))
