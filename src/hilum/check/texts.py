"""Names, dates and addresses in free text: cheap patterns that miss what they do not know.

They know western ways to write a date, the participant's own name and id, titles before a name, and DICOM's caret
names. A name that stands alone ("seen by Meier") is not found.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LEAST_NAME_LETTERS = 3
"""Shorter parts of a name stand in other words' place too often."""

LEAST_ID_CHARACTERS = 4
"""Likewise of an id."""

_MONTHS = "jan|feb|mar|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez"
_DAY, _MONTH, _YEAR = r"(?:0?[1-9]|[12]\d|3[01])", r"(?:0?[1-9]|1[0-2])", r"(?:19|20)\d{2}"
_DATE = re.compile(
    rf"""(?<![\d.]) (?:
        {_YEAR} ([-/.]) {_MONTH} \1 {_DAY}
      | (?:{_DAY} ([-/.]) {_MONTH} \2 | {_MONTH} ([-/]) {_DAY} \3) {_YEAR}
      | (?:{_DAY} / {_MONTH} | {_MONTH} / {_DAY}) / \d{{2}}
      | (?:19|20)\d{{2}} (?:0[1-9]|1[0-2]) (?:0[1-9]|[12]\d|3[01])
      | {_DAY} [-\ .]{{1,2}} (?:{_MONTHS})[a-z]* \.? [-\ ] {_YEAR}
    ) (?![\d.]*\d)""",
    re.VERBOSE | re.IGNORECASE,
)
_TITLED = re.compile(r"\b(?:Dr|Prof|Mr|Mrs|Ms|Herr|Frau)\b\.?\s+[A-Z][a-z]+")
_CARET = re.compile(r"\b[^\W\d_][\w'-]+\^[^\W\d_][\w'-]+")
_CONTACT = re.compile(
    r"[\w.+-]+@[\w-]+\.[\w.-]+ | \b(?:tel|phone|telefon|fax)\b [.:\s]* \+? [\d\s()/-]{6,}", re.VERBOSE | re.IGNORECASE
)


def identity_words(patient_name: str, patient_id: str) -> tuple[str, ...]:
    """The words of a participant's name and id that are worth looking for, in lower case."""
    parts = re.split(r"[\s^=,]+", patient_name)
    names = [part for part in parts if sum(map(str.isalpha, part)) >= LEAST_NAME_LETTERS]
    ids = [patient_id] if len(patient_id) >= LEAST_ID_CHARACTERS else []
    return tuple(dict.fromkeys(word.lower() for word in (*names, *ids)))


def checks_of_text(text: str, words: tuple[str, ...] = ()) -> Iterator[str]:
    """Give the checks that a text fails.

    Parameters
    ----------
    words
        From `identity_words`.
    """
    if _has_name(text, words):
        yield "name-in-text"
    if _DATE.search(text):
        yield "date-in-text"
    if _CONTACT.search(text):
        yield "contact-in-text"


def _has_name(text: str, words: tuple[str, ...]) -> bool:
    lower = text.lower()
    own = any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", lower) for word in words if word in lower)
    return own or bool(_TITLED.search(text) or _CARET.search(text))
