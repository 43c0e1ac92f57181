"""Images as planes in the patient."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import SHARED_DATA, CtSeries, needs_shared_data
from hilum.errors import FormatError
from hilum.findings.image_planes import ImagePlanes
from hilum.model.instances import Instances
from hilum.model.series import Series
from hilum.volume.source import read_series

if TYPE_CHECKING:
    from pathlib import Path

CT = CtSeries(shape=(4, 10, 20), spacing_mm=(2.0, 0.5, 0.25), origin_mm=(-10.0, 20.0, -30.0))


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Series:
    folder = tmp_path_factory.mktemp("ct")
    CT.write(folder)
    return read_series(folder)


def test_the_outer_corner_of_the_first_pixel_is_the_origin_of_coordinates(series: Series) -> None:
    plane = ImagePlanes(series).of(f"{CT.series_uid}.2")
    assert plane is not None
    assert plane.to_mm([(0.5, 0.5), (0, 0), (2.5, 1.5)]).tolist() == [
        [-10.0, 20.0, -28.0],
        [-10.125, 19.75, -28.0],
        [-9.5, 20.5, -28.0],
    ]


@given(column=st.floats(0, 20), row=st.floats(0, 10), index=st.integers(0, 3))
def test_points_come_back(series: Series, column: float, row: float, index: int) -> None:
    planes = ImagePlanes(series)
    plane = planes.of(f"{CT.series_uid}.{index + 1}")
    assert plane is not None
    position = plane.to_mm([(column, row)])
    assert plane.to_points(position)[0] == pytest.approx((column, row), abs=1e-9)
    assert planes.nearest(position[0].tolist() + np.array([0, 0, 0.5])) is plane


def test_positions_agree_with_the_grid(series: Series) -> None:
    voxel = (2, 4, 7)
    position = series.geometry.to_mm(voxel).tolist()
    plane = ImagePlanes(series).nearest(position)
    assert plane.reference.sop_uid == f"{CT.series_uid}.3"
    assert plane.to_points(position)[0] == pytest.approx((7.5, 4.5))


@pytest.mark.parametrize(
    ("position", "message"),
    [
        ((-10.0, 20.0, -22.8), r"lies 1\.20 mm from the nearest image; expected at most 1\.10 mm"),
        ((-11.0, 20.0, -30.0), "lies beside the images"),
    ],
)
def test_positions_outside_are_refused(series: Series, position: tuple[float, float, float], message: str) -> None:
    with pytest.raises(FormatError, match=message):
        ImagePlanes(series).nearest(position)


def test_images_of_a_gap_are_near_enough_to_what_lies_in_it(tmp_path: Path) -> None:
    CtSeries(shape=(3, 8, 8), positions_mm=(0, 2, 10)).write(tmp_path)
    planes = ImagePlanes(read_series(tmp_path))
    assert planes.spacing_mm == 5.0
    assert planes.nearest((-99.0, -119.0, -295.0)).reference.sop_uid.endswith(".2")


def test_a_series_without_places_is_refused(tmp_path: Path) -> None:
    CtSeries(override={"ImagePositionPatient": None}).write(tmp_path)
    with pytest.raises(FormatError, match="no image of it says where it lies"):
        ImagePlanes(read_series(tmp_path))


def test_frame_one_of_a_single_image_is_the_image(series: Series) -> None:
    planes, uid = ImagePlanes(series), f"{CT.series_uid}.1"
    assert planes.of(uid, 1) is planes.of(uid)
    assert planes.of(uid, 2) is None
    assert planes.of("1.2.3") is None


@needs_shared_data
def test_slices_of_a_real_series_lie_where_its_grid_has_them() -> None:
    series = read_series(SHARED_DATA / "cmb_crc_chest")
    planes = ImagePlanes(series)
    for index in (0, 50, 99):
        position = series.geometry.to_mm((index, 100, 300)).tolist()
        plane = planes.nearest(position)
        assert plane.reference.sop_uid == series.instances.column("SOPInstanceUID")[index]
        assert plane.to_points(position)[0] == pytest.approx((300.5, 100.5), abs=1e-3)


def test_the_edge_of_an_image_belongs_to_it(series: Series) -> None:
    planes = ImagePlanes(series)
    plane = planes.of(f"{CT.series_uid}.1")
    assert plane is not None
    for corner in ((0, 0), (20, 0), (20, 10), (0, 10)):
        assert planes.nearest(plane.to_mm([corner])[0].tolist()) is plane
    with pytest.raises(FormatError, match="beside the images"):
        planes.nearest(plane.to_mm([(20.001, 5)])[0].tolist())


def test_frames_of_an_enhanced_object_are_images(series: Series) -> None:
    rows = list(series.instances)
    places = ((row["ImagePositionPatient"], row["ImageOrientationPatient"], row["PixelSpacing"]) for row in rows)
    enhanced = {**rows[0], "SOPInstanceUID": "1.2.3", "NumberOfFrames": len(rows), "frames": list(places)}
    planes = ImagePlanes(Series({**series.row, "instances": Instances.from_rows([enhanced]).pack()}))
    plane = planes.nearest(series.geometry.to_mm((2, 4, 7)).tolist())
    assert (plane.reference.sop_uid, plane.reference.frame) == ("1.2.3", 3)
    assert planes.of("1.2.3", 3) is plane
    assert planes.of("1.2.3") is planes.of("1.2.3", 1)


def test_frames_without_places_are_no_images(series: Series) -> None:
    cine = {**next(iter(series.instances)), "NumberOfFrames": 5}
    with pytest.raises(FormatError, match="no image of it says where it lies"):
        ImagePlanes(Series({**series.row, "instances": Instances.from_rows([cine]).pack()}))
