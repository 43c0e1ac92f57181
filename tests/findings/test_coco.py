"""COCO's boxes on the slices of a series."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from builders import CtSeries
from hilum.errors import FormatError
from hilum.findings.formats import read_findings
from hilum.model.findings import Mark
from hilum.volume.source import read_series

if TYPE_CHECKING:
    from pathlib import Path

    from hilum.model.series import Series

CT = CtSeries(shape=(6, 16, 20), spacing_mm=(2.5, 0.75, 0.5), origin_mm=(-10.0, 20.0, -30.0))
NAMES = [f"1-{number:03d}.dcm" for number in (4, 6, 1, 2, 5, 3)]
"""Names of the files, in another order than the slices."""


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Series:
    folder = tmp_path_factory.mktemp("ct")
    CT.write(folder, names=NAMES)
    return read_series(folder)


def coco(path: Path, image: dict[str, Any], *annotations: dict[str, Any]) -> Path:
    tree = {
        "images": [{"id": 1, "width": 20, "height": 16, **image}],
        "annotations": [{"id": number, "image_id": 1, **one} for number, one in enumerate(annotations, start=11)],
        "categories": [{"id": 3, "name": "lymph node"}],
    }
    path.write_text(json.dumps(tree))
    return path


@pytest.mark.parametrize(
    "image",
    [
        {"file_name": "1-002.dcm"},
        {"file_name": "png/1-002.png"},
        {"file_name": f"{CT.series_uid}.4.dcm"},
        {"SOPInstanceUID": f"{CT.series_uid}.4", "file_name": "other.png"},
    ],
)
def test_a_box_lies_on_the_slice_of_its_image(target: Series, tmp_path: Path, image: dict[str, Any]) -> None:
    # Columns 4 to 7 and rows 2 and 3 of slice 3: pixels of 0.5 x 0.75 mm, slices of 2.5 mm.
    path = coco(tmp_path / "a.json", image, {"bbox": [4, 2, 4, 2], "category_id": 3})
    (lesion,) = read_findings(path, target).lesions
    assert lesion.position_mm == pytest.approx((-10 + 5.5 * 0.5, 20 + 2.5 * 0.75, -30 + 3 * 2.5))
    assert lesion.box_mm == pytest.approx((2.0, 1.5, 2.5))
    assert (lesion.lesion_id, lesion.label, lesion.exam_id, lesion.series_uid) == (
        "11",
        "lymph node",
        target.uid,
        target.uid,
    )


def test_scored_boxes_are_marks_and_crowds_excluded_findings(target: Series, tmp_path: Path) -> None:
    boxes = (
        {"bbox": [0, 0, 1, 1], "score": 0.5},
        {"bbox": [0, 0, 1, 1], "iscrowd": 1},
        {"bbox": [0, 0, 1, 1], "iscrowd": 0},
    )
    found = read_findings(coco(tmp_path / "a.json", {"file_name": "1-004.dcm"}, *boxes), target)
    assert found.marks == (Mark(target.uid, (-10, 20, -30), 0.5, target.uid, box_mm=(0.5, 0.75, 2.5)),)
    assert [lesion.is_excluded for lesion in found.lesions] == [True, False]


def test_boxes_of_other_series_are_refused_and_counted(target: Series, tmp_path: Path) -> None:
    found = read_findings(coco(tmp_path / "a.json", {"file_name": "9-999.dcm"}, {"bbox": [0, 0, 1, 1]}), target)
    assert found.lesions == ()
    (refusal,) = found.refusals
    assert "image '9-999.dcm' is no instance of series" in refusal.reason


@pytest.mark.parametrize(
    ("image", "box", "message"),
    [
        ({}, {"bbox": [0, 0, 0, 1]}, "a box of 0 x 1 pixels"),
        ({}, {"bbox": [0, 0, 1]}, "expected 4 numbers"),
        ({}, {"bbox": [0, 0, 1, None]}, "expected a finite number"),
        ({}, {}, "bbox: absent"),
        ({"width": 512}, {"bbox": [0, 0, 1, 1]}, "width 512, the series has 20"),
        ({}, {"bbox": [0, 0, 1, 1], "image_id": 5}, "image_id 5 is not among the images"),
        ({}, {"bbox": [400, 0, 1, 1]}, r"outside the volume .* by up to 190\.25 mm"),
    ],
)
def test_malformed_boxes_are_refused(
    target: Series, tmp_path: Path, image: dict[str, Any], box: dict[str, Any], message: str
) -> None:
    with pytest.raises(FormatError, match=message):
        read_findings(coco(tmp_path / "a.json", {"file_name": "1-004.dcm", **image}, box), target)


def test_boxes_need_their_series_and_upright_slices(tmp_path: Path) -> None:
    path = coco(tmp_path / "a.json", {"file_name": "1-001.dcm"}, {"bbox": [0, 0, 1, 1]})
    with pytest.raises(FormatError, match="pixels of images; name the series it belongs to"):
        read_findings(path)
    CtSeries(shape=(3, 4, 4), orientation=(0.8, 0.6, 0, -0.6, 0.8, 0)).write(tmp_path / "ct")
    with pytest.raises(FormatError, match="slices of the series are oblique"):
        read_findings(path, read_series(tmp_path / "ct"))
