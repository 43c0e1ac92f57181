"""The table of checks."""

from __future__ import annotations

from pathlib import Path

from hilum.check import RULES, Severity, markdown_table
from hilum.check.rules import BY_CHECK, order_of
from hilum.index.checks import CHECKS

PAGE = Path(__file__).parents[2] / "docs" / "check.md"


def test_the_page_has_the_table() -> None:
    assert markdown_table() in PAGE.read_text(encoding="utf-8")


def test_each_check_stands_once_and_says_what_it_means() -> None:
    assert len(BY_CHECK) == len(RULES)
    assert all(rule.meaning and "|" not in rule.meaning for rule in RULES)


def test_the_checks_of_indexing_are_among_them() -> None:
    assert {check.name for check in CHECKS} <= set(BY_CHECK)
    assert BY_CHECK["missing-slices"].severity is Severity.ERROR
    assert BY_CHECK["localizer"].severity is Severity.NOTE


def test_the_worst_come_first() -> None:
    assert order_of("slide-label") < order_of("date-in-text") < order_of("localizer")
