"""3D Slicer segmentations (``.seg.nrrd``): labels with names, colours and terminology, overlapping ones included.

References
----------
3D Slicer, "Segmentations", section "Segmentation file format":
https://slicer.readthedocs.io/en/latest/developer_guide/modules/segmentations.html. ``Segment<n>_LabelValue`` and
``Segment<n>_Layer`` say which voxels are a segment's; a file may be cut to the box its segments fill.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from hilum.errors import FormatError
from hilum.findings.format import DESCRIPTIONS, Format, exam_of
from hilum.findings.masks import axial_mask, described, place_on_grid, whole_labels
from hilum.findings.segment_colours import palette_colour
from hilum.findings.slicer_terms import terms_of, terms_text
from hilum.model.findings import FindingSet
from hilum.model.masks import LabelMask, Segment
from hilum.volume.nrrd import read_header, read_layers
from hilum.volume.nrrd_writing import write_nrrd

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from hilum.model.series import Series

SUFFIXES = (".seg.nrrd",)

DESCRIBED = (b"Segment0_", b"Segmentation_")
"""What the header of a segmentation holds and that of a plain mask does not; one without segments has the second."""

LARGEST_COLOUR = 255

_KEY = re.compile(r"Segment(\d+)_(\w+)")


def read_segmentation(path: Path) -> LabelMask:
    """Labels and segments of a file, slices up, rows back and columns left.

    Label values stay as they are; where two segments of different layers share one, all are numbered anew in the
    file's order.

    Raises
    ------
    FormatError
        The file is malformed, or a segment has no label value or a layer that is not there.
    """
    header = read_header(path)
    layers, geometry = read_layers(header)
    described = list(_described(path, header.pairs, len(layers)))
    layers = whole_labels(layers, path)
    values = [value for value, _, _ in described]
    if len(layers) > 1:
        _check_all_described(path, layers, described)
    if len(set(values)) < len(values):
        layers = _renumbered(layers, described)
        values = list(range(1, len(values) + 1))
    segments = {value: segment for value, (_, _, segment) in zip(values, described, strict=True)}
    return axial_mask(list(layers), geometry, segments)


def write_segmentation(path: Path, mask: LabelMask) -> None:
    """Write a mask as 3D Slicer does; labels without a description get one of their number."""
    dtype = np.min_scalar_type(max(mask.present, default=1))
    layers = np.stack([layer.astype(dtype, copy=False) for layer in mask.layers])
    write_nrrd(path, layers, mask.geometry, {**_ABOUT, **_pairs(mask)})


_ABOUT = {
    "Segmentation_MasterRepresentation": "Binary labelmap",
    "Segmentation_ContainedRepresentationNames": "Binary labelmap|",
    "Segmentation_ReferenceImageExtentOffset": "0 0 0",
}


def _read(path: Path, target: Series | None) -> FindingSet:
    mask = read_segmentation(path)
    if target is not None:
        mask = place_on_grid(mask, target.geometry, str(path))
    return FindingSet(exam_of(path, target, SUFFIXES), "" if target is None else target.uid, mask=mask)


def _write(path: Path, findings: FindingSet, _target: Series | None) -> None:
    if findings.mask is None:
        raise ValueError("findings without a mask; expected voxels")
    write_segmentation(path, described(findings.mask, findings.lesions))


def _recognises(_path: Path, start: bytes) -> bool:
    return start.startswith(b"NRRD") and any(words in start for words in DESCRIBED)


FORMAT = Format(
    "seg.nrrd",
    "3D Slicer segmentation",
    SUFFIXES,
    _recognises,
    _read,
    _write,
    has_voxels=True,
    keeps=DESCRIPTIONS,
)


def _described(path: Path, pairs: Mapping[str, str], layer_count: int) -> Iterator[tuple[int, int, Segment]]:
    """Label value, layer and description of each segment, by their number in the header."""
    found: dict[int, dict[str, str]] = {}
    for key, value in pairs.items():
        if match := _KEY.fullmatch(key):
            found.setdefault(int(match[1]), {})[match[2]] = value
    for number, said in sorted(found.items()):
        where = f"{path}: segment {number}"
        label, layer = _count(said, "LabelValue", where), _count(said, "Layer", where, "0")
        if label < 1 or layer >= layer_count:
            raise FormatError(f"{where}: label {label}, layer {layer} of {layer_count}; expected a label from 1 in one")
        yield label, layer, _segment(said, where, label)


def _count(said: Mapping[str, str], name: str, where: str, default: str = "") -> int:
    text = said.get(name, default)
    if not text.strip().isdecimal():
        raise FormatError(f"{where}: {name} {text!r}; expected a whole number from 0")
    return int(text)


def _segment(said: Mapping[str, str], where: str, value: int) -> Segment:
    try:
        parts = [round(float(part) * LARGEST_COLOUR) for part in said["Color"].split()] if "Color" in said else None
        colour = None if parts is None else (parts[0], parts[1], parts[2])
        return Segment(said.get("Name", str(value)), colour, **terms_of(said.get("Tags", "")))
    except (ValueError, IndexError, OverflowError) as error:
        raise FormatError(f"{where}: colour {said.get('Color')!r}; expected three parts from 0 to 1") from error


def _check_all_described(path: Path, layers: NDArray[Any], described: list[tuple[int, int, Segment]]) -> None:
    """Refuse labels of no segment: in several layers it is not known which of them are one thing."""
    known = {(layer, value) for value, layer, _ in described}
    for number, layer in enumerate(layers):
        if strange := [int(value) for value in np.unique(layer) if value and (number, int(value)) not in known]:
            raise FormatError(
                f"{path}: layer {number} has label {strange[0]}, which no segment describes; expected one"
            )


def _renumbered(layers: NDArray[Any], described: list[tuple[int, int, Segment]]) -> NDArray[Any]:
    """Layers with the segments numbered from 1 in the order of the header."""
    numbered = np.zeros(layers.shape, np.min_scalar_type(len(described)))
    for number, (value, layer, _) in enumerate(described, start=1):
        numbered[layer][layers[layer] == value] = number
    return numbered


def _pairs(mask: LabelMask) -> dict[str, str]:
    """Description of each label as 3D Slicer keeps it."""
    lines: dict[str, str] = {}
    layer_of = {int(label): number for number, layer in enumerate(mask.layers) for label in np.unique(layer) if label}
    for number, label in enumerate(sorted(layer_of)):
        segment = mask.segments.get(label, Segment(str(label)))
        about = {
            "ID": f"Segment_{label}",
            "Name": segment.name,
            "NameAutoGenerated": "0",
            "Color": " ".join(f"{part / LARGEST_COLOUR:.6g}" for part in segment.colour or palette_colour(number + 1)),
            "ColorAutoGenerated": str(int(segment.colour is None)),
            "LabelValue": str(label),
            "Layer": str(layer_of[label]),
            "Extent": _extent(mask.layers[layer_of[label]] == label),
            "Tags": terms_text(segment),
        }
        lines.update({f"Segment{number}_{key}": value for key, value in about.items()})
    return lines


def _extent(is_label: NDArray[np.bool_]) -> str:
    """First and last column, row and slice of a label."""
    ends = [np.flatnonzero(is_label.any(axis=others))[[0, -1]] for others in ((0, 1), (0, 2), (1, 2))]
    return " ".join(str(end) for pair in ends for end in pair.tolist())
