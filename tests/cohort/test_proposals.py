"""Proposals of links, on built scans that stand under two ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydicom import dcmread

from builders import CtSeries
from hilum.catalog import Archive
from hilum.catalog.folder import index_folder
from hilum.cohort import Criteria, build_cohort, cohort_series, propose_links
from hilum.config import Settings
from hilum.model.instances import Instances
from hilum.model.series import Series

if TYPE_CHECKING:
    from pathlib import Path

GRID_KEYWORDS = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns")


def scan(participant: str, **change: Any) -> CtSeries:
    """A scan of six slices under an id; the same pixels for all, unless `seed` says otherwise."""
    uid = f"1.{sum(participant.encode())}"
    return CtSeries(
        **({"shape": (6, 8, 8), "participant": participant, "study_uid": uid, "series_uid": f"{uid}.1"} | change)
    )


def indexed(scan: CtSeries, folder: Path) -> Series:
    """Write a scan and give its row, as indexing would."""
    rows = []
    for path in scan.write(folder / scan.participant):
        dataset = dcmread(path)
        length = len(dataset.PixelData)
        row = {keyword: _plain(dataset[keyword].value) for keyword in GRID_KEYWORDS if keyword in dataset}
        # Pixel data is the last element of a built file.
        size = path.stat().st_size
        place = {"root": str(folder), "path": str(path.relative_to(folder)), "size_bytes": size}
        rows.append(row | place | {"pixel_offset": size - length, "pixel_length": length})
    identifiers = {
        "PatientID": scan.participant,
        "StudyInstanceUID": scan.study_uid,
        "SeriesInstanceUID": scan.series_uid,
    }
    return Series(identifiers | {"source_url": None, "instances": Instances.from_rows(rows).pack()})


def _plain(value: Any) -> Any:
    return value if isinstance(value, int) else tuple(float(number) for number in value)


def pairs(folder: Path, *scans: CtSeries, **options: Any) -> list[tuple[str, str]]:
    found = propose_links([indexed(one, folder) for one in scans], **options)
    assert not found.refusals
    return [(link.PatientID, link.same_person_as) for link in found.links]


class TestByGrid:
    def test_same_scan_under_two_ids(self, tmp_path: Path) -> None:
        found = propose_links(
            [
                indexed(scan("B"), tmp_path),
                indexed(scan("A"), tmp_path),
                indexed(scan("C", origin_mm=(0, 0, 0)), tmp_path),
            ]
        )
        (link,) = found.links
        assert (link.PatientID, link.same_person_as) == ("B", "A")
        assert link.evidence == "equal grid of 6 × 8 × 8"
        assert (link.SeriesInstanceUID, link.same_series_as) == (scan("B").series_uid, scan("A").series_uid)

    @pytest.mark.parametrize(
        "change",
        [
            {"origin_mm": (-100.0, -120.0, -299.99)},
            {"spacing_mm": (2.0, 0.7, 0.71)},
            {"shape": (6, 8, 9)},
            {"shape": (5, 8, 8)},
            {"positions_mm": [0, 2, 4, 6, 8, 10.5]},
        ],
        ids=["origin", "pixel-spacing", "columns", "slices", "a-position"],
    )
    def test_another_grid_is_not_proposed(self, tmp_path: Path, change: dict[str, Any]) -> None:
        assert pairs(tmp_path, scan("A"), scan("B", **change)) == []

    def test_two_series_of_one_participant_are_no_link(self, tmp_path: Path) -> None:
        twice = [indexed(scan("A"), tmp_path / "1"), indexed(scan("A", series_uid="1.9"), tmp_path / "2")]
        assert propose_links(twice).links == ()

    def test_a_group_is_linked_to_its_lowest(self, tmp_path: Path) -> None:
        assert pairs(tmp_path, scan("C"), scan("A"), scan("B")) == [("B", "A"), ("C", "A")]

    def test_minus_zero_is_zero(self, tmp_path: Path) -> None:
        scans = [
            scan(name, origin_mm=(0, 0, 0), override_at={0: {"ImagePositionPatient": [x, 0.0, 0.0]}})
            for name, x in (("A", 0.0), ("B", -0.0))
        ]
        assert pairs(tmp_path, *scans) == [("B", "A")]

    def test_five_slices_are_enough(self, tmp_path: Path) -> None:
        assert pairs(tmp_path, scan("A", shape=(5, 8, 8)), scan("B", shape=(5, 8, 8))) == [("B", "A")]

    def test_few_slices_say_nothing(self, tmp_path: Path) -> None:
        assert pairs(tmp_path, scan("A", shape=(4, 8, 8)), scan("B", shape=(4, 8, 8))) == []

    def test_images_without_position_say_nothing(self, tmp_path: Path) -> None:
        nowhere = {"override": {"ImagePositionPatient": None}}
        assert pairs(tmp_path, scan("A", **nowhere), scan("B", **nowhere)) == []


class TestByPixels:
    def test_same_scan_under_two_ids(self, tmp_path: Path) -> None:
        (link,) = propose_links([indexed(scan(name), tmp_path) for name in "AB"], pixels=True).links
        assert link.evidence == "equal pixels in 3 of 6 slices, equal grid"

    def test_same_scan_at_another_place(self, tmp_path: Path) -> None:
        scans = [scan("A"), scan("B", origin_mm=(-100.0, 120.0, -300.0))]
        (link,) = propose_links([indexed(one, tmp_path) for one in scans], pixels=True, slices=0).links
        assert link.evidence == "equal pixels in 6 of 6 slices, other grid"

    def test_equal_grids_with_other_pixels_are_not_proposed(self, tmp_path: Path) -> None:
        assert pairs(tmp_path, scan("A"), scan("B", seed=1), pixels=True) == []

    @pytest.mark.parametrize(
        ("slices", "read"), [(1, {3}), (2, {1, 4}), (3, {1, 3, 5}), (6, set(range(6))), (0, set(range(6)))]
    )
    def test_one_value_tells_two_scans_apart_in_the_slices_that_are_read(
        self, tmp_path: Path, slices: int, read: set[int]
    ) -> None:
        told_apart = set()
        for index in range(6):
            pixels = scan("A").stored().copy()
            pixels[index, 0, 0] += 1
            if not pairs(tmp_path / str(index), scan("A"), scan("B", pixels=pixels), pixels=True, slices=slices):
                told_apart.add(index)
        assert told_apart == read

    def test_another_number_of_slices_is_another_scan(self, tmp_path: Path) -> None:
        same = np.broadcast_to(scan("A").stored()[:1], (9, 8, 8))
        scans = [scan("A", pixels=same, shape=(9, 8, 8)), scan("B", pixels=same[:6])]
        assert pairs(tmp_path, *scans, pixels=True) == []

    def test_blank_slices_are_refused_not_matched(self, tmp_path: Path) -> None:
        blank = np.full((6, 8, 8), 24, np.int16)
        found = propose_links([indexed(scan(name, pixels=blank), tmp_path) for name in "AB"], pixels=True)
        assert found.links == ()
        assert [refusal.item for refusal in found.refusals] == [scan("A").series_uid, scan("B").series_uid]
        assert "hold one value each" in found.refusals[0].reason

    def test_one_slice_that_is_not_blank_is_enough(self, tmp_path: Path) -> None:
        pixels = np.zeros((6, 8, 8), np.int16)
        pixels[3] = scan("A").stored()[3]
        assert pairs(tmp_path, scan("A", pixels=pixels), scan("B", pixels=pixels), pixels=True) == [("B", "A")]


class TestWhatCannotBeRead:
    def refused(self, series: Series) -> str:
        found = propose_links([series], pixels=True)
        (refusal,) = found.refusals
        assert (refusal.item, refusal.check) == (series.uid, "pixels-not-compared")
        return refusal.reason

    def test_a_file_that_is_gone(self, tmp_path: Path) -> None:
        series = indexed(scan("A"), tmp_path)
        series.instances.paths()[3].unlink()
        assert "No such file" in self.refused(series)

    def test_a_file_that_has_changed(self, tmp_path: Path) -> None:
        series = indexed(scan("A"), tmp_path)
        path = series.instances.paths()[3]
        path.write_bytes(path.read_bytes()[:-2])
        assert "has changed since it was indexed" in self.refused(series)

    def test_a_byte_range_beyond_the_end(self, tmp_path: Path) -> None:
        series = indexed(scan("A"), tmp_path)
        rows = [row | {"pixel_length": row["pixel_length"] + 1} for row in series.instances]
        assert "ends after 128 of 129 bytes" in self.refused(with_instances(series, rows))

    def test_a_file_without_pixel_data(self, tmp_path: Path) -> None:
        series = indexed(scan("A"), tmp_path)
        rows = [row | {"pixel_offset": -1} for row in series.instances]
        assert "no pixel data" in self.refused(with_instances(series, rows))

    def test_a_series_that_is_elsewhere(self) -> None:
        row = {"PatientID": "A", "StudyInstanceUID": "1", "SeriesInstanceUID": "1.1", "instances": None}
        assert "s3://bucket" in self.refused(Series(row | {"source_url": "s3://bucket/x"}))

    def test_encapsulated_pixels_are_compared_to_the_end_of_the_file(self, tmp_path: Path) -> None:
        series = [indexed(scan("A"), tmp_path), indexed(scan("B"), tmp_path), indexed(scan("C", seed=1), tmp_path)]
        opened = [with_instances(one, [row | {"pixel_length": -1} for row in one.instances]) for one in series]
        found = propose_links(opened, pixels=True)
        assert [(link.PatientID, link.same_person_as) for link in found.links] == [("B", "A")]


def test_one_study_under_two_ids_is_proposed_from_rows_alone() -> None:
    rows = [
        {"PatientID": name, "StudyInstanceUID": "1", "SeriesInstanceUID": f"1.{name}", "instances": None}
        for name in "AAB"
    ]
    advanced: list[int] = []
    found = propose_links([Series(row) for row in rows], on_progress=advanced.append)
    assert [(link.PatientID, link.same_person_as, link.evidence) for link in found.links] == [
        ("B", "A", "one study under both ids")
    ]
    assert sum(advanced) == 3


def test_evidence_of_one_pair_is_put_together(tmp_path: Path) -> None:
    found = propose_links([indexed(scan(name, study_uid="1.5"), tmp_path) for name in "AB"])
    assert [link.evidence for link in found.links] == ["one study under both ids; equal grid of 6 × 8 × 8"]


def test_scans_that_were_indexed_are_found_under_two_ids(tmp_path: Path) -> None:
    """From files to the link, with what indexing really keeps of them."""
    for name, change in {"A": {}, "B": {}, "C": {"seed": 1}}.items():
        scan(name, **change).write(tmp_path / "files" / name)
    archive = Archive.create(tmp_path / "archive")
    index_folder(archive, tmp_path / "files", "c", settings=Settings(workers=1))
    cohort = build_cohort(archive, "x", Criteria(volume_only=True))
    assert [series.uid for series in cohort_series(archive, cohort)] == list(cohort.series_uids)
    by_grid = propose_links(cohort_series(archive, cohort))
    assert [(link.PatientID, link.same_person_as) for link in by_grid.links] == [("B", "A"), ("C", "A")]
    by_pixels = propose_links(cohort_series(archive, cohort), pixels=True)
    assert [(link.PatientID, link.same_person_as) for link in by_pixels.links] == [("B", "A")]
    assert not by_pixels.refusals


def with_instances(series: Series, rows: list[dict[str, Any]]) -> Series:
    return Series({**series.row, "instances": Instances.from_rows(rows).pack()})
