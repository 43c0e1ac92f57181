"""The one series of a folder or of a list of files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hilum.errors import FormatError, HeaderError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hilum.model.series import Series


def read_series(source: str | Path | Sequence[str | Path]) -> Series:
    """Read the headers of a folder's files, or of the files named, and give the series they form.

    Parameters
    ----------
    source
        A folder (searched through all its subfolders; files that are not DICOM are passed over), a file, or files.

    Raises
    ------
    NotFoundError
        There is no DICOM file, or no such folder.
    FormatError
        The files belong to several series; the message lists them.
    HeaderError
        A file named is not DICOM, or a file's header cannot be read.
    """
    from hilum.index.assemble import assemble

    is_folder = isinstance(source, str | Path) and Path(source).is_dir()
    paths = _files_below(Path(str(source))) if is_folder else _files(source)
    records = [record for path in paths if (record := _record(path, may_skip=is_folder)) is not None]
    if not records:
        raise NotFoundError(f"{source}: no DICOM file among {len(paths)} files")
    assembly = assemble("", records)
    if assembly.refusals:
        refusal = assembly.refusals[0]
        raise HeaderError(f"{refusal.item}: {refusal.reason}", check=refusal.check)
    if len(assembly.series) > 1:
        found = "\n".join(f"  {_summary(series)}" for series in assembly.series)
        raise FormatError(f"{source}: {len(assembly.series)} series, expected one; name the files of one:\n{found}")
    return assembly.series[0]


def _files_below(folder: Path) -> list[Path]:
    return sorted(Path(root, name) for root, _, names in os.walk(folder) for name in names)


def _files(source: str | Path | Sequence[str | Path]) -> list[Path]:
    paths = [Path(path) for path in ([source] if isinstance(source, str | Path) else source)]
    if absent := [path for path in paths if not path.is_file()]:
        raise NotFoundError(f"{absent[0]}: no such file or folder")
    return paths


def _record(path: Path, *, may_skip: bool) -> dict[str, Any] | None:
    """Attributes and place of a file, as `hilum.index.assemble` takes them."""
    from hilum.index.header import read_header

    try:
        header = read_header(path)
    except HeaderError as error:
        if may_skip and error.check == "not-dicom":
            return None
        raise
    status = path.stat()
    return {
        **header.values,
        "root": str(path.parent.absolute()),
        "path": path.name,
        "size_bytes": status.st_size,
        "modified_ns": status.st_mtime_ns,
        "pixel_offset": header.pixel_offset,
        "pixel_length": header.pixel_length,
    }


def _summary(series: Series) -> str:
    description = series.row.get("SeriesDescription") or "no description"
    return f"{series.uid}  {description}, {len(series.instances)} instances, in {series.instances.paths()[0].parent}"
