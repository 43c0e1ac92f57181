"""Folders of series: IDC's, the retriever's, and names that are safe on every file system."""

from __future__ import annotations

import random
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquire.strategies import cohorts
from hilum.acquire.columns import series_of
from hilum.acquire.layouts import (
    IDC_TEMPLATE,
    ClassicLayout,
    DescriptiveLayout,
    TemplateLayout,
    layout_of,
    place,
    safe_part,
    us_date,
)
from hilum.acquire.names import require_safe
from hilum.acquire.wanted import WantedSeries
from hilum.errors import ConfigError

if TYPE_CHECKING:
    from hilum.acquire.layouts import Layout

SERIES = WantedSeries(
    "HNSCC",
    "HNSCC-01-0001",
    "1.3.6.1.4.1.14519.5.2.1.1706.8040.227180113037748503185792359359",
    "1.3.6.1.4.1.14519.5.2.1.1706.8040.305212762308252149853668352932",
    "PT",
    attributes={
        "StudyDate": "1998-12-01",
        "StudyID": "NA",
        "StudyDescription": "PETCT HEAD  NECK CA",
        "SeriesNumber": "5.000000",
        "SeriesDescription": "PET NO AC",
    },
)


def test_idc_template() -> None:
    assert TemplateLayout().folder(SERIES) == (f"HNSCC/HNSCC-01-0001/{SERIES.study_uid}/PT_{SERIES.series_uid}")


def test_classic_as_the_retriever_lays_it() -> None:
    assert ClassicLayout().folder(SERIES) == f"HNSCC/HNSCC-01-0001/{SERIES.study_uid}/{SERIES.series_uid}"


def test_descriptive_as_the_retriever_laid_it() -> None:
    """A line of a real metadata.csv of HNSCC."""
    assert DescriptiveLayout().folder(SERIES) == (
        "HNSCC/HNSCC-01-0001/12-01-1998-NA-PETCT HEAD  NECK CA-59359/5.000000-PET NO AC-52932"
    )


def test_the_retriever_has_the_name_of_a_collection_and_idc_its_id() -> None:
    series = series_of({"SeriesInstanceUID": "1.2.34567", "Collection": "CT Lymph Nodes", "Modality": "CT"})
    assert TemplateLayout("%collection_id").folder(series) == "ct_lymph_nodes"
    assert ClassicLayout().folder(series) == "CT Lymph Nodes/unknown/unknown/1.2.34567"
    assert DescriptiveLayout().folder(series) == "CT Lymph Nodes/unknown/unknown/34567"


def test_descriptive_without_description() -> None:
    bare = WantedSeries("c", "p", "1.2.34567", "1.2.98765", attributes={"StudyDate": "null", "SeriesDescription": "-"})
    assert DescriptiveLayout().folder(bare) == "c/p/34567/98765"


def test_descriptions_are_cut_and_slashes_replaced() -> None:
    attributes = {"StudyDescription": "a/b" + "c" * 60}
    folder = DescriptiveLayout().folder(WantedSeries("c", "p", "1.2.34567", "1.2.98765", attributes=attributes))
    assert folder == f"c/p/a-b{'c' * 50}-34567/98765"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("19981201", "12-01-1998"), ("1998-12-01", "12-01-1998"), ("12-01-1998", "12-01-1998"), ("", ""), ("x", "x")],
)
def test_dates_as_nbia_writes_them(text: str, expected: str) -> None:
    assert us_date(text) == expected


def test_templates_of_the_user() -> None:
    assert TemplateLayout("ct-%Modality/%PatientID-%StudyDate").folder(SERIES) == "ct-PT/HNSCC-01-0001-1998-12-01"


def test_unknown_values_are_named_so() -> None:
    assert TemplateLayout("%PatientID/%Modality").folder(WantedSeries(series_uid="1.2.3")) == "unknown/unknown"


@pytest.mark.parametrize(
    "template", ["%PatientID/../%StudyInstanceUID", "%Patient/x", "a//%PatientID", "%", "%PatientID/.", "100%/x"]
)
def test_templates_that_cannot_be(template: str) -> None:
    with pytest.raises(ConfigError, match="layout"):
        TemplateLayout(template)


def test_layouts_by_name() -> None:
    assert layout_of("classic").folder(SERIES) == ClassicLayout().folder(SERIES)
    assert layout_of("descriptive").folder(SERIES) == DescriptiveLayout().folder(SERIES)
    assert layout_of("idc").folder(SERIES) == layout_of(IDC_TEMPLATE).folder(SERIES)
    with pytest.raises(ConfigError, match="'flat': expected classic, descriptive, idc"):
        layout_of("flat")


@pytest.mark.parametrize(
    "text",
    ["..", ".", ".hidden", "a/b", "a\\b", "CON", "nul.txt", "com1", "a:b", "tail.", "tail ", "x" * 300, "\0", "\n"],
)
def test_names_that_are_not_safe_are_changed_and_told_apart(text: str) -> None:
    name = safe_part(text)
    assert name != text
    assert "~" in name
    assert safe_part(name) == name


@given(text=st.text(max_size=300))
def test_every_name_is_safe(text: str) -> None:
    name = safe_part(text)
    assert require_safe(name) == name
    assert PurePosixPath(name).parts == (name,)
    assert len(name.encode()) <= 120
    assert not set('<>:"/\\|?*') & set(name)
    assert name == name.rstrip(". ")


@given(texts=st.lists(st.text(max_size=6), unique=True, max_size=20))
def test_different_texts_stay_different(texts: list[str]) -> None:
    kept = [text for text in texts if text not in ("", "unknown")]
    assert len({safe_part(text) for text in kept}) == len(kept)


@pytest.mark.parametrize(
    "layout", [TemplateLayout(), TemplateLayout("%Modality"), ClassicLayout(), DescriptiveLayout()]
)
@given(cohort=cohorts, seed=st.integers())
def test_no_folder_holds_two_series_whatever_the_order(layout: Layout, cohort: list[WantedSeries], seed: int) -> None:
    folders = list(map(place(cohort, layout), cohort))
    assert len({folder.casefold() for folder in folders}) == len(cohort)
    assert all(require_safe(folder) for folder in folders)
    shuffled = random.Random(seed).sample(cohort, len(cohort))
    assert list(map(place(shuffled, layout), cohort)) == folders


def test_a_series_that_stands_twice_is_no_rival_of_itself() -> None:
    folder_of = place([SERIES, SERIES], TemplateLayout("%PatientID"))
    assert folder_of(SERIES) == "HNSCC-01-0001"


def test_upper_and_lower_case_are_one_folder_elsewhere() -> None:
    series = [WantedSeries(participant_id=name, series_uid=uid) for name, uid in (("Ab", "1.2.3"), ("aB", "1.2.4"))]
    folders = list(map(place(series, TemplateLayout("%PatientID")), series))
    assert [folder.split("~")[0] for folder in folders] == ["Ab", "aB"]
    assert len({folder.lower() for folder in folders}) == 2
