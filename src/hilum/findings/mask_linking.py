"""Points of a reference standard linked to the labels of a mask, by position.

NIH's points and masks of one patient are numbered each in their own way, and there can be more of the one than of the
other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import dist
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hilum.findings.regions import Region, measure_regions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from hilum.model.findings import Lesion
    from hilum.model.masks import LabelMask

DEFAULT_DISTANCE_MM = 5.0
"""How far from a label's nearest voxel a point may lie: half the 10 mm from which a node is enlarged (RECIST 1.1)."""


@dataclass(frozen=True, slots=True)
class Link:
    """A point and the label it belongs to.

    Attributes
    ----------
    lesion
        The point, `mask_label` set.
    region
        The label, measured.
    distance_mm
        From the point to the nearest voxel centre of the label; 0 if its own voxel has the label.
    """

    lesion: Lesion
    region: Region
    distance_mm: float


@dataclass(frozen=True, slots=True)
class MaskLinks:
    """What belongs together in the points and the mask of an exam.

    Attributes
    ----------
    links
        In the order of the points; no point and no label twice.
    unmatched_lesions
        Points without a label near enough that is not another point's.
    unmatched_regions
        Labels without a point.
    """

    links: tuple[Link, ...]
    unmatched_lesions: tuple[Lesion, ...]
    unmatched_regions: tuple[Region, ...]

    @property
    def lesions(self) -> tuple[Lesion, ...]:
        """All points, the linked ones first and with their label."""
        return (*(link.lesion for link in self.links), *self.unmatched_lesions)


class _Pair(NamedTuple):
    """Point and label that can belong together, in the order in which pairs are made."""

    distance_mm: float
    from_centroid_mm: float
    point: int
    label: int


def link_to_mask(
    lesions: Sequence[Lesion], mask: LabelMask, *, max_distance_mm: float = DEFAULT_DISTANCE_MM
) -> MaskLinks:
    """Link the points of an exam to the labels of its mask, one to one, the nearest pair first.

    A point that lies in a label is at distance 0 from it; of several points in one label the one nearest to the label's
    centroid comes first.

    Parameters
    ----------
    lesions
        Points in the frame of the mask. With NIH's files read them with the mask's grid
        (``read_annotations(..., geometries={patient: mask.geometry})``), as the points of some patients lie in another.
    max_distance_mm
        From a point to the nearest voxel centre of its label; 0 links only points that lie in a label.
    """
    regions = {region.label: region for region in measure_regions(mask.labels, mask.geometry)}
    free_points, free_labels = set(range(len(lesions))), set(regions)
    links: dict[int, Link] = {}
    for pair in sorted(_pairs(lesions, mask, regions, max_distance_mm)):
        if pair.point in free_points and pair.label in free_labels:
            lesion = replace(lesions[pair.point], mask_label=pair.label)
            links[pair.point] = Link(lesion, regions[pair.label], pair.distance_mm)
            free_points.remove(pair.point)
            free_labels.remove(pair.label)
    return MaskLinks(
        tuple(links[point] for point in sorted(links)),
        tuple(lesions[point] for point in sorted(free_points)),
        tuple(regions[label] for label in sorted(free_labels)),
    )


def _pairs(
    lesions: Sequence[Lesion], mask: LabelMask, regions: dict[int, Region], max_distance_mm: float
) -> Iterator[_Pair]:
    for point, lesion in enumerate(lesions):
        for label, distance_mm in _near_labels(np.asarray(lesion.position_mm), mask, max_distance_mm).items():
            yield _Pair(distance_mm, dist(lesion.position_mm, regions[label].centroid_mm), point, label)


def _near_labels(position_mm: NDArray[np.float64], mask: LabelMask, max_distance_mm: float) -> dict[int, float]:
    """Labels within a distance of a position, and how far each is."""
    geometry = mask.geometry
    centre = geometry.to_voxels(position_mm)
    own = np.rint(centre)
    reach = max_distance_mm * np.linalg.norm(np.linalg.inv(geometry.affine[:3, :3]), axis=1)
    low = np.clip(np.ceil(np.minimum(own, centre - reach)), 0, geometry.shape).astype(int)
    high = np.clip(np.floor(np.maximum(own, centre + reach)) + 1, 0, geometry.shape).astype(int)
    box = mask.labels[tuple(slice(*ends) for ends in zip(low, high, strict=True))]
    places = np.argwhere(box)
    labels = box[tuple(places.T)]
    distances = np.linalg.norm(geometry.to_mm(places + low) - position_mm, axis=1)
    distances[np.all(places + low == own, axis=1)] = 0.0
    near: dict[int, float] = {}
    for label in np.unique(labels).tolist():
        nearest = float(distances[labels == label].min())
        if nearest <= max_distance_mm:
            near[label] = nearest
    return near
