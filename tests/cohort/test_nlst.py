"""The flow of the real National Lung Screening Trial, from the public index."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hilum.catalog import Archive
from hilum.catalog.idc import import_idc
from hilum.cohort import Criteria, build_cohort, cohort_series, k_fold, propose_links
from hilum.model.kinds import ImageKind, KernelClass

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    path: Path = tmp_path_factory.mktemp("nlst")
    archive = Archive.create(path / "archive")
    import_idc(archive, ["nlst"])
    return archive


def test_flow_has_the_counts_of_the_index(archive: Archive) -> None:
    criteria = Criteria(
        collections=("nlst",),
        kinds=(ImageKind.AXIAL,),
        rounds=(0,),
        kernel_classes=(KernelClass.SOFT,),
        max_thickness_mm=2.5,
        one_per="exam",
    )
    cohort = build_cohort(archive, "t0", criteria)
    assert [(step.series, step.step) for step in cohort.flow[2:5]] == [
        (203_087, "original, not derived by an analysis"),
        (137_910, "without localizers"),
        (137_526, "axial"),
    ]
    assert (cohort.flow[2].exams, cohort.flow[2].participants) == (73_006, 26_254)
    last, before = cohort.flow[-1], cohort.flow[-2]
    # One series an exam, and one exam a participant in a round.
    assert last.series == last.exams == last.participants == before.exams == len(cohort.entries)
    sizes = [len(fold.test) for fold in k_fold(cohort, 5, seed=0)]
    assert sum(sizes) == last.series
    assert max(sizes) - min(sizes) <= 1


def test_a_study_of_two_participants_is_proposed_as_a_link(archive: Archive) -> None:
    """The index has exactly one such study."""
    cohort = build_cohort(archive, "two", Criteria(where="\"PatientID\" IN ('108001', '123342', '100002')"))
    (link,) = propose_links(cohort_series(archive, cohort)).links
    assert (link.PatientID, link.same_person_as) == ("123342", "108001")
    assert link.evidence == "one study under both ids"
