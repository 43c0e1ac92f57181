"""The one series of a folder or of a list of files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hilum.errors import FormatError, HeaderError, NotFoundError
from hilum.index.assemble import assemble
from hilum.index.batch import read_file
from hilum.index.files import find_files
from hilum.index.record import read_record
from hilum.index.refused import RefusedFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from hilum.index.record import Record
    from hilum.model.series import Series

COPY = "duplicate-instance"
"""The one refusal of an assembly that takes nothing away: the same file is there twice."""


def read_series(source: str | Path | Sequence[str | Path]) -> Series:
    """Read the headers of a folder's files, or of the files named, and give the series they form.

    Parameters
    ----------
    source
        A folder (searched through all its subfolders; texts, tables and other kinds of file that lie about in
        downloads are passed over), a file, or files.

    Raises
    ------
    NotFoundError
        There is no DICOM file, or no such file or folder.
    FormatError
        The files belong to several series; the message lists them.
    HeaderError
        A file is not DICOM or cannot be read: the series might not be whole.
    """
    is_folder = isinstance(source, str | Path) and Path(source).is_dir()
    assembly = assemble("", _records_below(Path(str(source))) if is_folder else _records(_paths(source)))
    if lost := [refusal for refusal in assembly.refusals if refusal.check != COPY]:
        raise HeaderError(f"{lost[0].item}: {lost[0].reason}", check=lost[0].check)
    if not assembly.series:
        raise NotFoundError(f"{source}: no DICOM file found")
    if len(assembly.series) > 1:
        found = "\n".join(f"  {_summary(series)}" for series in assembly.series)
        raise FormatError(f"{source}: {len(assembly.series)} series, expected one; name the files of one:\n{found}")
    return assembly.series[0]


def _records_below(folder: Path) -> Iterator[Record]:
    for file in find_files(folder):
        if file.problem is not None:
            check, reason = file.problem
            raise HeaderError(f"{folder / file.path}: {reason}", check=check)
        outcome = file.passed_over or read_file(str(folder.absolute()), file)
        if isinstance(outcome, RefusedFile):
            raise HeaderError(f"{outcome.item}: {outcome.reason}", check=outcome.check)
        if not isinstance(outcome, str):
            yield outcome


def _records(paths: Iterable[Path]) -> Iterator[Record]:
    for path in paths:
        try:
            yield read_record(path.absolute().parent, path.name)
        except HeaderError as error:
            raise HeaderError(f"{path}: {error}", check=error.check) from error


def _paths(source: str | Path | Sequence[str | Path]) -> list[Path]:
    paths = [Path(path) for path in ([source] if isinstance(source, str | Path) else source)]
    if absent := [path for path in paths if not path.is_file()]:
        raise NotFoundError(f"{absent[0]}: no such file or folder")
    return paths


def _summary(series: Series) -> str:
    description = series.row.get("SeriesDescription") or "no description"
    return f"{series.uid}  {description}, {len(series.instances)} instances, in {series.instances.paths()[0].parent}"
