"""Choosing series: the flow, one series of several and the reason, what cannot be chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum.cohort import Criteria, FlowStep, Link, build_cohort
from hilum.cohort.choose import Candidate, choose_one
from hilum.errors import NotFoundError, QueryError
from hilum.model.kinds import ImageKind, KernelClass

if TYPE_CHECKING:
    from collections.abc import Callable

    from hilum.catalog import Archive

SOFT, SHARP = KernelClass.SOFT, KernelClass.SHARP


def candidate(
    uid: str = "1", thickness: float | None = 1.25, kernel: str | None = "soft", slices: int = 200
) -> Candidate:
    return Candidate("c", "P1", "1.1", uid, "exam", thickness, kernel, slices)


candidates = st.lists(
    st.builds(
        candidate,
        st.uuids().map(str),
        st.sampled_from([None, 0.625, 1.25, 2.5]),
        st.sampled_from([None, "soft", "sharp"]),
        st.integers(1, 4),
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda one: one.SeriesInstanceUID,
)


class TestOneOfSeveral:
    def test_alone_is_the_only_one(self) -> None:
        assert choose_one([candidate()], SOFT) == (candidate(), "only one")

    def test_is_the_thinnest(self) -> None:
        several = [candidate("1", 2.5), candidate("2", 1.25, "sharp", 10), candidate("3", 5.0)]
        assert choose_one(several, SOFT) == (several[1], "thinnest of 3: 1.25 mm")

    def test_is_the_soft_kernel_of_equally_thin(self) -> None:
        several = [candidate("1", 1.25, "sharp", 900), candidate("2", 1.25), candidate("3", 2.5)]
        assert choose_one(several, SOFT) == (several[1], "soft kernel of 2 of 1.25 mm")

    def test_is_the_sharp_kernel_where_that_is_preferred(self) -> None:
        several = [candidate("1", 1.25, "sharp"), candidate("2", 1.25), candidate("3", 1.25, None)]
        assert choose_one(several, SHARP) == (several[0], "sharp kernel of 3 of 1.25 mm")

    def test_is_a_known_kernel_before_an_unknown_one(self) -> None:
        several = [candidate("1", kernel=None), candidate("2", kernel="sharp")]
        assert choose_one(several, SOFT) == (several[1], "sharp kernel of 2 of 1.25 mm")

    def test_has_the_most_slices_of_those_alike(self) -> None:
        several = [candidate("1", slices=100), candidate("2", slices=300), candidate("3", kernel="sharp", slices=900)]
        assert choose_one(several, SOFT) == (several[1], "most slices of 2 of 1.25 mm and soft kernel: 300")

    def test_has_the_lowest_uid_of_those_all_alike(self) -> None:
        several = [candidate("3"), candidate("1"), candidate("2")]
        assert choose_one(several, SOFT) == (several[1], "lowest UID of 3 of 1.25 mm, soft kernel and 200 slices")

    def test_of_unknown_thickness_comes_last(self) -> None:
        several = [candidate("1", None), candidate("2", 10.0, "sharp")]
        assert choose_one(several, SOFT) == (several[1], "thinnest of 2: 10 mm")

    def test_of_unknown_thickness_says_so(self) -> None:
        several = [candidate("1", None, "sharp"), candidate("2", None)]
        assert choose_one(several, SOFT) == (several[1], "soft kernel of 2 of unknown thickness")

    @given(candidates, st.randoms(use_true_random=False))
    def test_does_not_depend_on_the_order(self, several: list[Candidate], random: Any) -> None:
        shuffled = list(several)
        random.shuffle(shuffled)
        assert choose_one(several, SOFT) == choose_one(shuffled, SOFT)

    @given(candidates)
    def test_is_never_thicker_than_another(self, several: list[Candidate]) -> None:
        chosen, _ = choose_one(several, SOFT)
        known = [one.thickness_mm for one in several if one.thickness_mm is not None]
        assert chosen.thickness_mm == (min(known) if known else None)


def rows() -> list[dict[str, Any]]:
    """Two participants of a screening trial: P1 with three series in T0 and one in T1, P2 with a localizer and more."""
    return [
        {"SeriesInstanceUID": "1.1.1", "SliceThickness": 2.5, "kernel_class": "soft", "screening_round": 0},
        {"SeriesInstanceUID": "1.1.2", "SliceThickness": 1.25, "kernel_class": "sharp", "screening_round": 0},
        {"SeriesInstanceUID": "1.1.3", "SliceThickness": 1.25, "kernel_class": "soft", "screening_round": 0},
        {"SeriesInstanceUID": "1.2.1", "StudyInstanceUID": "1.2", "slice_spacing_mm": 2.0, "screening_round": 1},
        {"SeriesInstanceUID": "2.1.1", "StudyInstanceUID": "2.1", "PatientID": "P2", "image_kind": "localizer"},
        {"SeriesInstanceUID": "2.1.2", "StudyInstanceUID": "2.1", "PatientID": "P2", "is_volume": True},
        {"SeriesInstanceUID": "2.1.3", "StudyInstanceUID": "2.1", "PatientID": "P2", "image_kind": "reformat"},
        {
            "SeriesInstanceUID": "2.1.4",
            "StudyInstanceUID": "2.1",
            "PatientID": "P2",
            "image_kind": "segmentation",
            "Modality": "SEG",
            "analysis_result_id": "a",
        },
    ]


def chosen(archive: Archive, **criteria: Any) -> list[str]:
    return list(build_cohort(archive, "x", Criteria(**criteria)).series_uids)


class TestFlow:
    def test_counts_series_exams_and_participants_at_each_step(self, archive_of: Callable[..., Archive]) -> None:
        criteria = Criteria(("c",), kinds=(ImageKind.AXIAL,), max_thickness_mm=2.0, one_per="exam")
        cohort = build_cohort(archive_of(*rows()), "x", criteria)
        assert cohort.flow == (
            FlowStep("in c", 8, 3, 2),
            FlowStep("CT", 7, 3, 2),
            FlowStep("original, not derived by an analysis", 7, 3, 2),
            FlowStep("without localizers", 6, 3, 2),
            FlowStep("axial", 5, 3, 2),
            FlowStep("of at most 2 mm", 3, 2, 1),
            FlowStep("one per exam", 2, 2, 1),
        )
        assert cohort.flow_text.startswith("8 series in c -> 7 CT -> ")
        assert [(entry.SeriesInstanceUID, entry.reason) for entry in cohort.entries] == [
            ("1.1.3", "soft kernel of 2 of 1.25 mm"),
            ("1.2.1", "only one"),
        ]

    def test_keeps_the_snapshot_and_the_person(self, archive_of: Callable[..., Archive]) -> None:
        archive = archive_of(*rows())
        cohort = build_cohort(archive, "x", Criteria(), links=[Link("P2", "P1")])
        assert cohort.snapshot_id == archive.snapshot().snapshot_id
        assert {entry.person_id for entry in cohort.entries} == {"P1"}
        assert {entry.reason for entry in cohort.entries} == {"fits the criteria"}


@pytest.mark.parametrize(
    ("criteria", "uids"),
    [
        ({"modalities": ("SEG",), "original_only": False}, ["2.1.4"]),
        ({"kinds": ("localizer",)}, ["2.1.1"]),
        ({"rounds": (1,)}, ["1.2.1"]),
        ({"kernel_classes": ("sharp",)}, ["1.1.2"]),
        ({"min_thickness_mm": 2.0}, ["1.1.1", "1.2.1"]),
        ({"volume_only": True}, ["2.1.2"]),
        ({"where": '"SliceThickness" > 2 OR is_volume'}, ["1.1.1", "2.1.2"]),
        ({"where": '"SliceThickness" > 2 -- thick'}, ["1.1.1"]),
        ({"where": "\"PatientID\" IN (SELECT 'P1') AND screening_round = 1"}, ["1.2.1"]),
        ({"one_per": "participant", "rounds": (0, 1)}, ["1.1.3"]),
        ({"one_per": "exam", "rounds": (0,), "prefer_kernel": "sharp"}, ["1.1.2"]),
    ],
    ids=str,
)
def test_each_criterion_keeps_what_it_says(
    archive_of: Callable[..., Archive], criteria: dict[str, Any], uids: list[str]
) -> None:
    assert chosen(archive_of(*rows()), **criteria) == uids


def test_slices_are_instances_where_positions_are_not_known(archive_of: Callable[..., Archive]) -> None:
    archive = archive_of(
        {"SeriesInstanceUID": "1", "slice_count": 10, "instance_count": 100},
        {"SeriesInstanceUID": "2", "slice_count": None, "instance_count": 100},
    )
    assert chosen(archive, min_slices=50) == ["2"]


def test_an_exam_is_a_round_even_of_two_studies(archive_of: Callable[..., Archive]) -> None:
    archive = archive_of(
        {"SeriesInstanceUID": "1", "StudyInstanceUID": "a", "screening_round": 0, "SliceThickness": 2},
        {"SeriesInstanceUID": "2", "StudyInstanceUID": "b", "screening_round": 0, "SliceThickness": 1},
        {"SeriesInstanceUID": "3", "StudyInstanceUID": "c"},
        {"SeriesInstanceUID": "4", "StudyInstanceUID": "d"},
    )
    assert chosen(archive, one_per="exam") == ["2", "3", "4"]


def test_a_series_of_two_collections_is_taken_once(archive_of: Callable[..., Archive]) -> None:
    archive = archive_of({"collection_id": "b"}, {"collection_id": "a"}, {"SeriesInstanceUID": "2"})
    cohort = build_cohort(archive, "x", Criteria())
    assert [(entry.collection_id, entry.SeriesInstanceUID) for entry in cohort.entries] == [("a", "1.1.1"), ("c", "2")]
    assert cohort.flow[-1] == FlowStep("each series once", 2, 2, 2)


def test_an_earlier_snapshot_can_be_chosen_from(archive_of: Callable[..., Archive]) -> None:
    archive = archive_of(*rows())
    before = archive.snapshot().snapshot_id
    table = archive.snapshot().table("series").slice(0, 1)
    archive.update("c", lambda _: {"series": table}, note="only one left")
    assert len(build_cohort(archive, "x", Criteria()).entries) == 1
    assert len(build_cohort(archive, "x", Criteria(), snapshot_id=before).entries) == 7


class TestRefusal:
    def test_of_an_unknown_collection_names_those_there(self, archive_of: Callable[..., Archive]) -> None:
        with pytest.raises(NotFoundError, match="no collection 'd' in the archive; it has c"):
            chosen(archive_of({}), collections=("c", "d"))

    def test_of_criteria_that_leave_nothing_shows_the_flow(self, archive_of: Callable[..., Archive]) -> None:
        with pytest.raises(NotFoundError, match="1 series in all collections -> 0 MR -> 0 original"):
            chosen(archive_of({}), modalities=("MR",))

    @pytest.mark.parametrize(
        ("where", "complaint"),
        [
            ("Thickness < 2", "Thickness"),
            ("KVP >", "syntax error"),
            ("true; SELECT 1", "syntax error"),
            ("KVP = 'abc'", "Could not convert string 'abc'"),
            ("KVP = $kvp", "kvp"),
        ],
    )
    def test_of_a_wrong_condition_quotes_it(
        self, archive_of: Callable[..., Archive], where: str, complaint: str
    ) -> None:
        with pytest.raises(QueryError) as caught:
            chosen(archive_of({"KVP": 120.0}), where=where)
        message = str(caught.value)
        assert repr(where) in message
        assert complaint in message
        assert "coalesce" not in message
