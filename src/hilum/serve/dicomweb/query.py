"""A search's parameters, read and checked before anything is looked up.

References
----------
DICOM PS3.18 section 8.3.4 (query parameters), 10.6.1 (search).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hilum.serve.dicomweb.keys import BY_NAME, LEVELS, Key, Level, known_tag
from hilum.serve.dicomweb.problem import BAD_REQUEST, ProblemError

if TYPE_CHECKING:
    from django.http import QueryDict

DEFAULT_LIMIT = 1000
"""Matches given where no limit is asked for; the others are told in a Warning and by Link."""

MAX_LIMIT = 5000
MAX_OFFSET = 2**31
MAX_CHARACTERS = 1024
"""Longest value that is matched, but for lists of UIDs: databases take no pattern or list of any length."""

_ALL = "all"
_OWN = frozenset(
    {"limit", "offset", "fuzzymatching", "includefield", "emptyvaluematching", "multiplevaluematching", "accept"}
)


@dataclass(frozen=True, slots=True)
class Query:
    """What is searched for.

    Attributes
    ----------
    matches
        Keys with the value that each must match; those that match everything are left out.
    include
        Tags to be returned besides.
    includes_all
        Whether everything known is to be returned.
    limit, offset
        Part of the matches to give.
    has_limit
        Whether the limit was asked for.
    is_fuzzy
        Whether fuzzy matching was asked for, which is not done.
    """

    matches: tuple[tuple[Key, str], ...] = ()
    include: frozenset[str] = field(default_factory=frozenset)
    includes_all: bool = False
    limit: int = DEFAULT_LIMIT
    offset: int = 0
    has_limit: bool = False
    is_fuzzy: bool = False

    def of_level(self, level: Level) -> list[tuple[Key, str]]:
        """Matches on attributes of one level."""
        return [(key, value) for key, value in self.matches if key.level == level]


def read_query(parameters: QueryDict, level: Level) -> Query:
    """Read the parameters of a search.

    Parameters
    ----------
    level
        What is searched for: attributes of it and of what it belongs to can be matched.

    Raises
    ------
    ProblemError
        400: a parameter is unknown, given twice, or has a value of the wrong form.
    """
    matches = {}
    for name, values in parameters.lists():
        if name in _OWN:
            continue
        key = _key(name, level)
        if len(values) > 1 and key.vr != "UI":
            raise ProblemError(BAD_REQUEST, f"{key.keyword} is given {len(values)} times; expected once")
        value = ",".join(values).strip()
        _check_text(value, key)
        if value.strip("*"):
            matches[key] = value
    included = [name.strip() for text in parameters.getlist("includefield") for name in text.split(",") if name.strip()]
    return Query(
        matches=tuple(matches.items()),
        include=frozenset(_included(name) for name in included if name.lower() != _ALL),
        includes_all=any(name.lower() == _ALL for name in included),
        limit=min(_count(parameters, "limit", DEFAULT_LIMIT), MAX_LIMIT),
        offset=_count(parameters, "offset", 0),
        has_limit="limit" in parameters,
        is_fuzzy=parameters.get("fuzzymatching", "").lower() == "true",
    )


def _key(name: str, level: Level) -> Key:
    key = BY_NAME.get(name.upper()) or BY_NAME.get(name.lower())
    if key is None:
        raise ProblemError(BAD_REQUEST, "a parameter is no attribute that can be matched; docs/dicomweb.md lists them")
    if LEVELS.index(key.level) > LEVELS.index(level):
        raise ProblemError(
            BAD_REQUEST, f"{key.keyword} is an attribute of {key.level}; it cannot be matched by {level}"
        )
    return key


def _check_text(value: str, key: Key) -> None:
    if any(ord(character) < ord(" ") for character in value):
        raise ProblemError(BAD_REQUEST, f"{key.keyword}: a control character was found")
    if key.vr != "UI" and len(value) > MAX_CHARACTERS:
        raise ProblemError(
            BAD_REQUEST, f"{key.keyword}: {len(value)} characters were found; expected at most {MAX_CHARACTERS}"
        )


def _included(name: str) -> str:
    tag = known_tag(name.rpartition(".")[0].partition(".")[0] or name)
    if tag is None:
        raise ProblemError(BAD_REQUEST, "an includefield is neither a keyword nor a tag of eight digits, nor all")
    return tag


def _count(parameters: QueryDict, name: str, default: int) -> int:
    text = parameters.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(MAX_OFFSET)) and int(text) <= MAX_OFFSET):
        raise ProblemError(BAD_REQUEST, f"{name}: expected a whole number from 0")
    return int(text)
