"""Who has an account on the site of the browser tests, and what none of them but the steward sees."""

from __future__ import annotations

from builders import UID_ROOT

PASSWORD = "a long enough pass phrase"
STEWARD, READER = "steward@example.org", "reader@example.org"
PEOPLE = {STEWARD: "steward", READER: "reader"}
"""Address and role."""

COHORT = "Chosen by the reader"
KEPT, KEPT_STUDY = "KEPT^1", f"{UID_ROOT}.6"
"""Participant and study of the collection that is kept back."""
