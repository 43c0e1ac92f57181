"""Persons dealt out to parts, like cards: by stratum, by number of series, by a hash of their name.

The persons of a stratum are put in order by their number of series, then by a BLAKE2b hash of seed and person id, and
the strata are laid one behind the other; each person in turn goes to the part that is furthest behind its share. So the
result depends on the persons, the seed and the strata alone: not on the order given, on the machine, or on the version
of a library's random numbers.

References
----------
BLAKE2: RFC 7693.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True, slots=True)
class Person:
    """A person to be dealt: name, stratum, and how many series come along."""

    person_id: str
    stratum: str
    series_count: int


def deal(persons: Iterable[Person], shares: Sequence[int], seed: int) -> dict[str, int]:
    """Give each person the number of a part.

    Parameters
    ----------
    shares
        Relative size of each part, whole numbers above 0. With equal shares the parts differ by at most one person, in
        all and in every stratum.

    Returns
    -------
    Person id to part, 0-based.
    """
    dealt = [0] * len(shares)
    parts = {}
    for turn, person in enumerate(sorted(persons, key=lambda person: _place(person, seed)), start=1):
        part = max(range(len(shares)), key=lambda i: (shares[i] * turn - sum(shares) * dealt[i], -i))
        dealt[part] += 1
        parts[person.person_id] = part
    return parts


def _place(person: Person, seed: int) -> tuple[str, int, bytes, str]:
    digest = hashlib.blake2b(f"{seed}\n{person.person_id}".encode(), digest_size=16).digest()
    return person.stratum, -person.series_count, digest, person.person_id
