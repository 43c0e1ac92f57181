from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import ImplicitVRLittleEndian

from builders import SHARED_DATA, CtSeries, needs_shared_data
from hilum.index.assemble import Assembly, assemble
from hilum.index.record import Record, read_record
from hilum.model.geometry import Geometry
from hilum.model.tables import CHECKS, SERIES

if TYPE_CHECKING:
    from pathlib import Path


def records_of(folder: Path) -> list[Record]:
    return [read_record(folder, str(path.relative_to(folder))) for path in sorted(folder.rglob("*")) if path.is_file()]


def one(tmp_path: Path, collection_id: str = "c", **fields: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """Row of one series built with `fields`, and its failed checks with their detail."""
    CtSeries(**fields).write(tmp_path)
    assembly = assemble(collection_id, records_of(tmp_path))
    assert not assembly.refusals
    [series] = assembly.series
    assert all(set(row) == set(CHECKS.column_names) for row in assembly.checks)
    return dict(series.row), {row["check"]: row["detail"] for row in assembly.checks}


def checks_of(folder: Path) -> Assembly:
    return assemble("c", records_of(folder))


class TestARegularSeries:
    def test_its_row_has_every_column(self, tmp_path: Path) -> None:
        row, checks = one(tmp_path)
        assert list(row) == SERIES.column_names
        assert not checks
        expected = {
            "collection_id": "c",
            "PatientID": "P1",
            "StudyDate": date(2000, 1, 2),
            "SeriesNumber": 1,
            "Modality": "CT",
            "SliceThickness": 2.0,
            "ImageType": "ORIGINAL\\PRIMARY\\AXIAL",
            "Rows": 16,
            "row_spacing_mm": 0.7,
            "column_spacing_mm": 0.7,
            "image_kind": "axial",
            "kernel_class": "soft",
            "screening_round": None,
            "slice_count": 4,
            "slice_spacing_mm": 2.0,
            "slice_spacing_deviation_mm": 0.0,
            "missing_slices": 0,
            "duplicated_positions": 0,
            "gantry_tilt_deg": 0.0,
            "is_uniform": True,
            "is_one_size": True,
            "is_one_orientation": True,
            "is_one_pixel_spacing": True,
            "is_volume": True,
            "not_volume_check": None,
            "instance_count": 4,
            "size_bytes": sum(path.stat().st_size for path in tmp_path.iterdir()),
            "AccessionNumber": None,
        }
        assert {name: row[name] for name in expected} == expected

    def test_the_row_fits_the_tables_schema(self, tmp_path: Path) -> None:
        import pyarrow as pa

        row, _ = one(tmp_path)
        table = pa.Table.from_pylist([row], schema=SERIES.arrow_schema())
        assert table.to_pylist() == [row]

    def test_instances_lie_in_geometric_order_whatever_their_names_and_numbers(self, tmp_path: Path) -> None:
        CtSeries(override_at={0: {"InstanceNumber": 9}}).write(tmp_path, names=["d", "a", "c", "b"])
        [series] = checks_of(tmp_path).series
        assert [path.name for path in series.instances.paths()] == ["d", "a", "c", "b"]
        assert [position[2] for position in series.instances.column("ImagePositionPatient")] == [-300, -298, -296, -294]

    def test_its_geometry_follows_from_the_row(self, tmp_path: Path) -> None:
        CtSeries(shape=(3, 5, 7)).write(tmp_path)
        [series] = checks_of(tmp_path).series
        assert series.geometry.is_close(Geometry((3, 5, 7), (2.0, 0.7, 0.7), (-100.0, -120.0, -300.0)))

    def test_no_record_gives_nothing(self) -> None:
        assert assemble("c", []) == Assembly()

    @settings(max_examples=20, deadline=None)
    @given(order=st.permutations(range(4)))
    def test_the_order_of_records_does_not_matter(
        self, tmp_path_factory: pytest.TempPathFactory, order: list[int]
    ) -> None:
        folder = tmp_path_factory.getbasetemp() / "order"
        if not folder.exists():
            CtSeries().write(folder)
        records = records_of(folder)
        assert assemble("c", [records[index] for index in order]) == assemble("c", records)


class TestGeometry:
    def test_missing_slices(self, tmp_path: Path) -> None:
        row, checks = one(tmp_path, positions_mm=(0, 2, 8, 10))
        assert (row["missing_slices"], row["slice_spacing_mm"], row["is_volume"]) == (2, 2.0, False)
        assert row["not_volume_check"] == "missing-slices"
        assert checks == {"missing-slices": "2 are missing at a spacing of 2 mm"}

    def test_duplicated_positions(self, tmp_path: Path) -> None:
        row, checks = one(tmp_path, positions_mm=(0, 2, 2, 4))
        assert (row["slice_count"], row["duplicated_positions"]) == (3, 1)
        assert checks == {"duplicated-positions": "1 of 4 lie where another slice lies"}

    def test_uneven_spacing(self, tmp_path: Path) -> None:
        row, checks = one(tmp_path, positions_mm=(0, 2, 4.5, 6))
        assert row["is_uniform"] is False
        assert list(checks) == ["uneven-spacing"]

    def test_a_tilted_gantry(self, tmp_path: Path) -> None:
        # Slices that stay upright while the table moves along z: 10 degrees between normal and way.
        angle = np.radians(10)
        positions = {index: {"ImagePositionPatient": [0, 0, 2.0 * index]} for index in range(4)}
        orientation = (1, 0, 0, 0, round(np.cos(angle), 6), round(np.sin(angle), 6))
        row, checks = one(tmp_path, orientation=orientation, override_at=positions)
        assert row["gantry_tilt_deg"] == pytest.approx(10, abs=1e-3)
        assert checks == {"gantry-tilt": "10.00 degrees"}

    def test_too_few_slices(self, tmp_path: Path) -> None:
        row, checks = one(tmp_path, shape=(2, 4, 4))
        assert row["not_volume_check"] == "too-few-slices"
        assert checks == {"too-few-slices": "2 slice positions, expected 3 or more"}

    def test_two_orientations(self, tmp_path: Path) -> None:
        row, checks = one(tmp_path, override_at={3: {"ImageOrientationPatient": [0, 1, 0, 0, 0, 1]}})
        assert (row["is_one_orientation"], row["slice_count"]) == (False, None)
        assert list(checks) == ["mixed-orientation"]

    def test_orientations_that_differ_by_rounding_are_one(self, tmp_path: Path) -> None:
        _, checks = one(tmp_path, override_at={3: {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0.00001]}})
        assert not checks

    def test_two_sizes(self, tmp_path: Path) -> None:
        CtSeries(shape=(4, 16, 16)).write(tmp_path / "a")
        CtSeries(shape=(5, 16, 8)).write(tmp_path / "b", names=list("01234"))
        for name in "0123":
            (tmp_path / "b" / name).unlink()
        [series] = checks_of(tmp_path).series
        assert (series["is_one_size"], series["not_volume_check"]) == (False, "mixed-size")

    @pytest.mark.parametrize(
        ("keyword", "value", "check"),
        [
            ("ImagePositionPatient", None, "no-position"),
            ("ImageOrientationPatient", None, "no-orientation"),
            ("ImageOrientationPatient", [1, 0, 0, 1, 0, 0], "no-orientation"),
            ("PixelSpacing", None, "no-pixel-spacing"),
            ("PixelSpacing", [0, 0], "bad-pixel-spacing"),
            ("PixelSpacing", [-1, 1], "bad-pixel-spacing"),
            ("Rows", None, "bad-size"),
            ("Columns", 0, "bad-size"),
        ],
    )
    def test_what_a_slice_lacks(self, tmp_path: Path, keyword: str, value: Any, check: str) -> None:
        row, checks = one(tmp_path, override_at={1: {keyword: value}})
        assert check in checks
        assert "1 of 4 slices" in checks[check]
        assert row["is_volume"] is False

    @pytest.mark.parametrize("keyword", ["PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient"])
    def test_nan_is_as_absent(self, tmp_path: Path, keyword: str) -> None:
        CtSeries().write(tmp_path)
        records = records_of(tmp_path)
        records[2][keyword] = (float("nan"),) * len(records[2][keyword])
        assembly = assemble("c", records)
        assert assembly.series[0]["is_volume"] is False
        assert assembly.series[0]["not_volume_check"].startswith("no-")

    def test_two_pixel_spacings(self, tmp_path: Path) -> None:
        row, checks = one(tmp_path, override_at={0: {"PixelSpacing": [0.5, 0.7]}})
        assert row["row_spacing_mm"] == 0.7
        assert checks == {"mixed-pixel-spacing": "0.5\\0.7 / 0.7\\0.7 mm"}


class TestPixels:
    def test_a_file_cut_in_its_pixels(self, tmp_path: Path) -> None:
        paths = CtSeries().write(tmp_path)
        paths[1].write_bytes(paths[1].read_bytes()[:-100])
        assembly = checks_of(tmp_path)
        assert assembly.series[0]["not_volume_check"] == "short-pixel-data"
        assert assembly.checks[0]["detail"] == "1 of 4 instances: 000001.dcm lacks 100 bytes; get it again"

    def test_pixels_shorter_than_rows_by_columns(self, tmp_path: Path) -> None:
        _, checks = one(tmp_path, override_at={0: {"Rows": 17}})
        assert "lacks 32 bytes" in checks["short-pixel-data"]

    def test_no_pixels(self, tmp_path: Path) -> None:
        paths = CtSeries().write(tmp_path)
        whole = read_record(tmp_path, "000000.dcm")
        paths[0].write_bytes(paths[0].read_bytes()[: whole["pixel_offset"] - 12])
        assembly = checks_of(tmp_path)
        assert assembly.series[0]["not_volume_check"] == "no-pixel-data"
        assert assembly.series[0]["instance_count"] == 4

    def test_colour(self, tmp_path: Path) -> None:
        _, checks = one(tmp_path, override={"SamplesPerPixel": 3})
        assert "not-grayscale" in checks


class TestKinds:
    def test_a_localizer_is_catalogued_with_the_reason(self, tmp_path: Path) -> None:
        row, checks = one(tmp_path, shape=(1, 4, 4), override={"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]})
        assert (row["image_kind"], row["is_volume"], row["not_volume_check"]) == ("localizer", False, "localizer")
        assert list(checks) == ["localizer"]

    def test_another_modality(self, tmp_path: Path) -> None:
        row, _ = one(tmp_path, override={"Modality": "MR", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4"})
        assert (row["not_volume_check"], row["slice_spacing_mm"]) == ("not-ct", 2.0)

    def test_a_series_of_two_participants(self, tmp_path: Path) -> None:
        row, checks = one(tmp_path, override_at={0: {"PatientID": "P2"}})
        assert row["PatientID"] == "P1"
        assert row["not_volume_check"] == "mixed-identity"
        assert checks == {"mixed-identity": "PatientID P2 / P1, expected one"}


class TestAttributes:
    def test_the_most_common_value_is_taken_and_the_difference_told(self, tmp_path: Path) -> None:
        row, checks = one(tmp_path, override_at={0: {"KVP": 100}, 1: {"KVP": None}})
        assert (row["KVP"], row["is_volume"]) == (120.0, True)
        assert checks == {"inconsistent-attribute": "KVP 100.0 / 120.0"}

    def test_what_belongs_to_the_instance_may_differ(self, tmp_path: Path) -> None:
        row, checks = one(tmp_path, override_at={index: {"Exposure": 10 * index} for index in range(4)})
        assert (row["exposure_mas"], checks) == (15.0, {})

    @pytest.mark.parametrize(
        ("keyword", "value"),
        [("SliceThickness", float("nan")), ("KVP", "high"), ("StudyDate", "yesterday"), ("SeriesNumber", 1.5)],
    )
    def test_a_value_of_the_wrong_form_is_null_and_told(self, tmp_path: Path, keyword: str, value: Any) -> None:
        CtSeries().write(tmp_path)
        records = [record | {keyword: value} for record in records_of(tmp_path)]
        assembly = assemble("c", records)
        assert assembly.series[0][keyword] is None
        assert [(row["check"], row["severity"]) for row in assembly.checks] == [("invalid-value", "warning")]
        assert keyword in assembly.checks[0]["detail"]
        assert assembly.series[0]["is_volume"] is True

    @pytest.mark.parametrize(("text", "day"), [("20000102", date(2000, 1, 2)), ("2000.01.02", date(2000, 1, 2))])
    def test_dates_are_parsed(self, tmp_path: Path, text: str, day: date) -> None:
        CtSeries().write(tmp_path)
        assembly = assemble("c", [record | {"StudyDate": text} for record in records_of(tmp_path)])
        assert assembly.series[0]["StudyDate"] == day

    def test_an_empty_patient_id_is_told(self, tmp_path: Path) -> None:
        row, checks = one(tmp_path, override={"PatientID": ""})
        assert row["PatientID"] == ""
        assert list(checks) == ["no-patient-id"]

    def test_several_values_are_joined(self, tmp_path: Path) -> None:
        row, _ = one(tmp_path, override={"ConvolutionKernel": ["B30f", "2"]})
        assert (row["ConvolutionKernel"], row["kernel_class"]) == ("B30f\\2", "soft")


class TestNlst:
    DESCRIPTION = "1,OPA,GE,LSQX,LUNG,350,2.5,140,40,0,1.5"

    def test_the_description_tells_what_the_header_does_not(self, tmp_path: Path) -> None:
        absent = {"ConvolutionKernel": None, "SliceThickness": None, "KVP": None, "ImageType": ["A", "B", "LOCALIZER"]}
        row, checks = one(tmp_path, "nlst", description=self.DESCRIPTION, override=absent)
        expected = {
            "image_kind": "axial",
            "screening_round": 1,
            "ConvolutionKernel": "LUNG",
            "kernel_class": "sharp",
            "SliceThickness": 2.5,
            "ReconstructionDiameter": 350.0,
            "KVP": 140.0,
            "ManufacturerModelName": "LSQX",
            "exposure_mas": 40.0,
        }
        assert {name: row[name] for name in expected} == expected
        assert not checks

    def test_the_header_is_believed_first(self, tmp_path: Path) -> None:
        row, _ = one(tmp_path, "nlst", description=self.DESCRIPTION, override={"Exposure": 7})
        assert (row["ConvolutionKernel"], row["KVP"], row["exposure_mas"]) == ("STANDARD", 120.0, 7.0)

    @pytest.mark.parametrize(("collection_id", "expected"), [("nlst", 1), ("other", None)])
    def test_the_shifted_year_names_the_round_in_nlst(
        self, tmp_path: Path, collection_id: str, expected: int | None
    ) -> None:
        assert one(tmp_path, collection_id)[0]["screening_round"] == expected


class TestRefusals:
    @pytest.mark.parametrize("keyword", ["SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"])
    def test_a_missing_uid(self, tmp_path: Path, keyword: str) -> None:
        CtSeries().write(tmp_path)
        records = records_of(tmp_path)
        del records[2][keyword]
        assembly = assemble("c", records)
        [refusal] = assembly.refusals
        assert (refusal.check, refusal.path) == ("missing-uid", "000002.dcm")
        assert refusal.reason.startswith(keyword)
        assert assembly.series[0]["instance_count"] == 3

    @pytest.mark.parametrize("uid", ["../../etc", "1.2 3", "1.2\\1.3", "1" * 65, "1.2\n"])
    def test_a_uid_that_can_name_nothing(self, tmp_path: Path, uid: str) -> None:
        CtSeries().write(tmp_path)
        records = records_of(tmp_path)
        records[0]["SeriesInstanceUID"] = uid
        [refusal] = assemble("c", records).refusals
        assert refusal.check == "bad-uid"

    def test_an_equal_copy_is_refused_and_the_first_path_kept(self, tmp_path: Path) -> None:
        CtSeries().write(tmp_path / "b")
        CtSeries().write(tmp_path / "a")
        assembly = checks_of(tmp_path)
        assert {refusal.check for refusal in assembly.refusals} == {"duplicate-instance"}
        assert [refusal.path for refusal in assembly.refusals] == [f"b/00000{index}.dcm" for index in range(4)]
        assert str(tmp_path / "a" / "000000.dcm") in assembly.refusals[0].reason
        assert assembly.series[0]["instance_count"] == 4
        assert assembly.series[0]["is_volume"] is True

    def test_other_content_under_one_uid_is_a_conflict(self, tmp_path: Path) -> None:
        CtSeries().write(tmp_path / "a")
        CtSeries(seed=1).write(tmp_path / "b")
        assembly = checks_of(tmp_path)
        assert {refusal.check for refusal in assembly.refusals} == {"conflicting-instance"}
        assert assembly.series[0]["instance_count"] == 4

    def test_the_same_image_in_another_syntax_is_a_conflict(self, tmp_path: Path) -> None:
        CtSeries().write(tmp_path / "a")
        CtSeries(transfer_syntax=ImplicitVRLittleEndian).write(tmp_path / "b")
        assert {refusal.check for refusal in checks_of(tmp_path).refusals} == {"conflicting-instance"}


@needs_shared_data
class TestRealSeries:
    def row(self, *parts: str) -> dict[str, Any]:
        [series] = checks_of(SHARED_DATA.joinpath(*parts)).series
        return dict(series.row)

    def test_a_gap(self) -> None:
        records = [
            read_record(path.parent, path.name) for path in (SHARED_DATA / "slice_gaps" / "missing_slice").iterdir()
        ]
        [series] = assemble("c", records).series
        assert (series["missing_slices"], series["not_volume_check"]) == (1, "missing-slices")

    def test_the_same_position(self) -> None:
        row = self.row("slice_gaps", "same_position")
        assert (row["duplicated_positions"], row["not_volume_check"]) == (3, "too-few-slices")

    def test_too_few(self) -> None:
        row = self.row("slice_gaps", "too_few")
        assert (row["Modality"], row["slice_count"]) == ("MR", 2)

    def test_a_chest(self) -> None:
        folder = SHARED_DATA / "cmb_crc_chest"
        assembly = assemble("c", [read_record(folder, path.name) for path in folder.glob("*.dcm")])
        [series] = assembly.series
        assert (series["slice_count"], series["slice_spacing_mm"], series["is_volume"]) == (100, 2.5, True)
        assert not assembly.checks
        assert len(series["instances"]) < 100 * 50

    def test_an_enhanced_ct(self) -> None:
        row = self.row("seg_sr_dcmqi", "segmentations", "23x38x3", "multiframe")
        assert (row["instance_count"], row["slice_count"], row["slice_spacing_mm"]) == (1, 3, 2.5)
        [series] = checks_of(SHARED_DATA / "seg_sr_dcmqi" / "segmentations" / "23x38x3" / "multiframe").series
        assert series.geometry.shape == (3, series["Rows"], series["Columns"])

    def test_philips_makes_a_series_of_reports(self) -> None:
        folder = SHARED_DATA / "philips_ct_edge_cases"
        records = [read_record(folder, str(path.relative_to(folder))) for path in folder.glob("*/I*")]
        kinds = {series["image_kind"]: series["not_volume_check"] for series in assemble("c", records).series}
        assert kinds == {"axial": None, "localizer": "localizer", "secondary": "secondary-image"}
