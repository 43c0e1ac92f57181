from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hilum.acquire.drive import DriveSource
from hilum.acquire.plan import plan_of
from hilum.acquire.pull import pull
from hilum.acquire.wanted import WantedSeries
from hilum.errors import ArchiveError

if TYPE_CHECKING:
    from pathlib import Path


def series(uid: str, participant: str, size_bytes: int | None, licence: str | None) -> WantedSeries:
    return WantedSeries(participant_id=participant, series_uid=uid, size_bytes=size_bytes, licence=licence)


WANTED = [
    series("1.1", "P1", 100, "CC BY 4.0"),
    series("1.2", "P1", 200, "Creative Commons Attribution 4.0 International License"),
    series("1.3", "P2", 1000, "CC BY-NC 3.0"),
    series("1.4", "P3", None, None),
]


def test_sizes_and_licences_are_summed_up_without_making_anything(tmp_path: Path) -> None:
    plan = plan_of(WANTED, tmp_path / "none")
    assert (plan.series, plan.participants, plan.size_bytes, plan.unsized_series) == (4, 3, 1300, 1)
    assert (plan.here_bytes, plan.missing_bytes) == (0, 1300)
    assert [(part.licence and part.licence.name, part.series, part.size_bytes) for part in plan.parts] == [
        ("CC BY-NC 3.0", 1, 1000),
        ("CC BY 4.0", 2, 300),
        (None, 1, 0),
    ]
    assert not (tmp_path / "none").exists()


def test_what_asks_for_more_than_citation_is_restricted_and_an_unknown_licence_too(tmp_path: Path) -> None:
    assert [licence.name for licence in plan_of(WANTED, tmp_path).restricted] == ["CC BY-NC 3.0"]
    odd = plan_of([series("1.5", "P1", 1, "Terms of Nowhere")], tmp_path)
    assert [licence.is_known for licence in odd.restricted] == [False]


def test_a_pull_that_has_no_room_is_refused_before_it_begins(tmp_path: Path) -> None:
    plan = plan_of([series("1.1", "P1", 10**18, None)], tmp_path)
    with pytest.raises(ArchiveError, match=r"1000000\.00 TB are still to come, .* are free; make room"):
        plan.require_room(tmp_path / "not" / "yet")
    plan_of(WANTED, tmp_path).require_room(tmp_path)


def test_what_is_here_is_not_counted_as_missing(tmp_path: Path) -> None:
    (tmp_path / "drive").mkdir()
    (tmp_path / "drive" / "a.dcm").write_bytes(bytes(700))
    source = DriveSource(tmp_path / "drive")
    wanted = source.find()
    assert plan_of(wanted, tmp_path / "t").missing_bytes == 700
    pull(wanted, source, tmp_path / "t", folder_of=lambda one: "s")
    assert plan_of(wanted, tmp_path / "t").missing_bytes == 0
