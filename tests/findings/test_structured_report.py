"""Structured reports written: valid, the same each time, and shown by OHIF."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import highdicom
import numpy as np
import pydicom
import pytest

from builders import SHARED_DATA, CtSeries, dicom_errors, needs_shared_data
from findings.ohif import OhifMeasurement, ohif_measurements
from hilum.errors import FormatError, PixelError
from hilum.findings.anatomy import LYMPH_NODE
from hilum.findings.image_planes import ImagePlanes
from hilum.findings.structured_report import FORMAT, write_structured_report
from hilum.findings.structured_report_document import Head, report_bytes
from hilum.findings.structured_report_groups import Algorithm, mark_group
from hilum.findings.structured_report_reading import read_structured_report
from hilum.model.codes import Code
from hilum.model.findings import FindingSet, Lesion, Mark
from hilum.model.series import Series
from hilum.volume.source import read_series
from viewer_example import ViewerExample, write_viewer_example

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> ViewerExample:
    return write_viewer_example(tmp_path_factory.mktemp("example"))


@pytest.fixture(scope="module")
def shown(example: ViewerExample) -> list[OhifMeasurement]:
    return ohif_measurements(pydicom.dcmread(example.lesions))


def sent(series: Series, *findings: Lesion | Mark) -> FindingSet:
    lesions = tuple(one for one in findings if isinstance(one, Lesion))
    marks = tuple(one for one in findings if isinstance(one, Mark))
    return FindingSet(series.uid, series.uid, lesions=lesions, marks=marks)


def lesion_at(series: Series, voxel: tuple[float, ...], **values: Any) -> Lesion:
    x, y, z = series.geometry.to_mm(voxel).tolist()
    return Lesion(series.uid, "7", (x, y, z), series_uid=series.uid, **values)


class TestWhatIsWritten:
    def test_dciodvfy_finds_no_error(self, example: ViewerExample) -> None:
        assert dicom_errors(example.lesions) == dicom_errors(example.marks) == []

    def test_highdicom_reads_it(self, example: ViewerExample) -> None:
        content: Any = highdicom.sr.srread(example.lesions).content
        groups = content.get_planar_roi_measurement_groups()
        assert [group.tracking_identifier for group in groups] == [
            "Cornerstone3DTools@^0.1.0:Probe:3",
            "Cornerstone3DTools@^0.1.0:RectangleROI:4",
        ]
        assert len(content.get_image_measurement_groups()) == 2
        assert groups[0].get_measurements()[0].value == 9.0

    def test_a_repeat_gives_the_same_bytes_and_other_findings_other_uids(
        self, example: ViewerExample, tmp_path: Path
    ) -> None:
        write_structured_report(tmp_path / "again", example.findings, example.series)
        assert (tmp_path / "again").read_bytes() == example.lesions.read_bytes()
        lesions = example.findings.lesions
        other = replace(example.findings, lesions=(*lesions[:3], replace(lesions[3], label="other")))
        write_structured_report(tmp_path / "other", other, example.series)
        headers = [pydicom.dcmread(path) for path in (example.lesions, tmp_path / "other")]
        assert len({str(header[name].value) for header in headers for name in ("0020000E", "00080018")}) == 4

    def test_it_belongs_to_the_study_and_names_the_images_it_lies_on(self, example: ViewerExample) -> None:
        report = pydicom.dcmread(example.lesions)
        source = pydicom.dcmread(example.ct / "000000.dcm")
        for keyword in ("PatientID", "PatientName", "StudyInstanceUID", "StudyDate", "StudyTime", "StudyID"):
            assert report[keyword].value == source[keyword].value
        assert (report.ContentDate, report.ContentTime) == ("20000102", "101112")
        (study,) = report.CurrentRequestedProcedureEvidenceSequence
        (images,) = study.ReferencedSeriesSequence
        assert images.SeriesInstanceUID == example.series.uid
        named = {reference.ReferencedSOPInstanceUID for reference in images.ReferencedSOPSequence}
        assert named == {f"{example.series.uid}.{number}" for number in (13, 9, 17, 6)}

    def test_volumes_of_the_mask_are_stated(self, example: ViewerExample, shown: list[OhifMeasurement]) -> None:
        assert example.findings.mask is not None
        voxel_mm3 = 2.5 * 0.8 * 0.8
        for number, one in enumerate(shown[:2], start=1):
            count = int(np.sum(example.findings.mask.labels == number))
            assert one.numbers["Volume"] == pytest.approx(count * voxel_mm3)

    def test_names_beyond_ascii_survive(self, tmp_path: Path) -> None:
        folder = tmp_path / "ct"
        CtSeries(override={"PatientName": "Größe^Zoë", "SpecificCharacterSet": "ISO_IR 100"}).write(folder)
        series = read_series(folder)
        write_structured_report(tmp_path / "sr", sent(series, lesion_at(series, (1, 2, 3), label="Käse")), series)
        report = pydicom.dcmread(tmp_path / "sr")
        assert report.PatientName == "Größe^Zoë"
        assert dicom_errors(tmp_path / "sr") == []
        assert read_structured_report(tmp_path / "sr", series).lesions[0].label == "Käse"

    def test_no_findings_are_a_valid_report(self, example: ViewerExample, tmp_path: Path) -> None:
        write_structured_report(tmp_path / "sr", sent(example.series), example.series)
        assert dicom_errors(tmp_path / "sr") == []
        assert read_structured_report(tmp_path / "sr", example.series).lesions == ()

    def test_it_needs_the_series_and_its_files(self, example: ViewerExample, tmp_path: Path) -> None:
        with pytest.raises(FormatError, match="name the series it belongs to"):
            write_structured_report(tmp_path / "sr", example.findings, None)
        absent = Series({**example.series.row, "instances": None})
        with pytest.raises(PixelError, match="not here"):
            write_structured_report(tmp_path / "sr", example.findings, absent)
        outside = lesion_at(example.series, (-3, 2, 3))
        with pytest.raises(FormatError, match=r"7\.50 mm from the nearest image"):
            write_structured_report(tmp_path / "sr", sent(example.series, outside), example.series)
        assert not list(tmp_path.iterdir())

    def test_its_name_is_sr_dcm(self) -> None:
        assert FORMAT.suffixes == (".sr.dcm",)


class TestWhatOhifShows:
    def test_tools_labels_and_sites(self, shown: list[OhifMeasurement]) -> None:
        assert [(one.tool, one.label, one.finding, one.sites) for one in shown] == [
            ("Bidirectional", "node 1", "Lymph node", ("Mediastinum",)),
            ("Bidirectional", "node 2", "Lymph node", ("Mediastinum",)),
            ("Probe", "mediastinal lymph node 3: short axis 9.0 mm, volume 376.0 mm3", "Lymph node", ("Mediastinum",)),
            ("RectangleROI", "nodule 4: width 16.0 mm, height 17.6 mm, depth 15.0 mm, volume 1678.4 mm3", "Nodule", ()),
        ]

    def test_axes_lie_where_the_mask_has_them(self, example: ViewerExample, shown: list[OhifMeasurement]) -> None:
        for lesion, one in zip(example.findings.lesions[:2], shown, strict=False):
            plane = ImagePlanes(example.series).of(one.image_uid)
            assert plane is not None
            assert lesion.long_ends_mm is not None
            assert lesion.short_ends_mm is not None
            ends = np.asarray([*lesion.long_ends_mm, *lesion.short_ends_mm])
            assert plane.to_mm(one.points) == pytest.approx(ends, abs=1e-4)
            assert one.numbers["Long Axis"] == pytest.approx(lesion.long_axis_mm)
            assert one.numbers["Short Axis"] == pytest.approx(lesion.short_axis_mm)

    def test_a_point_lies_on_the_nearest_image(self, shown: list[OhifMeasurement], example: ViewerExample) -> None:
        assert shown[2].image_uid == f"{example.series.uid}.17"
        assert shown[2].points[0] == pytest.approx((80.5, 60.5))

    def test_a_box_is_drawn_where_it_cuts_the_image_of_its_centre(self, shown: list[OhifMeasurement]) -> None:
        left, top, right, bottom = 86.5, 19.5, 106.5, 41.5
        corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
        assert np.asarray(shown[3].points) == pytest.approx(np.asarray(corners))

    def test_marks_with_score(self, example: ViewerExample) -> None:
        marks = ohif_measurements(pydicom.dcmread(example.marks))
        assert [(one.tool, one.label, one.numbers) for one in marks] == [
            ("Probe", "Lesion 1: score 0.97", {"Score": 0.97}),
            ("Probe", "Lesion 2: score 0.42", {"Score": 0.42}),
        ]

    def test_axes_that_lie_in_no_image_are_a_point(self, example: ViewerExample, tmp_path: Path) -> None:
        series = example.series
        (x, y, z), end = series.geometry.to_mm([(3.5, 20, 20), (3.5, 20, 30)]).tolist()
        ends = ((x, y, z), tuple(end))
        lesion = lesion_at(series, (3.5, 20, 25), long_ends_mm=ends, short_ends_mm=ends, label="hilar node")
        write_structured_report(tmp_path / "sr", sent(series, lesion), series)
        (one,) = ohif_measurements(pydicom.dcmread(tmp_path / "sr"))
        assert (one.tool, one.sites) == ("Probe", ("Hilum of lung",))
        assert one.label == "hilar node 7: long axis 8.0 mm, short axis 8.0 mm"

    def test_a_box_across_oblique_images_is_a_point(self, tmp_path: Path) -> None:
        CtSeries(orientation=(0.8, 0.6, 0, -0.6, 0.8, 0)).write(tmp_path / "ct")
        series = read_series(tmp_path / "ct")
        lesion = lesion_at(series, (1, 8, 8), box_mm=(2.0, 3.0, 4.0))
        write_structured_report(tmp_path / "sr", sent(series, lesion), series)
        (one,) = ohif_measurements(pydicom.dcmread(tmp_path / "sr"))
        assert (one.tool, one.label) == ("Probe", "Lesion 7: width 2.0 mm, height 3.0 mm, depth 4.0 mm")
        assert read_structured_report(tmp_path / "sr", series).lesions[0].box_mm == (2.0, 3.0, 4.0)

    def test_a_box_beyond_the_image_is_drawn_to_its_edge(self, example: ViewerExample, tmp_path: Path) -> None:
        lesion = lesion_at(example.series, (3, 1, 2), box_mm=(80.0, 80.0, 5.0))
        write_structured_report(tmp_path / "sr", sent(example.series, lesion), example.series)
        (one,) = ohif_measurements(pydicom.dcmread(tmp_path / "sr"))
        assert min(min(point) for point in one.points) == 0.0
        assert read_structured_report(tmp_path / "sr", example.series).lesions[0].box_mm == (80.0, 80.0, 5.0)


def test_what_made_a_mark_is_stated(example: ViewerExample) -> None:
    mark = Mark(example.series.uid, example.findings.lesions[0].position_mm, 0.1 + 0.2, example.series.uid)
    algorithm = Algorithm("classic", "3", ("run = first", "threshold = 0.25"))
    group = mark_group(mark, 1, ImagePlanes(example.series), kind=LYMPH_NODE, algorithm=algorithm)
    said = [
        (item.name.meaning, item.value) for item in group.children if item.name and "Algorithm" in item.name.meaning
    ]
    assert said == [
        ("Algorithm Name", "classic"),
        ("Algorithm Version", "3"),
        ("Algorithm Parameters", "run = first"),
        ("Algorithm Parameters", "threshold = 0.25"),
    ]


def test_when_a_report_was_made(example: ViewerExample) -> None:
    made = datetime(2026, 5, 4, 3, 2, 1)  # noqa: DTZ001
    report = pydicom.dcmread(pydicom.filebase.DicomBytesIO(report_bytes([], example.series, Head("x", made))))
    assert (report.ContentDate, report.ContentTime, report.SeriesDescription) == ("20260504", "030201", "x")


def test_marks_and_codes_come_back_to_the_bit(example: ViewerExample, tmp_path: Path) -> None:
    series = example.series
    kind, site = Code("C77.1", "ICD10", "Intrathoracic lymph nodes"), Code("46750007", "SCT", "Hilum of lung")
    lesion = lesion_at(series, (3.3, 20.2, 30.7), kind=kind, site=site, tracking_uid="1.2.3", short_axis_mm=0.1 + 0.2)
    mark = Mark(series.uid, lesion.position_mm, 1e-17, series.uid, diameter_mm=7.7, box_mm=(1.0, 2.0, 3.0))
    write_structured_report(tmp_path / "sr", sent(series, lesion, mark), series)
    found = read_structured_report(tmp_path / "sr", series)
    assert found.marks == (mark,)
    assert found.lesions == (replace(lesion, source="sr: group 1"),)
    assert (found.exam_id, found.series_uid, found.refusals) == (series.uid, series.uid, ())


@needs_shared_data
def test_findings_on_a_real_ct_are_shown_on_its_slices(tmp_path: Path) -> None:
    series = read_series(SHARED_DATA / "cmb_crc_chest")
    lesions = [replace(lesion_at(series, (index, 200.0, 260.5)), lesion_id=str(index)) for index in (0, 42, 99)]
    write_structured_report(tmp_path / "sr", sent(series, *lesions), series)
    assert dicom_errors(tmp_path / "sr") == []
    shown = ohif_measurements(pydicom.dcmread(tmp_path / "sr"))
    uids = series.instances.column("SOPInstanceUID")
    assert [one.image_uid for one in shown] == [uids[index] for index in (0, 42, 99)]
    assert all(one.points[0] == pytest.approx((261.0, 200.5), abs=1e-3) for one in shown)
    found = read_structured_report(tmp_path / "sr", series).lesions
    assert [one.position_mm for one in found] == [one.position_mm for one in lesions]
