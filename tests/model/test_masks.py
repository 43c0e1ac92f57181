"""Label masks: what is at a place, in one array of labels or in several."""

import numpy as np
import pytest

from hilum.model.codes import Code
from hilum.model.geometry import Geometry
from hilum.model.masks import LabelMask, Segment

GRID = Geometry((2, 3, 4), (2.0, 1.0, 0.5), (0.0, 0.0, 0.0))


def layer(**voxels: tuple[int, int, int]) -> np.ndarray:
    labels = np.zeros(GRID.shape, np.uint8)
    for name, voxel in voxels.items():
        labels[voxel] = int(name[1:])
    return labels


def test_overlapping_labels_are_all_there() -> None:
    mask = LabelMask(layer(v1=(0, 0, 0), v2=(1, 2, 3)), GRID, overlaid=(layer(v5=(0, 0, 0)),))
    places = GRID.to_mm([(0, 0, 0), (0, 0, 0), (0, 0, 0), (1, 2, 3), (1, 0, 0)])
    assert mask.present == {1, 2, 5}
    assert mask.covers(places, [1, 5, 2, 2, 5]).tolist() == [True, True, False, True, False]
    assert mask.at(places).tolist() == [1, 1, 1, 2, 0]


def test_places_outside_are_of_no_label() -> None:
    mask = LabelMask(layer(v1=(0, 0, 0)), GRID)
    assert mask.covers([(-0.26, 0, 0), (-0.24, 0, 0)], [1, 1]).tolist() == [False, True]
    assert not mask.covers(np.empty((0, 3)), []).size


def test_every_array_must_fit_the_grid_and_hold_whole_numbers() -> None:
    with pytest.raises(ValueError, match=r"mask of shape \(1, 1, 1\): its geometry has \(2, 3, 4\)"):
        LabelMask(layer(), GRID, overlaid=(np.zeros((1, 1, 1), np.uint8),))
    with pytest.raises(ValueError, match="mask of float64: expected whole numbers"):
        LabelMask(layer(), GRID, overlaid=(np.zeros(GRID.shape),))  # type: ignore[arg-type]


def test_a_colour_has_three_parts_of_a_byte() -> None:
    with pytest.raises(ValueError, match=r"colour \(0, 0, 256\) of segment 'a'"):
        Segment("a", (0, 0, 256))


def test_codes_are_equal_whatever_they_are_called() -> None:
    assert Code("59441001", "SCT", "Lymph node") == Code("59441001", "SCT", "Node, lymphatic")
    assert Code("59441001", "SCT", "Lymph node") != Code("59441001", "99X", "Lymph node")
    assert len({Code("1", "SCT", "a"), Code("1", "SCT", "b")}) == 1
