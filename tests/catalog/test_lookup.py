from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from hilum.catalog.lookup import list_series, look_up
from hilum.catalog.summary import summarize
from hilum.errors import NotFoundError, QueryError
from hilum.model.instances import Instances
from hilum.model.tables import CHECKS, REFUSALS

if TYPE_CHECKING:
    from collections.abc import Callable

    from hilum.catalog import Archive

HERE = Instances({"SOPInstanceUID": ["1.1.1.7", "1.1.1.8"], "path": ["a.dcm", "b.dcm"]})


@pytest.fixture(autouse=True)
def rows(archive: Archive, put: Callable[..., None]) -> None:
    put(
        {"SeriesInstanceUID": "1.1.1", "instances": HERE.pack(), "SliceThickness": 1.0},
        {"SeriesInstanceUID": "1.1.2", "image_kind": "localizer"},
        {"SeriesInstanceUID": "1.2.1", "StudyInstanceUID": "1.2", "SliceThickness": 5.0},
        {"SeriesInstanceUID": "9.1.1", "StudyInstanceUID": "9.1", "PatientID": "P2", "collection_id": "other"},
    )
    check = {"collection_id": "c", "SeriesInstanceUID": "1.1.1", "severity": "error", "detail": "2 slices missing"}
    refusal = {"collection_id": "c", "root": "/r", "path": "x", "check": "truncated", "reason": "cut"}
    archive.update(
        "c",
        lambda _: {
            "checks": pa.Table.from_pylist([check | {"check": "gap"}], CHECKS.arrow_schema()),
            "refusals": pa.Table.from_pylist([refusal], REFUSALS.arrow_schema()),
        },
        note="checks",
    )


def test_a_series_with_its_checks_and_instances(archive: Archive) -> None:
    found = look_up(archive, "1.1.1")
    assert found.kind == "series"
    assert (found.facts["PatientID"], found.facts["SliceThickness"]) == ("P1", 1.0)
    assert "instances" not in found.facts
    assert found.checks == [{"check": "gap", "severity": "error", "detail": "2 slices missing"}]
    assert found.instances.columns == HERE.columns
    assert [row["SeriesInstanceUID"] for row in found.series] == ["1.1.1"]


def test_a_series_that_is_elsewhere_has_no_instances(archive: Archive) -> None:
    found = look_up(archive, "1.1.2")
    assert (len(found.instances), found.checks) == (0, [])


def test_a_study_and_a_participant(archive: Archive) -> None:
    study = look_up(archive, "1.1")
    assert (study.kind, [row["SeriesInstanceUID"] for row in study.series]) == ("study", ["1.1.1", "1.1.2"])
    participant = look_up(archive, "P1")
    assert (participant.kind, len(participant.series), participant.facts) == ("participant", 3, {})


def test_an_instance_is_found_in_its_series(archive: Archive) -> None:
    found = look_up(archive, "1.1.1.8")
    assert (found.kind, found.facts) == ("instance", {"SOPInstanceUID": "1.1.1.8", "path": "b.dcm"})
    assert [row["SeriesInstanceUID"] for row in found.series] == ["1.1.1"]


def test_what_is_nowhere_is_told_after_a_walk_over_all(archive: Archive) -> None:
    walked: list[int] = []
    with pytest.raises(NotFoundError, match="no series, study, participant or instance '7'"):
        look_up(archive, "7", on_progress=walked.append)
    assert sum(walked) == 4


def test_series_are_listed_by_collection_kind_and_condition(archive: Archive) -> None:
    def uids(**chosen: str) -> list[str]:
        return [row["SeriesInstanceUID"] for row in list_series(archive, limit=10, **chosen)[0]]

    assert uids() == ["1.1.1", "1.1.2", "1.2.1", "9.1.1"]
    assert uids(collection_id="other") == ["9.1.1"]
    assert uids(kind="localizer") == ["1.1.2"]
    assert uids(where="SliceThickness > 4 OR Modality = 'MR'", collection_id="c") == ["1.2.1"]
    found, count = list_series(archive, limit=1)
    assert (len(found), count) == (1, 4)
    with pytest.raises(NotFoundError, match=r"no collection 'nlst' in .*; it has c, other"):
        uids(collection_id="nlst")
    with pytest.raises(QueryError):
        uids(where="true); DROP VIEW series; SELECT (1")


def test_a_summary_counts_checks_and_refusals(archive: Archive) -> None:
    summary = summarize(archive, "c")
    assert summary.checks == [{"check": "gap", "severity": "error", "series": 1}]
    assert summary.refusals == [{"check": "truncated", "files": 1}]
    assert [(line["modality"], line["series"], line["localizer"]) for line in summary.original] == [
        ("all", 3, 1),
        ("CT", 3, 1),
    ]
    assert (summary.rounds, summary.derived, summary.sources) == ([], [], [])
