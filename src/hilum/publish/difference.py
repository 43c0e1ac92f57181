"""How two releases differ: what came, went, changed and moved, by participant, series and file.

An image is the same object by its SOPInstanceUID, any other file by its path; it changed if its SHA-256 did. A file of
the same content under another path has moved, which is no change.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from hilum.errors import ConfigError
from hilum.sql import connect

if TYPE_CHECKING:
    import duckdb

    from hilum.publish.release import Release

LEVELS = ("participant", "series", "file")
STATES = ("came", "went", "changed", "moved", "same")

_JOIN_SQL = """
CREATE TABLE files AS
WITH before AS (SELECT *, coalesce("SOPInstanceUID", path) AS id FROM read_parquet($before)),
    after AS (SELECT *, coalesce("SOPInstanceUID", path) AS id FROM read_parquet($after))
SELECT
    collection_id, id, coalesce(b."PatientID", a."PatientID") AS participant,
    coalesce(b."SeriesInstanceUID", a."SeriesInstanceUID") AS series,
    a.path AS path_before, b.path AS path_after, coalesce(a.sha256, b.sha256) AS sha256,
    coalesce(a.size_bytes, b.size_bytes) AS size_bytes,
    CASE WHEN a.id IS NULL THEN 'came' WHEN b.id IS NULL THEN 'went' WHEN a.sha256 <> b.sha256 THEN 'changed'
        WHEN a.path <> b.path THEN 'moved' ELSE 'same' END AS state
FROM before AS a FULL JOIN after AS b USING (collection_id, id)
"""

# Empty files are all alike: of those, only one of the same name can be the one that moved.
_PAIR_SQL = """
CREATE TABLE moves AS
WITH numbered AS (
    SELECT *, row_number() OVER (PARTITION BY collection_id, sha256, name, state ORDER BY id) AS number
    FROM (SELECT *, CASE WHEN size_bytes = 0 THEN parse_filename(id) ELSE '' END AS name FROM files
        WHERE series IS NULL AND state IN ('came', 'went'))
)
SELECT w.collection_id, w.id AS old_id, c.id AS new_id FROM numbered AS w JOIN numbered AS c
USING (collection_id, sha256, name, number) WHERE w.state = 'went' AND c.state = 'came'
"""
_MOVE_SQL = """
UPDATE files SET state = 'moved', path_before = moves.old_id FROM moves
WHERE files.collection_id = moves.collection_id AND files.id = moves.new_id
"""
_FORGET_SQL = """
DELETE FROM files USING moves
WHERE files.collection_id = moves.collection_id AND files.id = moves.old_id AND files.state = 'went'
"""

_FILES_SQL = """
SELECT 'file', state, coalesce(path_after, path_before) AS path, collection_id, participant,
    CASE WHEN state = 'moved' THEN 'from ' || path_before ELSE '' END
FROM files WHERE state <> 'same' ORDER BY collection_id, participant NULLS LAST, path
"""

_GROUPS_SQL = """
SELECT $level, state, item, collection_id, participant,
    concat_ws(', ', CASE WHEN came > 0 THEN came || ' files came' END, CASE WHEN went > 0 THEN went || ' went' END,
        CASE WHEN changed > 0 THEN changed || ' changed' END)
FROM (
    SELECT {item} AS item, collection_id, any_value(participant) AS participant,
        count(*) FILTER (state = 'came') AS came, count(*) FILTER (state = 'went') AS went,
        count(*) FILTER (state = 'changed') AS changed,
        CASE WHEN came = count(*) THEN 'came' WHEN went = count(*) THEN 'went'
            WHEN came + went + changed > 0 THEN 'changed' ELSE 'same' END AS state
    FROM files WHERE {item} IS NOT NULL GROUP BY {item}, collection_id
)
ORDER BY collection_id, participant, item
"""
_ITEMS = {"participant": "participant", "series": "series"}


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is not the same in two releases.

    Attributes
    ----------
    level
        ``participant``, ``series`` or ``file``.
    state
        ``came``, ``went``, ``changed`` or ``moved``.
    item
        PatientID, SeriesInstanceUID, or path of a file; the later path where both releases have it.
    collection_id, participant_id
        Whose it is; the latter None for what belongs to no participant.
    detail
        How many files of it came, went and changed; of a moved file, its earlier path.
    """

    level: str
    state: str
    item: str
    collection_id: str
    participant_id: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class Difference:
    """How two releases differ.

    Attributes
    ----------
    before, after
        The releases, ``NAME@VERSION``.
    changes
        What is not the same: participants first, then series, then files.
    same
        Level to number of those that are the same.
    remarks
        What else differs: licence, lesions.
    """

    before: str
    after: str
    changes: tuple[Change, ...]
    same: dict[str, int]
    remarks: tuple[str, ...]

    def counts(self) -> list[dict[str, Any]]:
        """Give a row a level: how many came, went, changed, moved, and are the same."""
        counted = Counter((change.level, change.state) for change in self.changes)
        counted |= Counter({(level, "same"): count for level, count in self.same.items()})
        return [{"level": level} | {state: counted[level, state] for state in STATES} for level in LEVELS]

    def to_dict(self) -> dict[str, Any]:
        """Give all of it as JSON takes it."""
        return {"before": self.before, "after": self.after, "counts": self.counts()} | {
            "changes": [asdict(change) for change in self.changes],
            "remarks": list(self.remarks),
        }


def compare(before: Release, after: Release) -> Difference:
    """Say how two releases differ.

    Raises
    ------
    ConfigError
        They are releases of two different collections or cohorts.
    """
    if before.name != after.name:
        raise ConfigError(
            f"{before.reference} and {after.reference} are no versions of one thing; name two releases of one "
            "collection or cohort"
        )
    with connect() as connection:
        paths = {"before": _paths(before), "after": _paths(after)}
        connection.execute(_JOIN_SQL, paths)
        for statement in (_PAIR_SQL, _MOVE_SQL, _FORGET_SQL):
            connection.execute(statement)
        found = [change for level in _ITEMS for change in _groups(connection, level)]
        files = [Change(*row) for row in connection.execute(_FILES_SQL).fetchall()]
        same_files = connection.execute("SELECT count(*) FROM files WHERE state = 'same'").fetchall()[0][0]
    same = {level: sum(one.level == level and one.state == "same" for one in found) for level in _ITEMS}
    changes = [one for one in found if one.state != "same"]
    return Difference(
        before.reference,
        after.reference,
        (*changes, *files),
        same | {"file": same_files},
        tuple(_remarks(before, after)),
    )


def _paths(release: Release) -> list[str]:
    return [str(path) for path in release.tables("files")]


def _groups(connection: duckdb.DuckDBPyConnection, level: str) -> list[Change]:
    rows = connection.execute(_GROUPS_SQL.format(item=_ITEMS[level]), {"level": level}).fetchall()
    return [Change(*row) for row in rows]


def _remarks(before: Release, after: Release) -> list[str]:
    pairs = {
        "licence": (before.licence, after.licence),
        "lesions": (before.counts.lesions, after.counts.lesions),
        "open errors of the check": (before.check_counts["error"], after.check_counts["error"]),
    }
    remarks = [f"{name}: {old} -> {new}" for name, (old, new) in pairs.items() if old != new]
    return remarks if before.digest != after.digest else ["the two are one and the same release"]
