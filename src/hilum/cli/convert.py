"""``hilum convert``: a series as a NIfTI file."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hilum.cli.output import progress, tell

if TYPE_CHECKING:
    from hilum.model.series import Series

STEPS = 3
"""Read, resample, write."""


class Dtype(StrEnum):
    """Type of the voxels written."""

    INT16 = "int16"
    FLOAT32 = "float32"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("convert")(convert)


def convert(
    source: Annotated[
        str,
        typer.Argument(metavar="SERIES", help="SeriesInstanceUID in the archive, or a folder with the files of one."),
    ],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="File to write: *.nii or *.nii.gz.")],
    *,
    archive: Annotated[
        Path | None,
        typer.Option(
            envvar="HILUM_ARCHIVE", help="Folder of the archive; not needed for a folder.", show_default=False
        ),
    ] = None,
    spacing: Annotated[
        str | None,
        typer.Option(metavar="MM[,MM,MM]", help="Resample to this spacing: one number, or slice,row,column."),
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(metavar="CHECK", help="Convert although this check failed (repeat for several)."),
    ] = None,
    dtype: Annotated[Dtype, typer.Option(help="Type of the voxels.")] = Dtype.INT16,
) -> None:
    """Write a series as a NIfTI file of Hounsfield units.

    A series that is no regular volume is refused with the name of the check it failed.
    """
    from hilum.volume.load import load
    from hilum.volume.nifti import SUFFIXES, write_nifti
    from hilum.volume.resample import resample_to_spacing
    from hilum.volume.stacking import ALLOWABLE

    if not target.name.endswith(SUFFIXES):
        raise typer.BadParameter(f"{target}: expected a name that ends in {' or '.join(SUFFIXES)}")
    if unknown := sorted(set(allow or ()) - set(ALLOWABLE)):
        raise typer.BadParameter(f"--allow {unknown[0]}: expected one of {', '.join(ALLOWABLE)}")
    spacing_mm = _spacing(spacing)
    with progress("converting", STEPS) as advance:
        volume = load(_source(source, archive), dtype=dtype.value, allow=allow or ())
        advance(1)
        if spacing_mm is not None:
            volume = resample_to_spacing(volume, spacing_mm)
        advance(1)
        write_nifti(volume, target)
        advance(1)
    slices, rows, columns = volume.shape
    steps = " x ".join(f"{step:.6g}" for step in volume.spacing_mm)
    tell(f"{target}: {slices} slices of {rows} x {columns} voxels, {steps} mm")


def _source(source: str, archive: Path | None) -> Path | Series:
    """Folder that is named, else series of that UID."""
    if Path(source).exists():
        return Path(source)
    if archive is None:
        raise typer.BadParameter(f"{source}: no such folder; to convert a series by its UID, name its --archive")
    from hilum.catalog import Archive

    return Archive.open(archive).series(source)


def _spacing(text: str | None) -> list[float] | None:
    """One or three positive numbers, as three."""
    if text is None:
        return None
    try:
        numbers = [float(number) for number in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 3) or not all(0 < number < float("inf") for number in numbers):
        raise typer.BadParameter(f"--spacing {text}: expected one or three positive numbers of mm, such as 1 or 2,1,1")
    return numbers * 3 if len(numbers) == 1 else numbers
