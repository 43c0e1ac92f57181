"""Figures of results as readers see them: written as in the reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import template

from hilum.assess import page
from hilum.assess.plot import rate_text

if TYPE_CHECKING:
    from collections.abc import Mapping

register = template.Library()

register.filter("figure", page.number)
register.filter("score", page.score)
register.filter("rate", rate_text)
register.filter("rate_words", page.rate_words)
register.filter("begin", page.begin)


@register.filter
def span(row: Mapping[str, float | None] | None) -> str:
    """The interval from ``low`` to ``high``; nothing where there is none."""
    if not row or row["low"] is None or row["high"] is None:
        return ""
    return f"{row['low']:.3f}–{row['high']:.3f}"


@register.filter
def millimetres(value: float | None) -> str:
    """A length or coordinate to a tenth; a dash where it is not known."""
    return page.NOTHING if value is None else f"{value:.1f}"


@register.filter
def hit_criterion(choices: Mapping[str, str]) -> str:
    """The rule by which a mark hits, of all choices."""
    return choices["hit criterion"]
