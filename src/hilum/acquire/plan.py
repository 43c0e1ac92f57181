"""What a pull will bring, before anything is asked for: sizes, licences, and whether there is room."""

from __future__ import annotations

import shutil
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hilum.acquire.fingerprints import Fingerprints
from hilum.acquire.ledger import LEDGER_NAME, open_ledger
from hilum.disk import size_text
from hilum.errors import ArchiveError
from hilum.model.licences import Restriction, licence_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from hilum.acquire.wanted import WantedSeries
    from hilum.model.licences import Licence


@dataclass(frozen=True, slots=True)
class LicensedPart:
    """The series under one licence; `licence` is None where the source states none."""

    licence: Licence | None
    series: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What is wanted, against what is here.

    Attributes
    ----------
    series, participants
        How many are wanted.
    size_bytes
        Bytes of the series whose size is known.
    unsized_series
        Series whose size the source does not tell.
    here_bytes
        Bytes that an earlier pull brought whole.
    parts
        The series by licence, the largest part first.
    """

    series: int
    participants: int
    size_bytes: int
    unsized_series: int
    here_bytes: int
    parts: tuple[LicensedPart, ...]

    @property
    def missing_bytes(self) -> int:
        """Bytes that are still to come, as far as sizes are known."""
        return max(0, self.size_bytes - self.here_bytes)

    @property
    def restricted(self) -> tuple[Licence, ...]:
        """Licences that ask for more than citation, to be accepted before the download; unknown ones are among them."""
        stated = [part.licence for part in self.parts if part.licence is not None]
        return tuple(licence for licence in stated if licence.restriction >= Restriction.TERMS)

    def require_room(self, folder: Path) -> None:
        """Refuse a pull that the disk has no room for.

        Raises
        ------
        ArchiveError
            Fewer bytes are free than are still to come.
        """
        present = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
        free_bytes = shutil.disk_usage(present).free
        if free_bytes < self.missing_bytes:
            raise ArchiveError(
                f"{folder}: {size_text(self.missing_bytes)} are still to come, {size_text(free_bytes)} are free;"
                " make room, name another disk, or take a part (a batch, a cohort)"
            )


def plan_of(wanted: Sequence[WantedSeries], folder: Path) -> Plan:
    """Give the plan of a pull into a folder; nothing is made there.

    Raises
    ------
    ArchiveError
        Another pull works in the folder, or its ledger is damaged.
    """
    counts: dict[str | None, list[int]] = defaultdict(lambda: [0, 0])
    participants: set[str] = set()
    unsized = 0
    for series in wanted:
        count = counts[series.licence]
        count[0] += 1
        count[1] += series.size_bytes or 0
        unsized += series.size_bytes is None
        participants.add(series.participant_id)
    return Plan(
        series=len(wanted),
        participants=len(participants - {""}),
        size_bytes=sum(size_bytes for _, size_bytes in counts.values()),
        unsized_series=unsized,
        here_bytes=_here_bytes(wanted, folder),
        parts=_parts(counts),
    )


def _parts(counts: Mapping[str | None, Sequence[int]]) -> tuple[LicensedPart, ...]:
    """Parts from the series and bytes under each wording of a licence."""
    parts: dict[Licence | None, list[int]] = defaultdict(lambda: [0, 0])
    for text, (number, size_bytes) in counts.items():
        part = parts[licence_of(text) if text else None]
        part[0] += number
        part[1] += size_bytes
    by_size = sorted(parts.items(), key=lambda item: -item[1][1])
    return tuple(LicensedPart(licence, number, size_bytes) for licence, (number, size_bytes) in by_size)


def _here_bytes(wanted: Iterable[WantedSeries], folder: Path) -> int:
    if not (folder / LEDGER_NAME).exists():
        return 0
    keys = Fingerprints(series.key for series in wanted if series.size_bytes is not None)
    with open_ledger(folder) as ledger:
        return ledger.whole_bytes(keys)
