"""The table of attributes against the DICOM dictionary."""

from __future__ import annotations

import pytest
from pydicom.datadict import dictionary_description, dictionary_VR, keyword_for_tag

from hilum.model.attributes import ATTRIBUTES, BY_KEYWORD, KEYWORDS, PIXEL_DATA_TAGS, Attribute
from hilum.model.tables import SERIES


@pytest.mark.parametrize("attribute", ATTRIBUTES, ids=lambda attribute: attribute.keyword)
def test_has_the_tag_and_representation_of_the_dictionary(attribute: Attribute) -> None:
    assert keyword_for_tag(attribute.tag) == attribute.keyword
    assert attribute.vr in dictionary_VR(attribute.tag).split(" or ")
    assert attribute.meaning


def test_stand_in_the_order_of_a_file() -> None:
    tags = [attribute.tag for attribute in ATTRIBUTES]
    assert tags == sorted(set(tags))


def test_are_found_by_keyword() -> None:
    assert len(KEYWORDS) == len(set(KEYWORDS)) == len(BY_KEYWORD)
    assert BY_KEYWORD["PatientID"].tag == 0x00100020


def test_pixel_data_tags_are_pixel_data() -> None:
    assert {dictionary_description(tag) for tag in PIXEL_DATA_TAGS} == {
        "Float Pixel Data",
        "Double Float Pixel Data",
        "Pixel Data",
    }


def test_every_dicom_column_of_a_series_is_among_them() -> None:
    capitalised = {name for name in SERIES.column_names if name[0].isupper()}
    assert capitalised <= set(KEYWORDS)


def test_a_patient_or_study_attribute_is_expected_once_a_study() -> None:
    for attribute in ATTRIBUTES:
        if attribute.keyword.startswith(("Patient", "Study")) and attribute.keyword != "PatientPosition":
            assert attribute.level == "study"
