"""One thing that a check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hilum.check.rules import BY_CHECK, Severity

if TYPE_CHECKING:
    from hilum.check.accepted import Acceptance
    from hilum.model.series import Series


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check found.

    Attributes
    ----------
    check
        Id of the check (`hilum.check.rules.RULES`).
    item
        What it was found in: a SeriesInstanceUID, a path, or a line of a file of lesions.
    detail
        What was found. The checks of de-identification name attributes and leave their values out: they may be what
        should not be there.
    place
        Folder the item's files lie in; empty where there is none.
    participant
        PatientID; empty where unknown.
    acceptance
        Who accepted it and why; None if nobody did.
    """

    check: str
    item: str
    detail: str
    place: str = ""
    participant: str = ""
    acceptance: Acceptance | None = None

    @property
    def severity(self) -> Severity:
        """Severity of the check."""
        return BY_CHECK[self.check].severity

    @property
    def is_open(self) -> bool:
        """Whether it is an error or a warning that nobody accepted."""
        return self.acceptance is None and self.severity is not Severity.NOTE


def place_of(series: Series) -> str:
    """Folder the first file of a series lies in; empty where its files are not here."""
    if series["instances"] is None or not len(series.instances):
        return ""
    (first,) = series.instances.take([0]).paths()
    return str(first.parent)
