"""What a manifest says, whatever its dialect: the series, sometimes their files, and where they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from hilum.acquire.columns import CRDC_SERIES
from hilum.acquire.packed import PackedSeries, each_once
from hilum.errors import FormatError, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from hilum.acquire.wanted import WantedFile, WantedSeries

MALFORMED = "malformed-line"
"""Check of a line that is not as its dialect demands."""


class Dialect(StrEnum):
    """How a manifest is written."""

    TCIA = "tcia"
    S5CMD = "s5cmd"
    CSV = "csv"
    TSV = "tsv"
    IDC = "idc"
    BAGIT = "bagit"

    @property
    def file_name(self) -> str:
        """Name of a manifest of this dialect: what its tools expect, or ``manifest`` with their ending."""
        return {"idc": "selection.json", "bagit": "fetch.txt"}.get(self.value, f"manifest.{self.value}")


@dataclass(frozen=True)
class Manifest:
    """A list of series to download.

    Attributes
    ----------
    dialect
        How it was written.
    series
        The series, each once, in its order; of each only what the dialect tells.
    files
        Key of a series (`series_key`) to its files, where the manifest lists files and not series.
    server_url
        Where the series are: ``downloadServerUrl`` of a ``.tcia``, the S3 endpoint of s5cmd; empty if it does not say.
    refusals
        Lines that could not be taken: ``path:line`` and why.
    repeated
        Lines that name a series once more. Lines read = series + refusals + repeated, where a line is a series.
    """

    dialect: Dialect
    series: Sequence[WantedSeries]
    files: Mapping[str, tuple[WantedFile, ...]] = field(default_factory=dict)
    server_url: str = ""
    refusals: tuple[Refusal, ...] = ()
    repeated: int = 0


class Lines:
    """The lines of a manifest on their way to a `Manifest`.

    Parameters
    ----------
    path
        The manifest, for messages.
    dialect
        How it is written.
    """

    def __init__(self, path: Path, dialect: Dialect) -> None:
        self._path = path
        self._dialect = dialect
        self._series = PackedSeries()
        self._files: dict[str, dict[str, WantedFile]] = {}
        self._refusals: list[Refusal] = []
        self._repeated = 0

    def keep(self, series: WantedSeries) -> None:
        """Take a line that is a series."""
        self._series.append(series)

    def keep_file(self, series: WantedSeries, file: WantedFile) -> None:
        """Take a line that is a file of a series."""
        key = series_key(series)
        if key not in self._files:
            self._series.append(series)
        files = self._files.setdefault(key, {})
        if files.setdefault(file.name, file) is file:
            return
        if files[file.name] != file:
            raise FormatError(f"file {file.name} of {key} stands in an earlier line from elsewhere; expected one")
        self._repeated += 1

    def refuse(self, line: int, reason: str, check: str = MALFORMED) -> None:
        """Leave a line out; `line` is counted from 1."""
        self._refusals.append(Refusal(f"{self._path}:{line}", check, reason))

    def manifest(self, server_url: str = "") -> Manifest:
        """Give the manifest.

        Raises
        ------
        FormatError
            No line was a series.
        """
        if not self._series:
            first = f"; {self._refusals[0].item}: {self._refusals[0].reason}" if self._refusals else ""
            raise FormatError(f"{self._path}: no series in this {self._dialect} manifest{first}")
        series = each_once(self._series, series_key)
        return Manifest(
            self._dialect,
            series,
            {key: tuple(files.values()) for key, files in self._files.items()},
            server_url,
            tuple(self._refusals),
            self._repeated + len(self._series) - len(series),
        )


def lines_of(text: str) -> Iterator[str]:
    """Give the lines of a text one by one: those of a long manifest, all at once, take more memory than it does."""
    start = 0
    while (end := text.find("\n", start)) >= 0:
        yield text[start:end]
        start = end + 1
    yield text[start:]


def series_key(series: WantedSeries) -> str:
    """What tells a series of a manifest from the others: UID, location, or the identifier of IDC."""
    return series.key or series.attributes.get(CRDC_SERIES, "")
