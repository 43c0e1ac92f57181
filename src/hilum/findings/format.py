"""What a format of findings is to hilum: how its files are known, read and written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from hilum.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from hilum.findings.segment_items import Algorithm
    from hilum.model.findings import FindingSet
    from hilum.model.series import Series


DESCRIPTIONS = frozenset({"name", "colour", "category", "kind", "site", "tracking_id", "tracking_uid"})
"""All that a segment is described by (`hilum.model.masks.Segment`)."""

Marks = Literal["never", "instead of lesions", "beside lesions"]


class Reader(Protocol):
    """Reads a file or folder of a format."""

    def __call__(self, path: Path, target: Series | None, /) -> FindingSet:
        """Give the findings of one exam, in LPS mm.

        Parameters
        ----------
        target
            Series the findings belong to: it gives exam, geometry, frame of reference and instances where the file
            names none. None: the file must say all itself, and the exam is the stem of its name.

        Raises
        ------
        FormatError
            The file is malformed, or lies on another grid or in another frame of reference than `target`; or it needs
            a target (`need_target`).
        """


class Writer(Protocol):
    """Writes a file or folder of a format."""

    def __call__(self, path: Path, findings: FindingSet, target: Series | None, /) -> None:
        """Write `path`, which is not there yet and has its final name (`hilum.findings.formats.write_findings`).

        The bytes follow from `findings` and `target` alone: no time of day, no random UID.

        Raises
        ------
        FormatError
            The format cannot hold the findings, or needs a target.
        """


def _nothing(_findings: FindingSet, _target: Series | None) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Format:
    """A format of findings.

    Attributes
    ----------
    name
        What it is called on the command line (``seg.nrrd``).
    title
        The same for people (``3D Slicer segmentation``).
    suffixes
        Ends of the names under which its files are written, in lower case; the longest that fits decides.
    recognises
        Whether a file or folder is of this format, by what is in it: takes the path and the first
        `hilum.findings.formats.START_BYTES` bytes, which are empty for a folder.
    read, write
        None where hilum does not read or write it.
    has_voxels
        Whether it holds a mask; otherwise points.
    marks
        Whether it holds marks, and then beside lesions or instead of them.
    keeps
        Attributes of a lesion, or of a segment if it holds voxels, that are the same when a written file is read.
    keeps_of_marks
        The same of a mark; empty where marks are written as points.
    of_many_exams
        Whether a file names the exam of each finding, and so can speak of many; otherwise it is of one.
    finds_series
        Which of some series a file says it was made on; None where its name alone says it.
    loses
        What else of the findings a file of the series does not hold, in words; parameters as `write`.
    at_threshold
        Reader that gives a voxel to a segment from this share on, above 0 to 1; None where voxels have no shares.
    drawn_by
        Writer that says who drew the mask; None where the format does not say it.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    recognises: Callable[[Path, bytes], bool]
    read: Reader | None = None
    write: Writer | None = None
    has_voxels: bool = False
    marks: Marks = "never"
    keeps: frozenset[str] = frozenset()
    keeps_of_marks: frozenset[str] = frozenset()
    of_many_exams: bool = False
    finds_series: Callable[[Path, Sequence[Series]], list[Series]] | None = None
    loses: Callable[[FindingSet, Series | None], Iterable[str]] = _nothing
    at_threshold: Callable[[float], Reader] | None = None
    drawn_by: Callable[[Algorithm], Writer] | None = None


def need_target(path: Path, target: Series | None, why: str) -> Series:
    """Give the target.

    Raises
    ------
    FormatError
        There is none.
    """
    if target is None:
        raise FormatError(f"{path}: {why}; name the series it belongs to (--series UID --archive DIR)")
    return target


def exam_of(path: Path, target: Series | None, suffixes: tuple[str, ...]) -> str:
    """Exam that the findings of a file are of: the target's SeriesInstanceUID, else the name without its suffix."""
    if target is not None:
        return target.uid
    endings = [suffix for suffix in suffixes if path.name.lower().endswith(suffix)]
    return path.name[: -len(max(endings, key=len))] if endings else path.stem


def check_frame_of_reference(found_uid: str, target: Series | None, name: str, offset_mm: float | None = None) -> None:
    """Refuse findings that state another frame of reference than their series has.

    Parameters
    ----------
    found_uid
        FrameOfReferenceUID the file states; empty where it states none, which passes.
    name
        What the message begins with.
    offset_mm
        How far the file's grid lies from the series' own, where it has one.

    Raises
    ------
    FormatError
        The two differ.
    """
    expected = "" if target is None else str(target.row.get("FrameOfReferenceUID") or "")
    if not found_uid or not expected or found_uid == expected:
        return
    off = "" if offset_mm is None else f", their grids are up to {offset_mm:.2f} mm apart"
    raise FormatError(
        f"{name}: its frame of reference is {found_uid}, that of the series {expected}{off}; millimetres of the one "
        "mean nothing in the other: give the series it was made on, or register the two first"
    )
