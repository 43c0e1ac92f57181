"""Who asks: nobody known, a user, or a token that a user made."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Scope(IntEnum):
    """What somebody is on this site, each more than the one before; what was approved for them stands in grants."""

    PUBLIC = 0
    REGISTERED = 1
    STEWARD = 2
    ADMIN = 3


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, as every decision sees them.

    Attributes
    ----------
    scope
        What they are.
    user_id
        Key of the user; None for nobody known.
    token_id
        Key of the token they came with; None for a session.
    cohort_id
        The one cohort that the token is for; empty: all that its user sees.
    """

    scope: Scope = Scope.PUBLIC
    user_id: int | None = None
    token_id: int | None = None
    cohort_id: str = ""


ANYBODY = Principal()
