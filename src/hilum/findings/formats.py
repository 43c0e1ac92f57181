"""Every format of findings, in one list: found by what is in a file, read, and written whole or not at all."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np

from hilum.disk import settle, sync_folder, unfinished
from hilum.errors import FormatError
from hilum.findings.archives import unpacked
from hilum.findings.losses import losses
from hilum.findings.masks import lesions_of, on_grid

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hilum.findings.format import Format, Writer
    from hilum.findings.segment_items import Algorithm
    from hilum.model.findings import FindingSet
    from hilum.model.series import Series

START_BYTES = 4096
"""Bytes of a file by which its format is recognised."""

FORMATS: tuple[str, ...] = (
    "seg_nrrd:FORMAT",
    "segmentation:BINARY",
    "segmentation:LABELMAP",
    "structured_report:FORMAT",
    "rtstruct:FORMAT",
    "image_masks:NRRD",
    "image_masks:NIFTI",
    "markups:FORMAT",
    "fcsv:FORMAT",
    "coco:FORMAT",
    "lesion_files:NIH",
    "lesion_files:MITK",
    "lesion_files:LUNA16",
    "lesion_files:TABLE",
)
"""Module below `hilum.findings` and name in it of each format; the first that recognises a file reads it."""


@cache
def formats() -> tuple[Format, ...]:
    """All formats, in the order of `FORMATS`."""
    places = (name.split(":") for name in FORMATS)
    return tuple(getattr(import_module(f"hilum.findings.{module}"), name) for module, name in places)


def format_named(name: str) -> Format:
    """Give the format of a name.

    Raises
    ------
    FormatError
        There is none; the message lists them.
    """
    for one in formats():
        if one.name == name:
            return one
    raise FormatError(f"format {name!r}: expected one of {', '.join(one.name for one in formats())}")


def recognise(path: Path) -> Format | None:
    """Format of a file or folder by what is in it; None where it is of no format here.

    Raises
    ------
    FormatError
        The file is not there or cannot be read.
    """
    start = b"" if path.is_dir() else _start(path)
    return next((one for one in formats() if one.recognises(path, start)), None)


def format_of_name(path: Path) -> Format:
    """Format in which a file of this name is written: the one with the longest suffix that fits.

    Raises
    ------
    FormatError
        No format that is written has such a suffix.
    """
    name = path.name.lower()
    fitting = [(len(suffix), one) for one in formats() if one.write for suffix in one.suffixes if name.endswith(suffix)]
    if not fitting:
        known = ", ".join(suffix for one in formats() if one.write for suffix in one.suffixes)
        raise FormatError(f"{path}: its name does not say a format that is written; expected an end of {known}")
    return max(fitting, key=lambda pair: pair[0])[1]


def read_findings(
    path: Path, target: Series | None = None, *, form: Format | None = None, threshold: float | None = None
) -> FindingSet:
    """Findings of one exam from a file or folder of any format, or from a zip of one.

    Parameters
    ----------
    target
        The series they belong to; see `hilum.findings.format.Reader`.
    form
        Take it for this format, whatever is in it.
    threshold
        Share from which a voxel of a fractional segmentation belongs to the segment, above 0 to 1; absent: the
        format's own.

    Raises
    ------
    FormatError
        The format is not known or not read, or has no shares for a threshold; the file is malformed, or does not
        belong to `target`.
    """
    with unpacked(path) as place:
        findings = read_as(place, target, form or recognise(place), threshold)
    if target is not None and target.row.get("is_volume"):
        _check_inside(path, findings, target)
    return findings


def read_as(path: Path, target: Series | None, form: Format | None, threshold: float | None = None) -> FindingSet:
    """Findings of a file that is of this format and in no zip; positions may lie outside the volume of `target`.

    Parameters and errors as `read_findings`.
    """
    if form is None:
        raise FormatError(f"{path}: of no known format; expected one of {_titles(is_read=True)}")
    if form.read is None:
        raise FormatError(f"{path}: {form.title} is written, not read; expected one of {_titles(is_read=True)}")
    read = form.read
    if threshold is not None:
        if form.at_threshold is None:
            raise FormatError(f"{path}: {form.title} has no shares of voxels; leave the threshold out")
        read = form.at_threshold(threshold)
    try:
        return read(path, target)
    except OSError as error:
        raise FormatError(f"{path}: cannot be read as {form.title} ({error})") from error


def write_findings(
    path: Path,
    findings: FindingSet,
    target: Series | None = None,
    *,
    form: Format | None = None,
    algorithm: Algorithm | None = None,
) -> tuple[str, ...]:
    """Write the findings of an exam; what was at `path` before is replaced once the new file is whole.

    Masks become points by measuring each label (`hilum.findings.regions`); points never become voxels, since a
    position and a size do not say which voxels a lesion has.

    Parameters
    ----------
    form
        Write in this format; absent: the one its name says.
    algorithm
        Who drew the mask; absent: nobody is named, or a hand where the format must say.

    Returns
    -------
    Attributes of the findings that the format does not hold, and what else it does not, in words (`losses`).

    Raises
    ------
    FormatError
        The format is not known or not written, or cannot hold the findings or say who drew them.
    ArchiveError
        There is no room on the disk.
    """
    found = form or format_of_name(path)
    write = _writer(path, found, algorithm)
    _check_marks(path, findings, found)
    suited = _suited(path, findings, found, target)
    with _whole(path) as draft:
        write(draft, suited, target)
    return losses(suited, found, target)


def _writer(path: Path, form: Format, algorithm: Algorithm | None) -> Writer:
    if form.write is None:
        raise FormatError(f"{path}: {form.title} is read, not written; expected one of {_titles(is_read=False)}")
    if algorithm is None:
        return form.write
    if form.drawn_by is None:
        raise FormatError(f"{path}: {form.title} does not say who drew a mask; leave the algorithm out")
    return form.drawn_by(algorithm)


def _check_inside(path: Path, findings: FindingSet, target: Series) -> None:
    """Refuse findings of another place than the volume of their series, and say how far off the worst of them is."""
    positions = np.array([one.position_mm for one in findings.every]).reshape(-1, 3)
    outside = positions[~target.geometry.contains(positions)]
    if not len(outside):
        return
    nearest = np.clip(target.geometry.to_voxels(outside), -0.5, np.asarray(target.geometry.shape) - 0.5)
    distances = np.linalg.norm(target.geometry.to_mm(nearest) - outside, axis=1)
    raise FormatError(
        f"{path}: {len(outside)} of {len(positions)} findings lie outside the volume of series {target.uid}, by up to "
        f"{distances.max():.2f} mm; expected LPS mm in its frame of reference: give the series they were made on"
    )


def _suited(path: Path, findings: FindingSet, form: Format, target: Series | None) -> FindingSet:
    """Findings as a format holds them: voxels on the grid of the series, or lesions measured from them."""
    mask = findings.mask
    if mask is None and form.has_voxels:
        raise FormatError(
            f"{path}: {form.title} holds voxels, and there are {len(findings.every)} points "
            "without; a point does not say which voxels its lesion has: give a mask, or write a format of points"
        )
    if mask is not None and target is not None:
        mask = on_grid(mask, target.geometry, str(path))
    findings = replace(findings, mask=mask)
    return findings if form.has_voxels else replace(findings, lesions=lesions_of(findings))


def _check_marks(path: Path, findings: FindingSet, form: Format) -> None:
    """Refuse marks that the file would not hold."""
    lesions, marks = len(findings.lesions), len(findings.marks)
    if not marks or form.has_voxels or form.marks == "beside lesions":
        return
    if form.marks == "never" or lesions:
        holds = "lesions" if form.marks == "never" else "lesions or marks, not both"
        raise FormatError(
            f"{path}: {form.title} holds {holds}, and there are {lesions} lesions and {marks} marks; write a "
            "structured report (.sr.dcm), which holds both"
        )


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """Path of that name in a folder of its own, which takes its place once it is written and on disk."""
    if path.is_dir() and any(path.iterdir()):
        raise FormatError(f"{path}: the folder is there already and not empty; expected a new or an empty one")
    with unfinished(path) as folder:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            yield folder / path.name
            _put_in_place(folder / path.name, path)
        except FormatError as error:
            raise FormatError(str(error).replace(str(folder / path.name), str(path))) from error
        finally:
            shutil.rmtree(folder)


def _put_in_place(draft: Path, path: Path) -> None:
    if draft.is_file():
        settle(draft, path)
        return
    draft.replace(path)
    sync_folder(path.parent)


def _start(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(START_BYTES)
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror}); expected findings there") from error


def _titles(*, is_read: bool) -> str:
    return ", ".join(f"{one.name} ({one.title})" for one in formats() if (one.read if is_read else one.write))
