"""A row of the series table: its names, its instances and its grid."""

from __future__ import annotations

from typing import Any

import pytest

from builders import CtSeries
from hilum.errors import ArchiveError, NotAVolumeError, PixelError
from hilum.model.attributes import KEYWORDS
from hilum.model.instances import Instances
from hilum.model.series import Series


def row_of(scan: CtSeries, **change: Any) -> dict[str, Any]:
    """The catalog row of a built scan, as far as a `Series` asks it."""
    instances = Instances.from_rows(
        [
            {keyword: _plain(dataset.get(keyword)) for keyword in KEYWORDS if keyword in dataset}
            for dataset in scan.datasets()
        ]
    )
    row = {
        "PatientID": scan.participant,
        "StudyInstanceUID": scan.study_uid,
        "SeriesInstanceUID": scan.series_uid,
        "Rows": scan.shape[1],
        "Columns": scan.shape[2],
        "is_volume": True,
        "not_volume_check": None,
        "source_url": None,
        "instances": instances.pack(),
    }
    return row | change


def _plain(value: Any) -> Any:
    if isinstance(value, int | float | str):
        return value
    return tuple(float(number) if not isinstance(number, str) else number for number in value)


def test_names_what_it_belongs_to() -> None:
    series = Series(row_of(CtSeries(participant="P7", study_uid="1.2.3", series_uid="1.2.3.4")))
    assert (series.participant_id, series.study_uid, series.uid) == ("P7", "1.2.3", "1.2.3.4")
    assert series["Rows"] == 16


def test_has_the_grid_of_its_slices() -> None:
    scan = CtSeries(shape=(4, 8, 10), spacing_mm=(2.5, 0.6, 0.7), origin_mm=(-10, -20, -30))
    geometry = Series(row_of(scan)).geometry
    assert geometry.shape == (4, 8, 10)
    assert geometry.spacing_mm == pytest.approx((2.5, 0.6, 0.7))
    assert geometry.origin_mm == (-10, -20, -30)
    assert geometry.to_mm((3, 1, 2)).tolist() == pytest.approx([-10 + 1.4, -20 + 0.6, -30 + 7.5])


def test_has_the_grid_of_oblique_slices() -> None:
    scan = CtSeries(orientation=(0.8, 0.6, 0, 0, 0, -1), origin_mm=(0, 0, 0), spacing_mm=(2.0, 1.0, 1.0))
    # row x column = (-0.6, 0.8, 0): the slices advance along it by 2 mm
    assert Series(row_of(scan)).geometry.to_mm((1, 1, 1)).tolist() == pytest.approx([-1.2 + 0.8, 1.6 + 0.6, -1])


def test_that_is_no_volume_names_the_check() -> None:
    series = Series(row_of(CtSeries(), is_volume=False, not_volume_check="missing-slices"))
    with pytest.raises(NotAVolumeError, match="missing-slices") as caught:
        _ = series.geometry
    assert caught.value.check == "missing-slices"


def test_whose_state_is_not_known_has_no_grid() -> None:
    with pytest.raises(NotAVolumeError, match="not-known"):
        _ = Series(row_of(CtSeries(), is_volume=None)).geometry


def test_whose_files_are_elsewhere_says_where() -> None:
    series = Series(row_of(CtSeries(), instances=None, source_url="s3://bucket/series"))
    with pytest.raises(PixelError, match="s3://bucket/series"):
        _ = series.instances


def test_with_damaged_instances_says_what_to_do() -> None:
    with pytest.raises(ArchiveError, match="index the folder again"):
        _ = Series(row_of(CtSeries(), instances=b"not packed")).instances
