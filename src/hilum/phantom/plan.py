"""Which participants a phantom collection has, and who shares a scan."""

from __future__ import annotations

from dataclasses import dataclass

from hilum.phantom.scan import Region, ScanPlan

LEAST_PARTICIPANTS = 2
MOST_PARTICIPANTS = 998
"""Two regions of three-digit numbers."""
TWIN_SHARE = 8
"""One scan in so many stands under two identifiers; in the real collection it is 20 of 176 participants."""
NO_LARGE_EVERY = 6
"""Every so manieth scan shows no node of 10 mm or more."""


@dataclass(frozen=True, slots=True)
class ParticipantPlan:
    """One participant: an identifier, and the region it was annotated for."""

    participant_id: str
    region: Region


@dataclass(frozen=True, slots=True)
class Exam:
    """A scan, and the participants it stands under: one, or two for a scan of chest and abdomen."""

    scan: ScanPlan
    participants: tuple[ParticipantPlan, ...]


def plan_collection(participants: int, seed: int) -> tuple[Exam, ...]:
    """Plan a collection: half of the participants mediastinal, half abdominal.

    Like in the real collection, some scans stand under both a MED and an ABD identifier (ABD_LYMPH_001 is
    MED_LYMPH_002, ABD_LYMPH_003 is MED_LYMPH_004, ...): at least one from four participants on.

    Raises
    ------
    ValueError
        `participants` is not in 2..998, or `seed` is negative.
    """
    if not LEAST_PARTICIPANTS <= participants <= MOST_PARTICIPANTS:
        raise ValueError(f"{participants} participants: expected {LEAST_PARTICIPANTS} to {MOST_PARTICIPANTS}")
    if seed < 0:
        raise ValueError(f"seed {seed}: expected a number from 0")
    mediastinal = [ParticipantPlan(f"MED_LYMPH_{n:03d}", "MED") for n in range(1, participants - participants // 2 + 1)]
    abdominal = [ParticipantPlan(f"ABD_LYMPH_{n:03d}", "ABD") for n in range(1, participants // 2 + 1)]
    twin_count = max(participants // TWIN_SHARE, 1) if participants >= 4 else 0
    twins = [(mediastinal[2 * n + 1], abdominal[2 * n]) for n in range(twin_count)]
    shared = {participant.participant_id for pair in twins for participant in pair}
    singles = [(one,) for one in mediastinal + abdominal if one.participant_id not in shared]
    return tuple(_exam(seed, number, group) for number, group in enumerate([*twins, *singles]))


def _exam(seed: int, number: int, participants: tuple[ParticipantPlan, ...]) -> Exam:
    regions = tuple(participant.region for participant in participants)
    has_large_nodes = len(regions) > 1 or number % NO_LARGE_EVERY != NO_LARGE_EVERY - 1
    return Exam(ScanPlan(seed, number, regions, has_large_nodes), participants)
