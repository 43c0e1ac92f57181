from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from hilum.volume.windows import LUNG, SOFT_TISSUE, Window, apply_window, to_png


@pytest.mark.parametrize(
    ("hu", "grey"),
    [(-1000, 0), (-160, 0), (40, 128), (240, 255), (3000, 255), (-60, 64), (140, 191), (float("nan"), 0)],
)
def test_soft_tissue_window_worked_by_hand(hu: float, grey: int) -> None:
    assert apply_window(np.array([hu])).tolist() == [grey]


def test_lung_window_and_type() -> None:
    shown = apply_window(np.array([[-1350, -600], [150, -975]], np.int16), LUNG)
    assert shown.dtype == np.uint8
    assert shown.tolist() == [[0, 128], [255, 64]]


def test_window_without_width_is_refused() -> None:
    with pytest.raises(ValueError, match="positive width"):
        Window(40, 0)


def test_png_shows_the_slice_as_it_lies() -> None:
    hu = np.arange(-160, 240, 20, dtype=np.int16).reshape(4, 5)
    picture = np.asarray(Image.open(BytesIO(to_png(hu))))
    assert np.array_equal(picture, apply_window(hu, SOFT_TISSUE))
