from __future__ import annotations

import pytest

from hilum.model.nlst import NlstDescription, parse_description, round_of_year


def test_every_field_of_a_description() -> None:
    assert parse_description("2,OPA,GE,LSPR16,STANDARD,390,2.5,120,48,0,1.4") == NlstDescription(
        screening_round=2,
        image_type="OPA",
        manufacturer_code="GE",
        model="LSPR16",
        kernel="STANDARD",
        field_of_view_mm=390.0,
        slice_thickness_mm=2.5,
        kvp=120.0,
        exposure_mas=48.0,
    )


def test_a_field_of_view_with_a_thousands_comma() -> None:
    found = parse_description("1,OPL,SE,SEN16,T20s,1,024,na,80,223.7,223,na")
    assert found is not None
    assert (found.field_of_view_mm, found.slice_thickness_mm, found.kvp) == (1024.0, None, 80.0)


def test_fields_without_value_are_none() -> None:
    found = parse_description("0,DS,,na,null,nan,inf,-5,x")
    assert found == NlstDescription(0, "DS", None, None, None, None, None, None, None)


def test_missing_fields_are_none() -> None:
    found = parse_description("1,OPA,SE")
    assert found is not None
    assert (found.manufacturer_code, found.model, found.exposure_mas) == ("SE", None, None)


def test_a_year_beyond_the_screens_is_no_round() -> None:
    found = parse_description("3,OPA,GE,LS16,BONE,360,2.5,120,40,0,1.5")
    assert found is not None
    assert found.screening_round is None


@pytest.mark.parametrize("text", [None, "", "CHEST", "2,5", "OPA,GE", "2,XPA,GE,LS16"])
def test_any_other_description_is_none(text: str | None) -> None:
    assert parse_description(text) is None


@pytest.mark.parametrize(("year", "expected"), [(1999, 0), (2000, 1), (2001, 2), (2002, None), (None, None)])
def test_round_of_a_shifted_year(year: int | None, expected: int | None) -> None:
    assert round_of_year(year) == expected
