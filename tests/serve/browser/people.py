"""Who has an account on the site of the browser tests."""

from __future__ import annotations

PASSWORD = "a long enough pass phrase"
STEWARD, READER = "steward@example.org", "reader@example.org"
PEOPLE = {STEWARD: "steward", READER: "reader"}
"""Address and role."""

COHORT = "Chosen by the reader"
