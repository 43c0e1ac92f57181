"""The checks of a header, attribute by attribute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydicom.dataset import Dataset

from hilum.check.header import examine_header, read_dataset
from hilum.check.profile import DESCRIPTORS, FULL_DATES, protections
from hilum.check.safe_private import is_safe
from hilum.errors import HeaderError

if TYPE_CHECKING:
    from pathlib import Path


def dataset(*codes: str, **values: Any) -> Dataset:
    found = Dataset()
    found.PatientIdentityRemoved = "YES"
    found.DeidentificationMethodCodeSequence = [code(value) for value in codes or ("113100",)]
    for keyword, value in values.items():
        setattr(found, keyword, value)
    return found


def code(value: str) -> Dataset:
    found = Dataset()
    found.CodeValue = value
    return found


def test_every_keyword_of_the_profile_is_a_dicom_attribute() -> None:
    from pydicom.datadict import tag_for_keyword

    table = protections()
    assert len(table) == 617
    assert [keyword for keyword in table if tag_for_keyword(keyword) is None] == []
    assert {part for one in table.values() for part in one.action.split("/")} == {"X", "Z", "D", "U"}
    assert (table["InstitutionAddress"].action, table["PatientName"].action) == ("X", "Z")


def test_what_says_that_it_is_deidentified_and_holds_nothing_is_clean() -> None:
    assert examine_header(dataset()) == []


def test_an_option_that_is_declared_lets_its_attributes_stay() -> None:
    assert examine_header(dataset(SeriesDate="20000101")) == [("identity-not-removed", "SeriesDate")]
    assert examine_header(dataset("113100", FULL_DATES, SeriesDate="20000101")) == []
    assert examine_header(dataset("113100", DESCRIPTORS, SeriesDate="20000101")) != []


def test_empty_values_say_nothing() -> None:
    assert examine_header(dataset(InstitutionAddress="", OperatorsName=None, PatientComments=" ")) == []


def test_nested_attributes_are_found_once_their_sequence_may_stay() -> None:
    item = Dataset()
    item.InstitutionName = "somewhere"
    found = examine_header(dataset(ContributingEquipmentSequence=[item]))
    assert found == [("identity-not-removed", "ContributingEquipmentSequence > InstitutionName")]
    step = Dataset()
    step.OperatorsName = "Doe"
    removed = examine_header(dataset(RequestAttributesSequence=[step]))
    assert removed == [("identity-not-removed", "RequestAttributesSequence")]


def test_the_participants_own_name_is_found_in_a_cleaned_description() -> None:
    found = examine_header(dataset("113100", DESCRIPTORS, PatientName="Doe^Jane", ImageComments="Jane, lying"))
    assert ("name-in-text", "ImageComments") in found
    assert ("identity-replaced", "PatientName") in found


def test_safe_private_attributes_are_not_told() -> None:
    one = dataset()
    one.private_block(0x0019, "GEMS_ACQU_01", create=True).add_new(0x23, "DS", "1")
    assert examine_header(one) == []
    one.private_block(0x0019, "GEMS_ACQU_01").add_new(0x24 + 1, "DS", "1")
    assert examine_header(one) == [("private-attribute", "GEMS_ACQU_01 (0019)")]
    assert is_safe("GEMS_ACQU_01", 0x0019, 0x1023)
    assert not is_safe("OTHER", 0x0019, 0x1023)


def test_an_empty_private_attribute_or_creator_alone_is_not_told() -> None:
    one = dataset()
    one.private_block(0x0029, "SIEMENS CSA HEADER", create=True).add_new(0x10, "LO", "")
    assert examine_header(one) == []


@pytest.mark.parametrize(
    ("uid", "is_valid"),
    [("1.2.3", True), ("0.1", True), ("1.02", False), ("1.2.", False), ("1.a", False), ("1." + "2" * 63, False)],
)
@pytest.mark.filterwarnings("ignore:Invalid value for VR UI", "ignore:The value length")
def test_the_form_of_a_uid(uid: str, is_valid: bool) -> None:
    assert (examine_header(dataset(FrameOfReferenceUID=uid)) == []) == is_valid


@pytest.mark.parametrize("word", ["LABEL", "OVERVIEW", "VOLUME"])
def test_labels_and_overviews_of_slides_are_told(word: str) -> None:
    found = examine_header(dataset(Modality="SM", ImageType=["ORIGINAL", "PRIMARY", word, "NONE"]))
    assert found == ([] if word == "VOLUME" else [("slide-label", f"ImageType {word}")])


def test_a_slide_whose_image_shows_the_label_is_told() -> None:
    assert examine_header(dataset(SpecimenLabelInImage="YES")) == [("slide-label", "SpecimenLabelInImage")]
    assert examine_header(dataset(SpecimenLabelInImage="NO")) == []


def test_a_localizer_is_told_only_where_it_is_taken_for_slices() -> None:
    localizer = dataset(ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    assert examine_header(localizer, "axial") == [("localizer-as-slices", "ImageType")]
    assert examine_header(localizer, "localizer") == []


def test_a_file_that_is_not_there_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(HeaderError) as caught:
        read_dataset(tmp_path / "absent")
    assert caught.value.check == "unreadable-object"
