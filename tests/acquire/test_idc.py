"""What the real index of the Imaging Data Commons gives."""

from __future__ import annotations

import pytest

from hilum.acquire.idc import IdcSelection, find_all_in_idc, find_in_idc, participants_in_idc
from hilum.acquire.wanted import WantedSeries
from hilum.errors import NotFoundError

GONE_UID = "1.3.6.1.4.1.14519.5.2.1.4334.1501.249391077578369688940231005896"
"""A series of NSCLC-Radiogenomics that IDC dropped after version 4."""


def test_a_collection_is_found_whole() -> None:
    found = find_in_idc(IdcSelection(collection=["ct_lymph_nodes"]))
    assert (len(found.series), found.refusals, dict(found.earlier)) == (352, (), {})
    assert sum(series.instance_count or 0 for series in found.series) == 110_179
    places = [(one.collection_id, one.participant_id, one.study_uid, one.series_uid) for one in found.series]
    assert places == sorted(places)
    first = found.series[0]
    assert first.location.startswith("s3://idc-open-data/")
    assert first.location.endswith("/")
    assert (first.participant_id, first.licence) == ("ABD_LYMPH_001", "CC BY 3.0")
    assert first.row()["crdc_series_uuid"] in first.location


@pytest.mark.parametrize(
    "selection",
    [IdcSelection(collection=["ct_lymph_nodes"], modality=["SEG"]), IdcSelection(collection=["ct_lymph_nodes"])],
)
def test_participants_are_those_of_the_series(selection: IdcSelection) -> None:
    series = find_in_idc(selection).series
    assert participants_in_idc(selection) == sorted({one.participant_id for one in series})


@pytest.mark.parametrize(
    ("selection", "is_of_one"),
    [
        (IdcSelection(), False),
        (IdcSelection(collection=["nlst"]), True),
        (IdcSelection(modality=["CT"]), True),
        (IdcSelection(collection=["nlst"], modality=["CT"]), True),
        (IdcSelection(collection=["nlst"], modality=["CT", "SEG"]), False),
        (IdcSelection(collection=["nlst", "ct_lymph_nodes"]), False),
        (IdcSelection(collection=["nlst"], participant=["100001"]), False),
    ],
)
def test_a_selection_is_of_one_collection_or_more(selection: IdcSelection, is_of_one: bool) -> None:
    assert selection.is_of_one == is_of_one


def test_fields_narrow_each_other_and_values_of_one_field_add_up() -> None:
    selection = IdcSelection(
        collection=["ct_lymph_nodes"], participant=["ABD_LYMPH_001", "MED_LYMPH_002"], modality=["CT"]
    )
    found = find_in_idc(selection)
    assert [(series.participant_id, series.modality) for series in found.series] == [
        ("ABD_LYMPH_001", "CT"),
        ("MED_LYMPH_002", "CT"),
    ]


def test_what_the_index_does_not_have_is_refused_by_name() -> None:
    found = find_in_idc(IdcSelection(collection=["ct_lymph_nodes", "ct_limf_nodes"]))
    assert [(refusal.item, refusal.check) for refusal in found.refusals] == [("ct_limf_nodes", "not-in-index")]
    with pytest.raises(NotFoundError, match=r"'1\.2\.3'"):
        find_in_idc(IdcSelection(series=["1.2.3"]))


def test_a_uid_that_a_version_dropped_is_found_in_the_last_that_had_it() -> None:
    found = find_in_idc(IdcSelection(series=[GONE_UID]))
    assert [series.series_uid for series in found.series] == [GONE_UID]
    assert found.series[0].location.startswith("s3://idc-open-data")
    assert found.earlier == {GONE_UID: 4}
    with pytest.raises(NotFoundError):
        find_in_idc(IdcSelection(series=[GONE_UID], collection=["ct_lymph_nodes"]))


def test_series_of_a_manifest_are_completed_kept_or_refused() -> None:
    known = find_in_idc(IdcSelection(collection=["ct_lymph_nodes"])).series[0]
    by_uuid = WantedSeries(
        location=known.location, attributes={"crdc_series_uuid": known.attributes["crdc_series_uuid"]}
    )
    elsewhere = WantedSeries(location="s3://own/ct/")
    found = find_all_in_idc(
        [WantedSeries(series_uid=known.series_uid), by_uuid, elsewhere, WantedSeries(series_uid="1.2")]
    )
    assert list(found.series) == [known, known, elsewhere]
    assert [refusal.item for refusal in found.refusals] == ["1.2"]
