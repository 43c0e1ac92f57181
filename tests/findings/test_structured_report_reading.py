"""Structured reports of others read: highdicom, dcmqi, OHIF; and what is refused."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

import pydicom
import pytest
from hypothesis import given, settings
from pydicom.dataset import Dataset

from builders import SHARED_DATA, CtSeries, needs_shared_data
from damage import DAMAGES, damaged
from hilum.errors import FormatError
from hilum.findings import structured_report_codes as codes
from hilum.findings.image_planes import ImageReference
from hilum.findings.structured_report_document import Head, report_bytes
from hilum.findings.structured_report_items import (
    HAS_OBS_CONTEXT,
    INFERRED_FROM,
    SELECTED_FROM,
    Graphic,
    Item,
    Measured,
    Segments,
    content_dataset,
    read_item,
)
from hilum.findings.structured_report_reading import is_structured_report, read_structured_report
from hilum.model.codes import Code
from hilum.volume.source import read_series

if TYPE_CHECKING:
    from pathlib import Path

    from damage import Damage
    from hilum.findings.structured_report_items import Value
    from hilum.model.findings import FindingSet, Lesion
    from hilum.model.series import Series

CT = CtSeries(shape=(4, 40, 40), spacing_mm=(2.0, 0.5, 0.5), origin_mm=(-10.0, 20.0, -30.0))
FRAME_UID = f"{CT.study_uid}.9"
LENGTH = Code("410668003", "SCT", "Length")
CENTER = Code("111010", "DCM", "Center")
OLD_LONG, OLD_SHORT = Code("G-A185", "SRT", "Long Axis"), Code("G-A186", "SRT", "Short Axis")


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Series:
    folder = tmp_path_factory.mktemp("ct")
    CT.write(folder)
    return read_series(folder)


def scoord(kind: str, *points: tuple[float, float], name: Code | None = None, relationship: str = "CONTAINS") -> Item:
    image = ImageReference("1.2.840.10008.5.1.4.1.1.2", f"{CT.series_uid}.2")
    below = Item("IMAGE", None, image, relationship=SELECTED_FROM)
    return Item("SCOORD", name, Graphic(kind, points), (below,), relationship)


def num(name: Code, value: float, unit: str = "mm", *below: Item) -> Item:
    return Item("NUM", name, Measured(value, Code(unit, "UCUM", unit)), below)


def group(tracking_id: str, *items: Item, tracking_uid: str = "1.2.3") -> Item:
    tracking = (
        Item("TEXT", codes.TRACKING_ID, tracking_id, relationship=HAS_OBS_CONTEXT),
        Item("UIDREF", codes.TRACKING_UID, tracking_uid, relationship=HAS_OBS_CONTEXT),
    )
    return Item("CONTAINER", codes.GROUP, None, (*tracking, *items))


def read(series: Series, folder: Path, *groups: Item, target: bool = True) -> FindingSet:
    path = folder / "other.dcm"
    path.write_bytes(report_bytes(groups, series, Head("x")))
    return read_structured_report(path, series if target else None)


def one(series: Series, folder: Path, *items: Item) -> Lesion:
    found = read(series, folder, group("a", *items))
    assert found.refusals == ()
    return found.lesions[0]


class TestGraphics:
    """Points (10, 20), centres of pixels at halves, lie at x = -10 + 0.5 * (10 - 0.5), y = 20 + 0.5 * (20 - 0.5)."""

    def test_a_point(self, series: Series, tmp_path: Path) -> None:
        lesion = one(series, tmp_path, scoord("POINT", (10.5, 20.5), name=codes.IMAGE_REGION))
        assert lesion.position_mm == (-5.0, 30.0, -28.0)
        assert (lesion.short_axis_mm, lesion.long_axis_mm, lesion.diameter_mm, lesion.box_mm) == (None,) * 4

    def test_a_circle_has_a_diameter(self, series: Series, tmp_path: Path) -> None:
        lesion = one(series, tmp_path, scoord("CIRCLE", (10.5, 20.5), (16.5, 28.5)))
        assert lesion.position_mm == (-5.0, 30.0, -28.0)
        assert lesion.diameter_mm == pytest.approx(10.0)

    def test_an_ellipse_has_axes(self, series: Series, tmp_path: Path) -> None:
        ends = ((6.5, 20.5), (14.5, 20.5), (10.5, 14.5), (10.5, 26.5))
        lesion = one(series, tmp_path, scoord("ELLIPSE", *ends))
        assert lesion.long_axis_mm == pytest.approx(6.0)
        assert lesion.short_axis_mm == pytest.approx(4.0)
        assert lesion.position_mm == (-5.0, 30.0, -28.0)

    def test_a_region_has_its_area_s_centre_and_recist_axes(self, series: Series, tmp_path: Path) -> None:
        # An L of three squares with sides of 4 pixels (2 mm): its centre is the mean of theirs.
        corners = ((0, 0), (8, 0), (8, 4), (4, 4), (4, 8), (0, 8), (0, 0))
        region = scoord("POLYLINE", *((column + 10.5, row + 20.5) for column, row in corners))
        lesion = one(series, tmp_path, region)
        mean = (2 + 6 + 2) / 3
        assert lesion.position_mm == pytest.approx((-5 + mean / 2, 30 + mean / 2, -28))
        assert lesion.long_axis_mm == pytest.approx(4 * 2**0.5)
        assert lesion.short_axis_mm == pytest.approx(3 * 2**0.5)

    def test_an_upright_rectangle_is_a_box_one_slice_high(self, series: Series, tmp_path: Path) -> None:
        lesion = one(series, tmp_path, scoord("POLYLINE", (10, 20), (18, 20), (18, 24), (10, 24), (10, 20)))
        assert lesion.box_mm == pytest.approx((4.0, 2.0, 2.0))
        assert lesion.long_axis_mm is None
        assert lesion.position_mm == pytest.approx((-3.25, 30.75, -28.0))

    def test_a_line_is_a_long_axis(self, series: Series, tmp_path: Path) -> None:
        below = scoord("POLYLINE", (10.5, 20.5), (16.5, 28.5), relationship=INFERRED_FROM)
        lesion = one(series, tmp_path, num(LENGTH, 5.0, "mm", below))
        assert lesion.long_axis_mm == pytest.approx(5.0)
        assert lesion.short_axis_mm is None
        assert lesion.long_ends_mm == ((-5.0, 30.0, -28.0), (-2.0, 34.0, -28.0))

    def test_of_several_regions_the_widest_tells_the_size(self, series: Series, tmp_path: Path) -> None:
        lesion = one(
            series, tmp_path, scoord("CIRCLE", (10.5, 20.5), (12.5, 20.5)), scoord("CIRCLE", (14.5, 20.5), (20.5, 20.5))
        )
        assert lesion.diameter_mm == pytest.approx(6.0)
        assert lesion.position_mm == (-4.0, 30.0, -28.0)

    def test_points_of_the_patient_need_no_series(self, series: Series, tmp_path: Path) -> None:
        solid = Graphic("ELLIPSOID", ((0, 0, 0), (9, 0, 0), (4, 0, 0), (5, 0, 0), (4, -3, 0), (4, 4, 0)), FRAME_UID)
        found = read(series, tmp_path, group("a", Item("SCOORD3D", codes.IMAGE_REGION, solid)), target=False)
        (lesion,) = found.lesions
        assert (lesion.long_axis_mm, lesion.short_axis_mm, lesion.position_mm) == (9.0, 7.0, (4.5, 0.0, 0.0))
        assert (found.exam_id, found.series_uid, found.frame_of_reference_uid) == ("other", "", FRAME_UID)


class TestMeasurements:
    def test_stated_lengths_count_in_their_unit_and_by_former_names(self, series: Series, tmp_path: Path) -> None:
        long = scoord("POLYLINE", (6.5, 20.5), (14.5, 20.5), relationship=INFERRED_FROM)
        short = scoord("POLYLINE", (10.5, 18.5), (10.5, 22.5), relationship=INFERRED_FROM)
        lesion = one(series, tmp_path, num(OLD_LONG, 0.41, "cm", long), num(OLD_SHORT, 2.1, "mm", short))
        assert lesion.long_axis_mm == pytest.approx(4.1)
        assert lesion.short_axis_mm == 2.1
        assert lesion.short_ends_mm == ((-5.0, 29.0, -28.0), (-5.0, 31.0, -28.0))

    @pytest.mark.parametrize(("value", "unit"), [(8.0, "{pixels}"), (-1.0, "mm"), (0.0, "mm")])
    def test_lengths_that_are_none_are_not_taken(self, series: Series, tmp_path: Path, value: float, unit: str) -> None:
        assert one(series, tmp_path, num(codes.SHORT_AXIS, value, unit), scoord("POINT", (9, 9))).short_axis_mm is None

    def test_names_findings_and_sites(self, series: Series, tmp_path: Path) -> None:
        finding, site = Code("M-80003", "SRT", "Neoplasm"), Code("39607008", "SCT", "Lung")
        lesion = one(
            series, tmp_path,
            Item("CODE", codes.FINDING, finding), Item("CODE", codes.FINDING_SITE, site), scoord("POINT", (9, 9)),
        )  # fmt: skip
        assert (lesion.lesion_id, lesion.tracking_uid, lesion.label) == ("a", "1.2.3", "Neoplasm")
        assert (lesion.kind, lesion.site, lesion.source) == (finding, site, "other.dcm: group 1")

    def test_equal_names_are_told_apart(self, series: Series, tmp_path: Path) -> None:
        point = scoord("POINT", (9, 9))
        found = read(series, tmp_path, group("a", point), group("a", point), group("", point))
        assert [lesion.lesion_id for lesion in found.lesions] == ["a", "a (2)", "3"]


class TestOhif:
    """Groups as OHIF 3.13.2 exports them: no region, geometry below the first number, reader's words as comment."""

    @pytest.mark.parametrize("tag", ["Cornerstone3DTools@^0.1.0", "cornerstoneTools@^4.0.0"])
    def test_axes(self, series: Series, tmp_path: Path, tag: str) -> None:
        long = scoord("POLYLINE", (6.5, 20.5), (14.5, 20.5), relationship=INFERRED_FROM)
        short = scoord("POLYLINE", (10.5, 18.5), (10.5, 22.5), relationship=INFERRED_FROM)
        comment = Item("TEXT", codes.COMMENT, "node 4R")
        items = (num(codes.LONG_AXIS, 4, "mm", long), num(codes.SHORT_AXIS, 2, "mm", short), comment)
        (lesion,) = read(series, tmp_path, group(f"{tag}:Bidirectional", *items)).lesions
        assert (lesion.lesion_id, lesion.label, lesion.long_axis_mm, lesion.short_axis_mm) == ("1", "node 4R", 4, 2)
        assert lesion.position_mm == (-5.0, 30.0, -28.0)

    def test_probe_and_arrow(self, series: Series, tmp_path: Path) -> None:
        point = scoord("POINT", (10.5, 20.5), relationship=INFERRED_FROM)
        arrow = scoord("POLYLINE", (10.5, 20.5), (16.5, 28.5), relationship=INFERRED_FROM)
        said = Item("CODE", codes.FINDING, Code("CORNERSTONEFREETEXT", "CORNERSTONEJS", "look"))
        found = read(
            series, tmp_path,
            group("Cornerstone3DTools@^0.1.0:Probe", num(CENTER, 0, "1", point)),
            group("Cornerstone3DTools@^0.1.0:ArrowAnnotate", said, num(CENTER, 0, "1", arrow)),
        )  # fmt: skip
        assert [lesion.position_mm for lesion in found.lesions] == [(-5.0, 30.0, -28.0)] * 2
        assert [(lesion.label, lesion.kind, lesion.long_axis_mm) for lesion in found.lesions] == [
            ("", None, None),
            ("look", None, None),
        ]

    def test_coordinates_of_labels_are_passed_over(self, series: Series, tmp_path: Path) -> None:
        lesion = one(
            series, tmp_path, scoord("POINT", (30, 30), name=codes.TEXT_POSITION), scoord("POINT", (10.5, 20.5))
        )
        assert lesion.position_mm == (-5.0, 30.0, -28.0)


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("items", "reason"),
        [
            ((), "no place: it holds TEXT 'Tracking Identifier', UIDREF 'Tracking Unique Identifier'; expected coord"),
            ((scoord("MULTIPOINT", (1, 1), (2, 2)),), "a MULTIPOINT of 2 points; expected a POINT, a CIRCLE of 2"),
            ((scoord("CIRCLE", (1, 1)),), "a CIRCLE of 1 points"),
            ((scoord("POINT", (float("nan"), 1)),), "no finite numbers"),
            ((Item("SCOORD", None, Graphic("POINT", ((1, 1),))),), "points of an image that it does not name"),
            ((Item("SCOORD", None),), "SCOORD without coordinates"),
            ((Item("TEXT", codes.POSITION, "1, 2"), scoord("POINT", (1, 1))), "'1, 2'; expected x, y, z"),
            ((Item("TEXT", codes.POSITION, "1, 2, 3"), scoord("POINT", (1, 1))), "mm from the position it states"),
            ((Item("SCOORD3D", None, Graphic("POINT", ((1, 1, 1),), "9.9")),), "its frame of reference is 9.9"),
        ],
    )
    def test_a_group_without_place_is_refused_and_the_others_kept(
        self, series: Series, tmp_path: Path, items: tuple[Item, ...], reason: str
    ) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom's word on what is not finite
            found = read(series, tmp_path, group("bad", *items), group("good", scoord("POINT", (9, 9))))
            assert [lesion.lesion_id for lesion in found.lesions] == ["good"]
            (refusal,) = found.refusals
            assert (refusal.item, refusal.check) == ("other.dcm: group 1", "unreadable-group")
            assert reason in refusal.reason
            with pytest.raises(FormatError, match=r"none of 1 measurement groups can be read; other\.dcm: group 1: "):
                read(series, tmp_path, group("bad", *items))

    def test_a_reference_to_a_segment_names_it(self, series: Series, tmp_path: Path) -> None:
        dataset = content_dataset(group("a", Item("IMAGE", Code("121191", "DCM", "Referenced Segment"), None)))
        reference = Dataset()
        reference.ReferencedSOPInstanceUID, reference.ReferencedSegmentNumber = "1.2.7", [3, 4]
        dataset.ContentSequence[2].ReferencedSOPSequence = [reference]
        assert read_item(dataset).children[2].value == Segments("1.2.7", (3, 4))

    def test_an_image_of_another_series(self, series: Series, tmp_path: Path) -> None:
        path = tmp_path / "other.dcm"
        path.write_bytes(report_bytes([group("a", scoord("POINT", (1, 1)))], series, Head("x")))
        replace(CT, series_uid="1.2.9").write(tmp_path / "ct")
        with pytest.raises(FormatError, match=rf"drawn on image {CT.series_uid}\.2, which series 1\.2\.9 has not"):
            read_structured_report(path, read_series(tmp_path / "ct"))
        with pytest.raises(FormatError, match="name the series it belongs to"):
            read_structured_report(path, None)

    def test_items_too_deep_in_each_other(self, series: Series, tmp_path: Path) -> None:
        item = scoord("POINT", (9, 9))
        for _ in range(60):
            item = Item("CONTAINER", None, None, (item,))
        found = read(series, tmp_path, group("deep", item), group("good", scoord("POINT", (9, 9))))
        assert [refusal.reason for refusal in found.refusals] == [
            "content items stand more than 40 deep in each other; expected a report of a few"
        ]

    def test_other_items_among_the_groups(self, series: Series, tmp_path: Path) -> None:
        found = read(series, tmp_path, num(codes.VOLUME, 3.0), group("good", scoord("POINT", (9, 9))))
        assert [refusal.reason for refusal in found.refusals] == [
            "NUM 'Volume' among the measurements; expected 'Measurement Group'"
        ]

    @pytest.mark.parametrize("value", [None, "text"])
    def test_a_number_without_value_is_none(self, value: Value) -> None:
        dataset = content_dataset(Item("NUM", codes.SHORT_AXIS))
        if value:
            dataset.MeasuredValueSequence = [Dataset()]
        assert read_item(dataset).value is None


@given(damage=DAMAGES)
@settings(max_examples=60, deadline=None)
def test_damaged_bytes_are_read_or_refused(
    series: Series, tmp_path_factory: pytest.TempPathFactory, damage: Damage
) -> None:
    path = tmp_path_factory.mktemp("damaged") / "sr"
    point = scoord("POINT", (9, 9), relationship=INFERRED_FROM)
    groups = [group("a", num(codes.SHORT_AXIS, 5.0, "mm", point)), group("b", scoord("CIRCLE", (9, 9), (12, 9)))]
    path.write_bytes(damaged(report_bytes(groups, series, Head("x")), damage))
    try:
        found = read_structured_report(path, series)
    except FormatError as error:
        assert str(path) in str(error)  # noqa: PT017
    else:
        # A damaged length parts a group into several: what is none is refused, but nothing is found that was not sent.
        assert len(found.lesions) + len(found.marks) <= 2


@needs_shared_data
class TestRealReports:
    def test_highdicom_s(self) -> None:
        folder = SHARED_DATA / "seg_sr_highdicom"
        series = read_series(folder / "ct_image.dcm")
        (lesion,) = read_structured_report(folder / "sr_document.dcm", series).lesions
        assert (lesion.lesion_id, lesion.label) == ("Planar ROI Measurements", "Spinal cord")
        found = read_structured_report(folder / "sr_document_with_multiple_groups.dcm", series)
        assert [(one.lesion_id, one.label, one.diameter_mm) for one in found.lesions] == [
            ("LungNodule0001", "Nodule", 10.0),
            ("Aorta0001", "Aorta", 20.0),
            ("Vertebra0001", "Vertebra", None),
        ]
        assert found.lesions[2].position_mm == pytest.approx((123.5, 234.1, -23.7))
        (refusal,) = found.refusals
        assert "NUM 'Intensity Histogram Mean'" in refusal.reason

    def test_highdicom_s_circle_lies_where_its_pixels_are(self) -> None:
        folder = SHARED_DATA / "seg_sr_highdicom"
        image, report = (pydicom.dcmread(folder / name) for name in ("ct_image.dcm", "sr_document.dcm"))
        (lesion,) = read_structured_report(folder / "sr_document.dcm", read_series(folder / "ct_image.dcm")).lesions
        (group,) = report.ContentSequence[-1].ContentSequence
        region = next(item for item in group.ContentSequence if item.ValueType == "SCOORD")
        assert region.ContentSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID == image.SOPInstanceUID
        column, row = region.GraphicData[:2]
        left, back, up = image.ImagePositionPatient
        assert image.ImageOrientationPatient == [1, 0, 0, 0, 1, 0]
        expected = (left + (column - 0.5) * image.PixelSpacing[1], back + (row - 0.5) * image.PixelSpacing[0], up)
        assert lesion.position_mm == pytest.approx([float(value) for value in expected])

    def test_dcmqi_s_refers_to_a_segmentation(self) -> None:
        folder = SHARED_DATA / "seg_sr_dcmqi" / "sr-example"
        uid = pydicom.dcmread(folder / "seg.dcm", stop_before_pixels=True).SOPInstanceUID
        with pytest.raises(FormatError, match=f"its place is segment 1 of segmentation {uid}"):
            read_structured_report(folder / "sr.dcm", None)

    @pytest.mark.parametrize("name", ["test-SR.dcm", "reportsi.dcm"])
    def test_reports_of_other_templates(self, name: str) -> None:
        path = SHARED_DATA / "pydicom_samples" / name
        assert is_structured_report(path, path.read_bytes()[:4096])
        with pytest.raises(FormatError, match=r"of no template; expected TID 1500, 'Imaging Measurement Report'"):
            read_structured_report(path, None)

    def test_other_objects(self) -> None:
        path = SHARED_DATA / "pydicom_samples" / "CT_small.dcm"
        assert not is_structured_report(path, path.read_bytes()[:4096])
        with pytest.raises(FormatError, match=r"SOP class 1\.2\.840\.10008\.5\.1\.4\.1\.1\.2; expected a structured"):
            read_structured_report(path, None)
