"""Names, dates and addresses in free text."""

from __future__ import annotations

import pytest

from hilum.check.texts import checks_of_text, identity_words


@pytest.mark.parametrize(
    "text",
    ["chest 2001-02-03", "03.02.2001", "seen 3/2/2001", "20010203", "3 Feb 2001", "12. Dez. 2001", "Date = 12/29/09"],
)
def test_dates_are_found(text: str) -> None:
    assert list(checks_of_text(text)) == ["date-in-text"]


@pytest.mark.parametrize(
    "text",
    ["5/5mm", "1.2.840.10008.5.1.4", "CT CAP 1.25 x 0.8", "B30f 120 kV 200101", "T0,AXIAL,1-2-3", "version 3.0.12", ""],
)
def test_what_looks_like_a_date_is_not(text: str) -> None:
    assert list(checks_of_text(text)) == []


@pytest.mark.parametrize("text", ["for Dr. Meier", "MEIER^ANNA", "ref. jane"])
def test_names_are_found(text: str) -> None:
    assert list(checks_of_text(text, ("jane",))) == ["name-in-text"]


@pytest.mark.parametrize("text", ["janeway", "drainage", "^^^^", "Mrs"])
def test_other_words_are_no_names(text: str) -> None:
    assert list(checks_of_text(text, ("jane",))) == []


@pytest.mark.parametrize(
    ("text", "is_found"), [("a.b@example.org", True), ("Tel. +41 61 265 25 25", True), ("5@3", False)]
)
def test_addresses_are_found(text: str, is_found: bool) -> None:
    assert list(checks_of_text(text)) == (["contact-in-text"] if is_found else [])


def test_words_of_an_identity_are_long_enough_to_mean_something() -> None:
    assert identity_words("Doe^Jo^^Dr", "12") == ("doe",)
    assert identity_words("", "1234567") == ("1234567",)
    assert identity_words("", "") == ()
