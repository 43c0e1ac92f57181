"""Where the frames of SEG objects lie, and whether that is on the series they say they were drawn on."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

from hilum.check.finding import Finding, place_of
from hilum.errors import FormatError, HeaderError, NotAVolumeError
from hilum.findings.segmentation_grid import placement_in
from hilum.findings.segmentation_header import STORAGE_CLASSES, is_tiled, segmentation_header

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pydicom.dataset import Dataset

    from hilum.findings.segmentation_header import SegmentationHeader
    from hilum.model.series import Series


def planes_of(dataset: Dataset, name: str) -> SegmentationHeader | None:
    """Give the header of a segmentation with one frame a plane; None for a slide's, and for another object.

    Raises
    ------
    HeaderError
        It does not say where its frames lie; ``check`` is ``unreadable-object``.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if str(dataset.get("SOPClassUID") or "") not in STORAGE_CLASSES or is_tiled(dataset):
                return None
            header = segmentation_header(dataset, name)
        except Exception as error:  # values are decoded as they are asked for
            raise HeaderError(str(error), check="unreadable-object") from error
    planes = {(frame.position_mm, frame.sources): frame for frame in reversed(header.frames)}
    return replace(header, frames=tuple(planes.values()), segments={}, labels={})


def check_placement(
    drawn: Mapping[str, Sequence[SegmentationHeader]], sources: Mapping[str, Series], near: Iterable[Series]
) -> Iterator[Finding]:
    """Look for segmentations that lie off the series they name, or in another frame of reference.

    Parameters
    ----------
    drawn
        SeriesInstanceUID of segmentations to their planes.
    sources
        Their series, by the same UID.
    near
        The series of their studies, and those they name.
    """
    volumes = {one.uid: one for one in near if one["is_volume"] and one["instances"] is not None}
    for uid, headers in sorted(drawn.items()):
        source = sources[uid]
        found = {off for header in headers for off in _off(header, volumes)}
        for detail in sorted(found):
            yield Finding("reference-off-grid", uid, detail, place_of(source), source.participant_id)


def _off(header: SegmentationHeader, volumes: Mapping[str, Series]) -> Iterator[str]:
    """Say how a segmentation lies off the volumes that it names."""
    for uid in header.series_uids:
        if uid not in volumes:
            continue
        try:
            placement_in(header, volumes[uid])
        except FormatError as error:
            yield str(error)
        except NotAVolumeError:  # what is wrong with the series is found in the series
            continue
