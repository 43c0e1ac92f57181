"""What the HTML pages of results share: templates, how figures are written, what stands at the head."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from hilum.assess.plot import letter, rate_text, series_class

if TYPE_CHECKING:
    from jinja2 import Environment, Template

    from hilum.assess.intervals import Interval

NOTHING = "–"
"""What stands where there is no figure."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number at the head of a page."""

    value: str
    meaning: str
    detail: str


@cache
def template(name: str) -> Template:
    """A template of this package; everything put into it is escaped."""
    return _environment().get_template(name)


def stylesheet() -> str:
    """Style sheet of the pages, for those that other parts of hilum write."""
    from importlib.resources import files

    return files("hilum.assess").joinpath("pages", "page.css").read_text(encoding="utf-8")


def whole(value: int) -> str:
    """A count."""
    return f"{value:,}"


def number(value: float | None) -> str:
    """A sensitivity or area, to three digits."""
    return NOTHING if value is None else f"{value:.3f}"


def signed(value: float) -> str:
    """A difference, with the sign that a minus is; none where it rounds to nothing."""
    text = f"{value:+.3f}".replace("-", "−")
    return text if text.strip("+−0.") else "0.000"


def score(value: float | None, digits: int = 4) -> str:
    """A score or threshold, to so many digits that count."""
    return NOTHING if value is None else f"{value:#.{digits}g}"


def span(interval: Interval | None) -> str:
    """An interval of sensitivities."""
    return f"{interval.low:.3f}–{interval.high:.3f}" if interval else ""


def signed_span(interval: Interval | None) -> str:
    """An interval of differences."""
    return f"{signed(interval.low)} to {signed(interval.high)}" if interval else NOTHING


def p_value(value: float) -> str:
    """A p value, to what matters of it."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def rate_words(rate: float) -> str:
    """A rate and what it is."""
    return f"{rate_text(rate)} false positive{'' if rate == 1 else 's'} an exam"


def endpoint_words(endpoint: str) -> str:
    """An endpoint of a comparison, short enough for the head of a column."""
    return begin(endpoint.replace("false positives", "FP"))


def begin(text: str) -> str:
    """The text with a capital at its beginning."""
    return text[:1].upper() + text[1:]


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("hilum.assess", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = (
        whole,
        number,
        signed,
        score,
        span,
        signed_span,
        p_value,
        rate_words,
        endpoint_words,
        begin,
        letter,
        series_class,
    )
    environment.filters |= {one.__name__: one for one in filters} | {"rate": rate_text}
    return environment
