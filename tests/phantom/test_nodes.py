from __future__ import annotations

import numpy as np

from hilum.phantom.canvas import Canvas
from hilum.phantom.draws import Draws
from hilum.phantom.nodes import label_map, place_nodes
from hilum.phantom.shapes import Column
from hilum.phantom.sites import Station

STATION = [Station("beside the vessel", (14.0, 0.0, 60.0), 8.0), Station("beyond it", (-14.0, 0.0, 60.0), 8.0)]


def canvas_of_fat(*, vessel: bool = True) -> Canvas:
    canvas = Canvas((60, 60, 60), (2.0, 2.0, 2.0), (-60.0, -60.0, 0.0))
    canvas.hu[:] = -100.0
    if vessel:
        canvas.paint(Column((0.0, 0.0), [(-50.0, 6.0, 6.0), (200.0, 6.0, 6.0)]), 160.0)
    return canvas


def test_nodes_have_the_axes_they_state() -> None:
    canvas = canvas_of_fat()
    nodes = place_nodes(canvas, STATION, Draws(4), large=1, small=2, hidden=1)
    assert [node.short_axis_mm >= 10 for node in nodes] == [True, False, False, False]
    assert [node.is_annotated for node in nodes] == [True, True, True, False]
    for node in nodes:
        assert node.short_axis_mm == round(2 * min(node.body.radii[:2]), 2)
        assert node.short_axis_mm <= node.long_axis_mm <= 1.6 * node.short_axis_mm
        slice_, row, column = node.index
        assert node.body.centre == (-60.0 + 2 * column, -60.0 + 2 * row, 2.0 * slice_)


def test_nodes_lie_in_fat_beside_a_vessel_and_apart() -> None:
    before = canvas_of_fat()
    canvas = canvas_of_fat()
    nodes = place_nodes(canvas, STATION, Draws(8), large=2, small=2)
    labels = label_map(canvas, nodes, [3, 1, 4, 2][: len(nodes)])
    assert len(nodes) >= 3
    for node, label in zip(nodes, [3, 1, 4, 2], strict=False):
        place = labels == label
        volume_mm3 = 8.0 * np.count_nonzero(place)
        assert volume_mm3 > 0.5 * node.short_axis_mm**3 * 0.52
        assert np.mean(before.hu[place] < -60) > 0.7


def test_without_a_vessel_or_without_fat_no_node_finds_a_place() -> None:
    assert place_nodes(canvas_of_fat(vessel=False), STATION, Draws(4), large=1, small=1) == []
    canvas = canvas_of_fat()
    canvas.hu[:] = 50.0
    assert place_nodes(canvas, STATION, Draws(4), large=1, small=1) == []
