"""Findings that somebody looked at and accepted, kept in a file with the archive.

::

    [[accepted]]
    check = "secondary-image"
    item = "1.3.46.670589.33.*"     # shell pattern on item, place or participant; * for all
    reason = "dose reports, wanted"
    by = "A. Steward"
    on = 2026-01-31
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields, replace
from datetime import date
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from hilum.check.rules import BY_CHECK
from hilum.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hilum.check.finding import Finding

FILE_NAME = "accepted-checks.toml"
"""Name of the file in the folder of an archive."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Who accepted which findings, and why.

    Attributes
    ----------
    check
        Id of the check.
    item
        Shell pattern that the finding's item, place or participant matches.
    reason, by
        Why, and who says so.
    on
        The day.
    """

    check: str
    item: str
    reason: str
    by: str
    on: date

    def covers(self, finding: Finding) -> bool:
        """Whether the finding is among those accepted."""
        names = (finding.item, finding.place, finding.participant)
        return self.check == finding.check and any(name and fnmatchcase(name, self.item) for name in names)


def read_accepted(path: Path) -> tuple[Acceptance, ...]:
    """Read a file of acceptances; nothing if there is no such file.

    Raises
    ------
    ConfigError
        The file is malformed, or names no check there is.
    """
    if not path.exists():
        return ()
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); expected TOML with tables [[accepted]]") from error
    entries = content.pop("accepted", [])
    if content or not isinstance(entries, list):
        raise ConfigError(f"{path}: found {', '.join(content) or 'accepted as no list'}; expected tables [[accepted]]")
    return tuple(_acceptance(entry, f"{path}: entry {number}") for number, entry in enumerate(entries, start=1))


class Accepting:
    """Marks findings as they come, and knows which acceptances covered none of them."""

    def __init__(self, acceptances: Sequence[Acceptance]) -> None:
        self._acceptances = acceptances
        self._used: set[int] = set()

    def mark(self, finding: Finding) -> Finding:
        """Give a finding with who accepted it, itself if nobody did."""
        covering = [number for number, one in enumerate(self._acceptances) if one.covers(finding)]
        self._used.update(covering)
        return replace(finding, acceptance=self._acceptances[covering[0]]) if covering else finding

    @property
    def unused(self) -> tuple[Acceptance, ...]:
        """Acceptances that covered none so far."""
        return tuple(one for number, one in enumerate(self._acceptances) if number not in self._used)


def _acceptance(entry: Any, where: str) -> Acceptance:
    names = [field.name for field in fields(Acceptance)]
    if not isinstance(entry, dict) or sorted(entry) != sorted(names):
        found = ", ".join(entry) if isinstance(entry, dict) else repr(entry)
        raise ConfigError(f"{where}: found {found}; expected {', '.join(names)}")
    texts = [name for name in names if name != "on"]
    if wrong := [name for name in texts if not isinstance(entry[name], str) or not entry[name].strip()]:
        raise ConfigError(f"{where}: {wrong[0]} is {entry[wrong[0]]!r}; expected a text")
    if type(entry["on"]) is not date:
        raise ConfigError(f"{where}: on is {entry['on']!r}; expected a day such as 2026-01-31, without quotes")
    if entry["check"] not in BY_CHECK:
        raise ConfigError(f"{where}: no check {entry['check']!r}; docs/check.md lists them")
    return Acceptance(**entry)
