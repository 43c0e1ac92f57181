from io import BytesIO

import numpy as np
from PIL import Image

from hilum.model.geometry import Geometry
from hilum.volume import Volume
from hilum.volume.crops import MARK_COLOUR, orthogonal_crops, png_bytes
from hilum.volume.windows import Window

GRID = Geometry((21, 21, 21), (2.0, 1.0, 1.0), (-10.0, -10.0, -20.0))
WINDOW = Window(0, 200)


def body() -> Volume:
    """Water with a bright ball to the left (x = 5), a dark one at the back (y = 5), a bright one up (z = 10)."""
    points = GRID.to_mm(np.stack(np.meshgrid(*map(np.arange, GRID.shape), indexing="ij"), axis=-1))
    hu = np.zeros(GRID.shape, np.int16)
    for centre, value in (((5, 0, 0), 100), ((0, 5, 0), -100), ((0, 0, 10), 50)):
        hu[np.linalg.norm(points - centre, axis=-1) <= 2] = value
    return Volume(hu, GRID)


def test_crops_lie_as_images_are_read() -> None:
    crops = orthogonal_crops(body(), (0, 0, 0), size_mm=30, window=WINDOW)
    assert {name: crop.shape for name, crop in crops.items()} == dict.fromkeys(
        ("axial", "coronal", "sagittal"), (61, 61)
    )
    middle = 30
    assert crops["axial"][middle, middle + 10] == 255  # left of the patient is on the right
    assert crops["axial"][middle + 10, middle] == 0  # the back is down
    assert crops["coronal"][middle - 20, middle] == 191  # the head is up
    assert crops["coronal"][middle, middle + 10] == 255
    assert crops["sagittal"][middle, middle + 10] == 0  # the back is on the right
    assert crops["sagittal"][middle - 20, middle] == 191
    assert all(crop[middle, middle] == 128 for crop in crops.values())


def test_outside_is_black() -> None:
    crops = orthogonal_crops(body(), (-10, -10, -20), size_mm=20, window=WINDOW)
    assert all(crop.max() == 128 and crop.min() == 0 for crop in crops.values())
    assert crops["axial"][0].max() == 0


def test_png_is_enlarged_and_marked_round_the_centre() -> None:
    grey = np.full((61, 61), 90, np.uint8)
    plain = np.asarray(Image.open(BytesIO(png_bytes(grey, scale=3, is_marked=False))))
    assert plain.shape == (183, 183)
    assert np.all(plain == 90)
    marked = np.asarray(Image.open(BytesIO(png_bytes(grey, scale=3))))
    assert marked.shape == (183, 183, 3)
    is_mark = np.all(marked == MARK_COLOUR, axis=-1)
    rows, columns = np.nonzero(is_mark)
    assert len(rows) > 40
    assert np.all((abs(rows - 91) <= 1) | (abs(columns - 91) <= 1))
    assert not is_mark[85:98, 85:98].any()
    assert np.array_equal(is_mark, is_mark[::-1]) or abs(is_mark[:91].sum() - is_mark[92:].sum()) <= 4
