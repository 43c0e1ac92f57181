import numpy as np
import pytest

from hilum.model.geometry import Geometry
from hilum.volume import Volume

GRID = Geometry((2, 3, 4), (2.5, 0.7, 0.6), (0, 0, 0))


def test_shape_and_spacing_are_those_of_the_grid() -> None:
    volume = Volume(np.zeros((2, 3, 4), np.float32), GRID)
    assert volume.shape == (2, 3, 4)
    assert volume.spacing_mm == (2.5, 0.7, 0.6)


def test_other_types_and_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="expected int16 or float32"):
        Volume(np.zeros((2, 3, 4), np.int32), GRID)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"\(2, 3, 5\) on a grid of shape \(2, 3, 4\)"):
        Volume(np.zeros((2, 3, 5), np.int16), GRID)
