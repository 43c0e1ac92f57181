import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from hilum.findings.segment_layers import SegmentLayers, Stroke

SHAPE = (2, 3, 4)
masks = st.lists(hnp.arrays(np.uint8, SHAPE, elements=st.integers(0, 1)), max_size=5)


def lay(segments: list[NDArray[np.uint8]]) -> SegmentLayers:
    layers = SegmentLayers(SHAPE, np.uint8)
    for label, mask in enumerate(segments, start=1):
        layers.add(label, [Stroke(index, 0, plane.ravel()) for index, plane in enumerate(mask)])
    return layers


@given(masks)
def test_each_segment_stands_in_one_layer_with_all_its_voxels(segments: list[NDArray[np.uint8]]) -> None:
    layers = lay(segments).layers
    for label, mask in enumerate(segments, start=1):
        holding = [layer for layer in layers if (layer == label).any()]
        assert len(holding) == bool(mask.any())
        assert all(np.array_equal(layer == label, mask == 1) for layer in holding)


@given(masks)
def test_overlap_is_counted_in_voxels(segments: list[NDArray[np.uint8]]) -> None:
    counts = sum(segments, np.zeros(SHAPE, np.uint8))
    assert lay(segments).overlap_count() == int((counts > 1).sum())


def test_a_layer_is_used_again_where_a_later_segment_fits() -> None:
    first, second, third = (np.zeros(SHAPE, np.uint8) for _ in range(3))
    first[0, 0, :2], second[0, 0, 1:3], third[0, 0, 3] = 1, 1, 1
    layers = lay([first, second, third]).layers
    assert [layer[0, 0].tolist() for layer in layers] == [[1, 1, 0, 3], [0, 2, 2, 0]]


def test_strokes_may_begin_anywhere() -> None:
    layers = SegmentLayers(SHAPE, np.uint16)
    layers.add(300, [Stroke(1, 5, np.array([1, 0, 1], np.uint8))])
    assert np.argwhere(layers.layers[0]).tolist() == [[1, 1, 1], [1, 1, 3]]
    assert layers.layers[0].max() == 300
    assert layers.layers[0].dtype == np.uint16


def test_no_segment_gives_one_empty_layer() -> None:
    assert [layer.tolist() for layer in SegmentLayers(SHAPE, np.uint8).layers] == [np.zeros(SHAPE).tolist()]
