from __future__ import annotations

from typing import Any

import pytest

from hilum.findings.excluding import exclude_in_same_scan
from hilum.model.findings import Lesion
from hilum.model.instances import Instances
from hilum.model.series import Series


def lesion(exam: str, name: str, size: float | None = 12.0) -> Lesion:
    return Lesion(exam, name, (1.0, 2.0, 3.0), short_axis_mm=size, series_uid=exam)


def series(uid: str, participant: str, *, x: float = 0.0) -> Series:
    """Five slices of 8 by 8 pixels."""
    rows: list[dict[str, Any]] = [
        {
            "ImagePositionPatient": (x, 0.0, 2.0 * index),
            "ImageOrientationPatient": (1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
            "PixelSpacing": (1.0, 1.0),
        }
        for index in range(5)
    ]
    packed = Instances.from_rows(rows).pack()
    row = {"SeriesInstanceUID": uid, "PatientID": participant, "is_volume": True, "Rows": 8, "Columns": 8}
    return Series({**row, "instances": packed})


def test_nodes_of_the_other_half_are_excluded_findings() -> None:
    lesions = [lesion("1.1", "1"), lesion("1.2", "1"), lesion("1.2", "2")]
    both = [series("1.1", "MED_LYMPH_002"), series("1.2", "ABD_LYMPH_001")]
    found = exclude_in_same_scan(lesions, both, {"1.1": "p", "1.2": "p"})
    assert found[:3] == lesions
    assert [(one.exam_id, one.series_uid, one.lesion_id, one.is_excluded) for one in found[3:]] == [
        ("1.1", "1.1", "ABD_LYMPH_001/1", True),
        ("1.1", "1.1", "ABD_LYMPH_001/2", True),
        ("1.2", "1.2", "MED_LYMPH_002/1", True),
    ]


@pytest.mark.parametrize(("x", "person"), [(5.0, "p"), (0.0, "q")])
def test_another_grid_or_another_person_is_another_scan(x: float, person: str) -> None:
    lesions = [lesion("1.1", "1"), lesion("1.2", "1")]
    both = [series("1.1", "A"), series("1.2", "B", x=x)]
    assert exclude_in_same_scan(lesions, both, {"1.1": "p", "1.2": person}) == lesions
