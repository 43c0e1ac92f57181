"""Findings in a table on the disk, in the order of a report: of a million, none is in memory but the one looked at."""

from __future__ import annotations

import sqlite3
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hilum.check.finding import Finding
from hilum.check.rules import BY_CHECK, order_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from hilum.check.accepted import Acceptance

_ORDERED = tuple(sorted(BY_CHECK, key=order_of))
_RANK = {check: rank for rank, check in enumerate(_ORDERED)}
_COLUMNS = "rank, item, detail, place, participant, accepted"

_SETTLE = """
CREATE TABLE findings AS
SELECT rank, {item} AS item, {detail} AS detail, {place} AS place, participant, accepted FROM taken
GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6
"""


@dataclass(frozen=True, slots=True)
class CheckCount:
    """How many findings a check has, and how many of them were accepted."""

    check: str
    count: int
    accepted: int


class Findings:
    """Findings each once, the worst first; each time they are gone through they come from the disk.

    Those of a check stand together, by item and detail.
    """

    def __init__(self, table: sqlite3.Connection, acceptances: Sequence[Acceptance]) -> None:
        weakref.finalize(self, table.close)
        self._table = table
        self._acceptances = acceptances
        counted = table.execute(
            "SELECT rank, count(*), count(accepted), min(rowid), max(rowid) FROM findings GROUP BY rank ORDER BY rank"
        ).fetchall()
        self.counts = tuple(CheckCount(_ORDERED[rank], *counts) for rank, *counts, _, _ in counted)
        self._rows_of = {_ORDERED[rank]: rows for rank, _, _, *rows in counted}

    def __len__(self) -> int:
        return sum(one.count for one in self.counts)

    def __iter__(self) -> Iterator[Finding]:
        return self._asked("ORDER BY rowid")

    def first_of(self, check: str, limit: int) -> Iterator[Finding]:
        """Give the first findings of a check, those that nobody accepted before the others."""
        between = "WHERE rowid BETWEEN ? AND ? ORDER BY accepted IS NOT NULL, rowid LIMIT ?"
        return self._asked(between, *self._rows_of[check], limit)

    def of_items(self, items: Iterable[str]) -> tuple[Finding, ...]:
        """Give the findings of some items."""
        self._table.execute("CREATE TEMP TABLE IF NOT EXISTS wanted (item BLOB PRIMARY KEY)")
        self._table.execute("DELETE FROM wanted")
        self._table.executemany("INSERT INTO wanted VALUES (?)", ((_bytes(item),) for item in set(items)))
        return tuple(self._asked("WHERE item IN (SELECT item FROM wanted) ORDER BY rowid"))

    def _asked(self, which: str, *values: object) -> Iterator[Finding]:
        rows = self._table.execute(f"SELECT {_COLUMNS} FROM findings {which}", values)  # noqa: S608 - our own words
        for rank, *texts, accepted in rows:
            item, detail, place, participant = map(_text, texts)
            acceptance = None if accepted is None else self._acceptances[accepted]
            yield Finding(_ORDERED[rank], item, detail, place, participant, acceptance)


class FindingTable:
    """Takes findings in any order, each as often as it comes."""

    def __init__(self) -> None:
        # A file without a name, gone when it is closed, by whichever thread gives it up last.
        self._table = sqlite3.connect("", check_same_thread=False)
        self._table.execute("PRAGMA journal_mode = OFF")
        self._table.execute(f"CREATE TABLE taken ({_COLUMNS})")
        self._closing = weakref.finalize(self, self._table.close)
        self._acceptances: dict[Acceptance, int] = {}

    def add(self, finding: Finding) -> None:
        """Take a finding."""
        accepted = finding.acceptance
        number = None if accepted is None else self._acceptances.setdefault(accepted, len(self._acceptances))
        texts = (_bytes(text) for text in (finding.item, finding.detail, finding.place, finding.participant))
        self._table.execute("INSERT INTO taken VALUES (?, ?, ?, ?, ?, ?)", (_RANK[finding.check], *texts, number))

    def settled(self, below: Callable[[str], str] | None = None) -> Findings:
        """Give the findings in order; nothing can be added any more.

        Parameters
        ----------
        below
            Gives a text the form in which folders have other names; None: texts stay as they are.
        """
        named = {name: name if below is None else f"below({name})" for name in ("item", "detail", "place")}
        if below is not None:
            self._table.create_function("below", 1, lambda text: _bytes(below(_text(text))))
        self._table.execute(_SETTLE.format(**named))
        self._table.execute("DROP TABLE taken")
        self._closing.detach()
        return Findings(self._table, tuple(self._acceptances))


def _bytes(text: str) -> bytes:
    """Bytes in the order of the characters; a path may hold what is no text in UTF-8."""
    return text.encode(errors="surrogatepass")


def _text(content: bytes) -> str:
    return content.decode(errors="surrogatepass")
