"""Results ranked: those on the same exams, lesions and choices on one board, any others on boards of their own.

Entries are plain values, so that a board can be shown when the run behind an entry is gone.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from hashlib import sha256
from itertools import groupby
from typing import TYPE_CHECKING, Any

from hilum.assess.comparable import lesion_keys
from hilum.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hilum.assess.assessment import Assessment

FORMAT = "hilum leaderboard 1"
"""Name and version of the file."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A result of a run.

    Attributes
    ----------
    run
        Name of the run.
    about
        What is told about it besides: detector, cohort, when it was added.
    hit, policy
        The hit criterion as it was written, and the policy's values, by which it can be assessed again.
    choices
        Criterion and policy in words.
    exams_sha256
        Of the exams and their participants.
    lesions_sha256
        Of the reference standard, as `why_not_comparable` compares it.
    exams, participants, lesions
        How many there are.
    cpm, low, high
        Mean sensitivity and its interval; None where undefined.
    confidence
        How the interval was made, in words.
    """

    run: str
    about: dict[str, str]
    hit: str
    policy: dict[str, Any]
    choices: dict[str, str]
    exams_sha256: str
    lesions_sha256: str
    exams: int
    participants: int
    lesions: int
    cpm: float | None
    low: float | None
    high: float | None
    confidence: str

    @property
    def ground(self) -> tuple[str, str, str]:
        """What two entries must share to be ranked together."""
        return self.exams_sha256, self.lesions_sha256, json.dumps(self.choices, sort_keys=True)

    @classmethod
    def of(cls, run: str, assessment: Assessment, *, hit: str, about: Mapping[str, str]) -> Entry:
        """Entry of a run that was assessed with the criterion written as `hit`."""
        choices = assessment.choices()
        confidence = choices.pop("confidence")
        interval, counts = assessment.cpm_interval, assessment.counts
        return cls(
            run,
            dict(about),
            hit,
            asdict(assessment.policy),
            choices,
            _digest(zip(assessment.exam_ids, assessment.participants, strict=True)),
            _digest(lesion_keys(assessment)),
            counts.exams,
            counts.participants,
            counts.lesions,
            assessment.cpm,
            interval.low if interval else None,
            interval.high if interval else None,
            confidence,
        )


@dataclass(frozen=True, slots=True)
class Ranked:
    """An entry and its place, from 1; entries of equal CPM share one, and one without CPM has none."""

    rank: int | None
    entry: Entry


@dataclass(frozen=True, slots=True)
class Board:
    """Entries that may be held against each other, the best first, equal ones by name."""

    rows: tuple[Ranked, ...]

    @property
    def ground(self) -> Entry:
        """Any of its entries: they share exams, lesions and choices."""
        return self.rows[0].entry


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """All entries of an archive, in the order they were added."""

    entries: tuple[Entry, ...] = field(default=())

    def with_entry(self, entry: Entry) -> Leaderboard:
        """Add an entry; one of the same run on the same ground is replaced."""
        kept = (one for one in self.entries if (one.run, one.ground) != (entry.run, entry.ground))
        return Leaderboard((*kept, entry))

    def without(self, run: str) -> Leaderboard:
        """Take all entries of a run away."""
        return Leaderboard(tuple(entry for entry in self.entries if entry.run != run))

    def boards(self) -> tuple[Board, ...]:
        """The boards, that with most entries first, of equal ones the older."""
        first = {entry.ground: at for at, entry in reversed(list(enumerate(self.entries)))}
        ordered = sorted(self.entries, key=lambda entry: first[entry.ground])
        boards = [_board(list(group)) for _, group in groupby(ordered, key=lambda entry: entry.ground)]
        return tuple(sorted(boards, key=lambda board: -len(board.rows)))

    def to_json(self) -> bytes:
        """Give the bytes of the file."""
        content = {"format": FORMAT, "entries": [asdict(entry) for entry in self.entries]}
        return (json.dumps(content, indent=1, allow_nan=False) + "\n").encode()

    @classmethod
    def from_json(cls, content: bytes, name: str = "leaderboard") -> Leaderboard:
        """Read what `to_json` gave.

        Raises
        ------
        FormatError
            The bytes are damaged, or another version's.
        """
        try:
            values = json.loads(content)
            if values["format"] != FORMAT:
                raise FormatError(f"{name}: format {values['format']!r}, expected {FORMAT!r}: update hilum")
            names = [one.name for one in fields(Entry)]
            return cls(tuple(Entry(**{key: entry[key] for key in names}) for entry in values["entries"]))
        except (ValueError, KeyError, TypeError) as error:
            raise FormatError(
                f"{name} is damaged ({type(error).__name__}: {error}); restore it or delete it"
            ) from error


def recorded_differences(first: Entry, second: Entry) -> tuple[str, ...]:
    """Say what two entries record of why they are not comparable, for when a run behind one is gone."""
    exams, lesions = (
        f"{what}: {one} of {first.run!r} and {two} of {second.run!r} are not the same"
        for what, one, two in (("exams", first.exams, second.exams), ("lesions", first.lesions, second.lesions))
    )
    names = dict.fromkeys([*first.choices, *second.choices])
    unknown = "unknown"
    choices = (
        f"{name}: {first.choices.get(name, unknown)!r} in {first.run!r}, {second.choices.get(name, unknown)!r} in "
        f"{second.run!r}"
        for name in names
        if first.choices.get(name) != second.choices.get(name)
    )
    return (
        *([exams] if first.exams_sha256 != second.exams_sha256 else []),
        *([lesions] if first.lesions_sha256 != second.lesions_sha256 else []),
        *choices,
    )


def _board(entries: Sequence[Entry]) -> Board:
    ordered = sorted(entries, key=lambda entry: (entry.cpm is None, -(entry.cpm or 0.0), entry.run))
    values = [entry.cpm for entry in ordered]
    return Board(tuple(Ranked(None if entry.cpm is None else values.index(entry.cpm) + 1, entry) for entry in ordered))


def _digest(rows: Iterable[tuple[object, ...]]) -> str:
    """SHA-256 of rows, whatever their order."""
    return sha256("\n".join(sorted(map(repr, rows))).encode()).hexdigest()
