"""DICOM RT structure sets read as label masks on the grid of their series; regions that are points as lesions.

References
----------
DICOM PS3.3 A.19 (RT Structure Set IOD), C.8.8.5 (Structure Set), C.8.8.6 (ROI Contour), C.8.8.8 (RT ROI Observations).
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hilum.errors import FormatError
from hilum.findings.code_sequences import read_code
from hilum.findings.contours import fill_contours
from hilum.findings.dicom_start import sop_class_of
from hilum.findings.format import Format, check_frame_of_reference, exam_of, need_target
from hilum.findings.masks import GRID_TOLERANCE_MM
from hilum.findings.references import referred_among
from hilum.findings.refusing import Refusals
from hilum.findings.segment_layers import SegmentLayers, Stroke
from hilum.model.findings import FindingSet, Lesion
from hilum.model.masks import LabelMask, Segment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from hilum.model.codes import Code
    from hilum.model.geometry import Geometry
    from hilum.model.series import Series

    Floats = NDArray[np.float64]

RT_STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
SUFFIXES = (".rtstruct.dcm",)

CLOSED = frozenset({"CLOSED_PLANAR", "CLOSEDPLANAR_XOR"})
POINT = "POINT"

NO_FINDINGS = frozenset({"ISOCENTER", "MARKER", "REGISTRATION", "DOSE_MEASUREMENT", "BRACHY_SRC_APP", "FIXATION"})
"""Interpreted types of points of the treatment, not of the patient."""

UNREADABLE = "unreadable-region"
"""Name of the check."""

MAX_LABEL = 65535


class Contour(NamedTuple):
    """A geometric type, and ``(n, 3)`` LPS mm."""

    kind: str
    points_mm: Floats


class Roi(NamedTuple):
    """A region of interest.

    Attributes
    ----------
    number
        ROI Number: a positive one is the label of its voxels.
    interpreted_type
        ``GTV``, ``ORGAN``, ``ISOCENTER``, ...; empty where it states none.
    """

    number: int
    name: str
    colour: tuple[int, int, int] | None
    kind: Code | None
    interpreted_type: str
    frame_of_reference_uid: str
    contours: tuple[Contour, ...]


def is_rtstruct(path: Path, start: bytes) -> bool:  # noqa: ARG001 - every format is asked alike
    """Whether a file is an RT structure set, by its first bytes."""
    return sop_class_of(start) == RT_STRUCTURE_SET


def read_rtstruct(path: Path, target: Series | None) -> FindingSet:
    """Fill the contours of each region on the grid of the series they were drawn on.

    Regions that overlap stand in several arrays. A region whose contours lie on no slice of the series, or are not
    closed, is refused by name.

    Raises
    ------
    FormatError
        The file is no structure set or is damaged, there is no target, or no region can be read.
    NotAVolumeError
        The series is no regular stack.
    """
    series = need_target(path, target, "contours are filled on the grid of the series they were drawn on")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's word on odd values: they are read as they are
        parts = _read_parts(path)
        drawn, refusals = _Drawn(path, series), Refusals(is_lenient=True)
        for part in parts:
            where = f"{path.name}: region {part.number}"
            try:
                drawn.add(_roi(part))
            except FormatError as error:
                refusals.refuse(where, UNREADABLE, str(error))
            except Exception as error:  # noqa: BLE001 - what pydicom raises on a damaged region must not lose the others
                refusals.refuse(where, UNREADABLE, f"cannot be decoded ({error!r}); get the file again")
    if parts and len(refusals.found) == len(parts):
        first = refusals.found[0]
        raise FormatError(f"{path}: none of {len(parts)} regions can be read; {first.item}: {first.reason}")
    return FindingSet(
        exam_id=exam_of(path, target, SUFFIXES),
        series_uid=series.uid,
        frame_of_reference_uid=str(series.row.get("FrameOfReferenceUID") or ""),
        lesions=tuple(drawn.lesions),
        mask=drawn.mask(),
        warnings=tuple(drawn.warnings),
        refusals=refusals.found,
    )


class _Drawn:
    """Regions laid on the grid of a series, one after the other."""

    def __init__(self, path: Path, series: Series) -> None:
        self._path, self._series, self._grid = path, series, series.geometry
        self._layers = SegmentLayers(self._grid.shape, np.uint16)
        self._segments: dict[int, Segment] = {}
        self.lesions: list[Lesion] = []
        self.warnings: list[str] = []

    def add(self, roi: Roi) -> None:
        """Add a region as voxels or points.

        Raises
        ------
        FormatError
            It lies elsewhere, or is neither closed nor a point.
        """
        check_frame_of_reference(roi.frame_of_reference_uid, self._series, "its contours")
        kinds = {contour.kind for contour in roi.contours}
        if kinds == {POINT}:
            self.lesions.append(self._lesion(roi))
        elif kinds <= CLOSED:
            self._fill(roi)
        else:
            raise FormatError(f"contours of type {', '.join(sorted(kinds - CLOSED))}; expected {' or '.join(CLOSED)}")

    def mask(self) -> LabelMask | None:
        """Give the voxels of all regions; None where there are only points."""
        if not self._segments:
            return None
        first, *others = self._layers.layers
        return LabelMask(first, self._grid, self._segments, tuple(others))

    def _fill(self, roi: Roi) -> None:
        strokes = list(_strokes(roi.contours, self._grid))
        label = self._label(roi.number)
        self._layers.add(label, strokes)
        self._segments[label] = Segment(roi.name, roi.colour, kind=roi.kind)
        if not any(stroke.bits.any() for stroke in strokes):
            what = "has no contours" if not roi.contours else "goes round no voxel's centre"
            self.warnings.append(f"{self._path.name}: region {roi.number} {roi.name!r} {what}; it has no voxels")

    def _label(self, number: int) -> int:
        """ROI Number, or the first free number where that cannot be a label."""
        if 1 <= number <= MAX_LABEL and number not in self._segments:
            return number
        return next(label for label in range(1, MAX_LABEL + 1) if label not in self._segments)

    def _lesion(self, roi: Roi) -> Lesion:
        if roi.interpreted_type in NO_FINDINGS:
            raise FormatError(f"a point of type {roi.interpreted_type}; expected one of the patient")
        points = np.concatenate([contour.points_mm for contour in roi.contours])
        if len(points) > 1:
            raise FormatError(f"{len(points)} points; expected one, the place of a lesion")
        x, y, z = points[0].tolist()
        return Lesion(
            exam_of(self._path, self._series, SUFFIXES),
            str(roi.number),
            (x, y, z),
            label=roi.name,
            source=f"{self._path.name}: region {roi.number}",
            series_uid=self._series.uid,
            kind=roi.kind,
        )


def _strokes(contours: Sequence[Contour], grid: Geometry) -> Iterator[Stroke]:
    """Voxels inside the contours, slice by slice."""
    by_slice: dict[int, list[Floats]] = defaultdict(list)
    for contour in contours:
        voxels = grid.to_voxels(contour.points_mm)
        by_slice[_slice(voxels, grid)].append(voxels[:, 1:])
    _, rows, columns = grid.shape
    for index, outlines in sorted(by_slice.items()):
        every = np.concatenate(outlines)[:, 0]
        top, bottom = int(np.clip(np.floor(every.min()), 0, rows)), int(np.clip(np.ceil(every.max()), 0, rows))
        inside = fill_contours([outline - (top, 0) for outline in outlines], bottom - top, columns)
        yield Stroke(index, top * columns, inside.reshape(-1).astype(np.uint8))


def _slice(voxels: Floats, grid: Geometry) -> int:
    """Slice that a contour lies in."""
    index = round(float(voxels[:, 0].mean()))
    off_mm = float(np.abs(voxels[:, 0] - index).max()) * grid.spacing_mm[0]
    if not 0 <= index < grid.shape[0]:
        beyond_mm = max(-index, index - grid.shape[0] + 1) * grid.spacing_mm[0]
        raise FormatError(f"a contour lies {beyond_mm:.2f} mm beyond the slices; give the series it was drawn on")
    if off_mm > GRID_TOLERANCE_MM:
        raise FormatError(
            f"a contour lies up to {off_mm:.2f} mm from slice {index} of the series; expected at most "
            f"{GRID_TOLERANCE_MM} mm: give the series it was drawn on"
        )
    return index


class _Parts(NamedTuple):
    """What a structure set says of a region in three places; None where it says nothing."""

    number: int
    item: Dataset
    drawn: Dataset | None
    observed: Dataset | None


def _read_parts(path: Path) -> list[_Parts]:
    import pydicom

    try:
        dataset = pydicom.dcmread(path, force=True)
        if (found := str(dataset.get("SOPClassUID") or "not stated")) != RT_STRUCTURE_SET:
            raise FormatError(f"{path}: SOP class {found}; expected an RT structure set")
        drawn, observed = (
            {int(item.ReferencedROINumber): item for item in dataset.get(keyword) or ()}
            for keyword in ("ROIContourSequence", "RTROIObservationsSequence")
        )
        items = [(int(item.ROINumber), item) for item in dataset.get("StructureSetROISequence") or ()]
        return [_Parts(number, item, drawn.get(number), observed.get(number)) for number, item in items]
    except FormatError:
        raise
    except Exception as error:  # pydicom raises whatever a damaged element makes it stumble on
        raise FormatError(f"{path}: its regions cannot be decoded ({error!r}); get the file again") from error


def _roi(parts: _Parts) -> Roi:
    observed = parts.observed
    return Roi(
        parts.number,
        str(parts.item.get("ROIName") or f"region {parts.number}"),
        _colour(parts.drawn),
        None if observed is None else read_code(observed, "RTROIIdentificationCodeSequence"),
        "" if observed is None else str(observed.get("RTROIInterpretedType") or ""),
        str(parts.item.get("ReferencedFrameOfReferenceUID") or ""),
        tuple(_contours(parts.drawn)),
    )


def _contours(item: Dataset | None) -> Iterator[Contour]:
    for contour in (item.get("ContourSequence") if item is not None else None) or ():
        numbers = np.asarray([float(number) for number in contour.get("ContourData") or ()], dtype=np.float64)
        if not len(numbers) or len(numbers) % 3 or not np.all(np.isfinite(numbers)):
            raise FormatError(f"{len(numbers)} numbers in ContourData; expected finite x, y, z of each point")
        yield Contour(str(contour.get("ContourGeometricType") or ""), numbers.reshape(-1, 3))


def _colour(item: Dataset | None) -> tuple[int, int, int] | None:
    parts: Any = None if item is None else item.get("ROIDisplayColor")
    if parts is None or len(parts) != 3 or not all(0 <= int(part) <= 255 for part in parts):
        return None
    red, green, blue = (int(part) for part in parts)
    return red, green, blue


FORMAT = Format(
    name="rtstruct",
    title="DICOM RT structure set",
    suffixes=SUFFIXES,
    recognises=is_rtstruct,
    read=read_rtstruct,
    has_voxels=True,
    finds_series=referred_among,
)
