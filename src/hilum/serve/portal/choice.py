"""A choice of series as an address holds it, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hilum.cohort import Criteria
from hilum.errors import ConfigError
from hilum.model.kinds import ImageKind, KernelClass

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import QueryDict

MOST_VALUES = 100
"""Values of one facet; the site has no facet with more, and an address longer than that is nobody's choice."""

_LISTS: dict[str, Callable[[str], Any]] = {
    "collections": str,
    "modalities": str,
    "kinds": ImageKind,
    "rounds": int,
    "kernel_classes": KernelClass,
    "manufacturers": str,
}
_NUMBERS: dict[str, Callable[[str], Any]] = {"min_thickness_mm": float, "max_thickness_mm": float, "min_slices": int}
_WORDS = ("one_per", "prefer_kernel")


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice: its criteria, or what is wrong with it.

    Attributes
    ----------
    criteria
        What is asked; the usual where something is wrong.
    problem
        What is wrong, for who made the choice; empty otherwise.
    """

    criteria: Criteria
    problem: str = ""


def read_choice(query: QueryDict) -> Choice:
    """Read the choice that an address or form holds; nothing said is the usual: original CT."""
    try:
        return Choice(Criteria(**_values(query)))
    except ConfigError as error:
        return Choice(Criteria(), str(error))


def _values(query: QueryDict) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, kind in _LISTS.items():
        if len(given := [value for value in query.getlist(name) if value]) > MOST_VALUES:
            raise ConfigError(f"{name}: {len(given)} values, at most {MOST_VALUES} can be chosen")
        if given:
            values[name] = tuple(_converted(name, kind, value) for value in given)
    if "chosen" in query:
        # Somebody has chosen already: no modality means any, not the usual one.
        values.setdefault("modalities", ())
    for name, kind in _NUMBERS.items():
        if text := query.get(name):
            values[name] = _converted(name, kind, text)
    values |= {name: query[name] for name in _WORDS if query.get(name)}
    values["original_only"] = "with_derived" not in query
    values["volume_only"] = "volume_only" in query
    return values


def _converted(name: str, kind: Callable[[str], Any], text: str) -> Any:
    try:
        return kind(text)
    except ValueError as error:
        raise ConfigError(f"{name.replace('_', ' ')}: nothing can be chosen by {text!r}") from error
