"""``hilum convert``: a series as a NIfTI file, or a volume as a DICOM series."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hilum.cli.named_series import SeriesArchiveOption, named_series
from hilum.cli.output import progress, tell

if TYPE_CHECKING:
    from collections.abc import Callable

    from hilum.volume import Volume

STEPS = 3
"""Read, resample or check, write."""


class Dtype(StrEnum):
    """Type of the voxels written."""

    INT16 = "int16"
    FLOAT32 = "float32"


OWN_OPTION = ("PatientID", "PatientName", "StudyDescription", "SeriesDescription", "StudyInstanceUID")
"""Attributes of a written series that have an option of their own, in the order of `convert`."""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("convert")(convert)


def convert(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="SeriesInstanceUID in the archive, or a folder with the files of one; with --to-dicom a NIfTI, "
            "Analyze or NRRD file.",
        ),
    ],
    target: Annotated[
        Path | None, typer.Argument(metavar="OUT", help="File to write: *.nii or *.nii.gz.", show_default=False)
    ] = None,
    *,
    archive: SeriesArchiveOption = None,
    spacing: Annotated[
        str | None,
        typer.Option(metavar="MM[,MM,MM]", help="Resample to this spacing: one number, or slice,row,column."),
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(metavar="CHECK", help="Convert although this check failed (repeat for several)."),
    ] = None,
    dtype: Annotated[Dtype, typer.Option(help="Type of the voxels.")] = Dtype.INT16,
    to_dicom: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write a CT series into this empty or new folder.", show_default=False),
    ] = None,
    patient_id: Annotated[str | None, typer.Option(help="PatientID of the CT series.")] = None,
    patient_name: Annotated[str | None, typer.Option(help="PatientName of the CT series.")] = None,
    study_description: Annotated[str | None, typer.Option(help="StudyDescription of the CT series.")] = None,
    series_description: Annotated[str | None, typer.Option(help="SeriesDescription of the CT series.")] = None,
    study_uid: Annotated[
        str | None, typer.Option(help="StudyInstanceUID of the CT series.  [default: from its content]")
    ] = None,
    attribute: Annotated[
        list[str] | None,
        typer.Option(metavar="KEYWORD=VALUE", help="Any other attribute of the CT series (repeat for several)."),
    ] = None,
    rounding: Annotated[
        bool, typer.Option("--round", help="Take fractions of a HU to the nearest whole HU instead of refusing them.")
    ] = False,
) -> None:
    """Write a series as a NIfTI file of Hounsfield units, or with --to-dicom a volume as a CT series.

    A series that is no regular volume is refused with the name of the check it failed. A CT series holds what is given
    and what follows from the volume; its UIDs follow from its content, so that a repeat gives the same files.
    """
    given = [patient_id, patient_name, study_description, series_description, study_uid]
    texts = [f"{keyword}={value}" for keyword, value in zip(OWN_OPTION, given, strict=True) if value is not None]
    texts += attribute or []
    if to_dicom is not None:
        if target is not None or spacing or allow:
            raise typer.BadParameter("--to-dicom takes a volume and no OUT, --spacing or --allow")
        _to_dicom(Path(source), to_dicom, texts, rounding=rounding)
        return
    if texts or rounding:
        raise typer.BadParameter("attributes and --round are for --to-dicom")
    if target is None:
        raise typer.BadParameter("expected OUT, the file to write, or --to-dicom DIR")
    _to_nifti(_loader(source, archive, dtype, allow or []), target, _spacing(spacing))


def _loader(source: str, archive: Path | None, dtype: Dtype, allow: list[str]) -> Callable[[], Volume]:
    """What reads the series, once its options are seen to be right."""
    from hilum.volume.load import load
    from hilum.volume.stacking import ALLOWABLE

    if unknown := sorted(set(allow) - set(ALLOWABLE)):
        raise typer.BadParameter(f"--allow {unknown[0]}: expected one of {', '.join(ALLOWABLE)}")
    return lambda: load(named_series(source, archive, "SOURCE"), dtype=dtype.value, allow=allow)


def _to_nifti(read: Callable[[], Volume], target: Path, spacing_mm: list[float] | None) -> None:
    from hilum.volume.nifti import SUFFIXES, write_nifti
    from hilum.volume.resample import resample_to_spacing

    if not target.name.endswith(SUFFIXES):
        raise typer.BadParameter(f"{target}: expected a name that ends in {' or '.join(SUFFIXES)}")
    with progress("converting", STEPS) as advance:
        volume = read()
        advance(1)
        if spacing_mm is not None:
            volume = resample_to_spacing(volume, spacing_mm)
        advance(1)
        write_nifti(volume, target)
        advance(1)
    tell(f"{target}: {_in_words(volume)}")


def _to_dicom(source: Path, folder: Path, texts: list[str], *, rounding: bool) -> None:
    from hilum.volume.ct_image import ct_volume, parse_attributes, write_ct_series
    from hilum.volume.files import SUFFIXES, read_image

    if not source.name.lower().endswith(SUFFIXES):
        raise typer.BadParameter(f"{source}: expected a name that ends in {', '.join(SUFFIXES)}")
    try:
        attributes = parse_attributes(texts)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    with progress("converting", STEPS) as advance:
        image = read_image(source)
        advance(1)
        volume = ct_volume(image.values, image.geometry, rounding=rounding)
        advance(1)
        write_ct_series(volume, folder, attributes=attributes)
        advance(1)
    for warning in image.warnings:
        tell(f"warning: {warning}")
    tell(f"{folder}: {_in_words(volume)}")


def _in_words(volume: Volume) -> str:
    slices, rows, columns = volume.shape
    steps = " x ".join(f"{step:.6g}" for step in volume.spacing_mm)
    return f"{slices} slices of {rows} x {columns} voxels, {steps} mm"


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
