"""Names of lesions that are free text in their source: each lesion gets one of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hilum.model.findings import Lesion


def name_lesions(lesions: Iterable[Lesion]) -> tuple[tuple[Lesion, ...], tuple[str, ...]]:
    """Give every lesion of an exam a name: its own where no earlier one has it, else its number in the source.

    Returns
    -------
    The lesions, and a warning where names were given.
    """
    named: dict[str, Lesion] = {}
    changed = 0
    for number, lesion in enumerate(lesions, start=1):
        name = lesion.lesion_id or str(number)
        while name in named:
            name = f"{name}.{number}"
        changed += bool(lesion.lesion_id) and name != lesion.lesion_id
        named[name] = replace(lesion, lesion_id=name)
    warning = f"{changed} lesion(s) had the name of another and got their number besides"
    return tuple(named.values()), (warning,) if changed else ()
