"""What became of an object: in every release, in the catalog now, and in the versions of the public index."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from hilum.catalog.idc import index_folder
from hilum.catalog.lookup import look_up
from hilum.errors import NotFoundError
from hilum.publish.release import ask, list_releases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hilum.catalog import Archive
    from hilum.publish.release import Release

_UID = re.compile(r"[0-9]+(?:\.[0-9]+)+")

MOST_SUCCESSORS = 5
"""Series named that may have taken the place of one that is gone."""

_STATE_SQL = """
SELECT
    CASE WHEN "SOPInstanceUID" = $uid THEN 'instance' WHEN "SeriesInstanceUID" = $uid THEN 'series'
        WHEN "StudyInstanceUID" = $uid THEN 'study' ELSE 'participant' END AS kind,
    count(*), md5(string_agg(sha256, '' ORDER BY sha256)),
    any_value(collection_id), any_value("PatientID"), any_value("SeriesInstanceUID")
FROM read_parquet($files)
WHERE $uid IN ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "PatientID")
GROUP BY kind ORDER BY kind
"""

_SUCCESSORS_SQL = """
SELECT DISTINCT "SeriesInstanceUID" FROM read_parquet($after)
WHERE collection_id = $collection AND "PatientID" = $participant AND "SeriesInstanceUID" NOT IN (
    SELECT "SeriesInstanceUID" FROM read_parquet($before) WHERE "SeriesInstanceUID" IS NOT NULL)
ORDER BY ALL
"""

_PRIOR_SQL = """
SELECT min_idc_version, max_idc_version, CASE "SeriesInstanceUID" WHEN $uid THEN 'series' ELSE 'study' END AS kind,
    any_value(collection_id), min(series_aws_url)
FROM read_parquet($path) WHERE $uid IN ("SeriesInstanceUID", "StudyInstanceUID")
GROUP BY ALL ORDER BY ALL
"""

_CURRENT_SQL = """
SELECT coalesce(any_value(CASE "SeriesInstanceUID" WHEN $uid THEN 'series' ELSE 'study' END), ''),
    any_value(collection_id), min(series_aws_url)
FROM read_parquet($path)
WHERE $uid IN ("SeriesInstanceUID", "StudyInstanceUID")
"""

_NEWEST_SQL = "SELECT max(idc_version) FROM read_parquet($path)"


@dataclass(frozen=True, slots=True)
class Fate:
    """What an object is in one place.

    Attributes
    ----------
    place
        Release ``NAME@VERSION``, ``catalog``, or versions of the public index.
    on
        Day of the release; empty otherwise.
    kind
        ``instance``, ``series``, ``study`` or ``participant``; empty where it is not there.
    state
        ``came``, ``same``, ``changed``, ``gone`` or ``absent`` in a release; ``there`` or ``absent`` elsewhere.
    detail
        Number of files, whose it is, what came in the place of what is gone.
    """

    place: str
    on: str
    kind: str
    state: str
    detail: str


@dataclass(frozen=True, slots=True)
class _State:
    kind: str
    files: int
    fingerprint: str
    collection_id: str
    participant_id: str
    series_uid: str | None


def resolve(archive: Archive, uid: str, *, on_progress: Callable[[int], None] | None = None) -> list[Fate]:
    """Say what became of an object.

    Parameters
    ----------
    uid
        SOPInstanceUID, SeriesInstanceUID, StudyInstanceUID or PatientID.
    on_progress
        Told how many series of the catalog were walked over for an instance.

    Returns
    -------
    Releases by name and day, then the catalog as it is, then the public index, its older versions first.

    Raises
    ------
    NotFoundError
        It was never in any of them.
    """
    releases = groupby(list_releases(archive), key=lambda release: release.name)
    fates = [fate for _, group in releases for fate in _of_releases(list(group), uid)]
    fates.append(_of_catalog(archive, uid, on_progress))
    if _UID.fullmatch(uid):
        fates += _of_index(uid)
    if all(fate.state == "absent" for fate in fates):
        raise NotFoundError(f"{uid} is in no release of {archive.path}, not in its catalog, nor in the public index")
    return fates


def _of_releases(releases: list[Release], uid: str) -> Iterator[Fate]:
    """Fates in the releases of one name; none where it was in none of them."""
    states = [_state(release, uid) for release in releases]
    if not any(states):
        return
    for number, (release, state) in enumerate(zip(releases, states, strict=True)):
        before = states[number - 1] if number else None
        word, detail = _word(before, state)
        if word == "gone" and before:
            detail = _successors(releases[number - 1], release, before)
        yield Fate(release.reference, release.released_on.isoformat(), state.kind if state else "", word, detail)


def _word(before: _State | None, now: _State | None) -> tuple[str, str]:
    if now is None:
        return ("gone" if before else "absent"), ""
    detail = f"{now.files} files of {now.participant_id}"
    if before is None:
        return "came", detail
    is_same = before.fingerprint == now.fingerprint
    return ("same", detail) if is_same else ("changed", f"{detail}, before {before.files}")


def _state(release: Release, uid: str) -> _State | None:
    rows = list(ask(_STATE_SQL, uid=uid, files=[str(path) for path in release.tables("files")]))
    return _State(*rows[0]) if rows else None


def _successors(before: Release, after: Release, gone: _State) -> str:
    paths = {"before": before, "after": after}
    rows = ask(
        _SUCCESSORS_SQL,
        collection=gone.collection_id,
        participant=gone.participant_id,
        **{name: [str(path) for path in release.tables("files")] for name, release in paths.items()},
    )
    uids = [row[0] for row in rows if row[0]]
    shown = ", ".join(uids[:MOST_SUCCESSORS]) + (
        f" and {len(uids) - MOST_SUCCESSORS} more" * (len(uids) > MOST_SUCCESSORS)
    )
    return (
        f"new series of {gone.participant_id} then: {shown}" if uids else f"no new series of {gone.participant_id} then"
    )


def _of_catalog(archive: Archive, uid: str, on_progress: Callable[[int], None] | None) -> Fate:
    try:
        found = look_up(archive, uid, on_progress=on_progress)
    except NotFoundError:
        return Fate("catalog", "", "", "absent", "")
    places = sorted({f"{row['collection_id']}, {row['PatientID']}" for row in found.series})
    return Fate("catalog", "", found.kind, "there", "; ".join(places[:MOST_SUCCESSORS]))


def _of_index(uid: str) -> Iterator[Fate]:
    folder = index_folder()
    kind, *where = next(ask(_CURRENT_SQL, path=str(folder / "idc_index.parquet"), uid=uid))
    prior = list(ask(_PRIOR_SQL, path=str(folder / "prior_versions_index.parquet"), uid=uid))
    for first, last, prior_kind, collection_id, url in prior:
        after = "then in another state" if kind else "then dropped"
        yield Fate(f"IDC v{first} to v{last}", "", prior_kind, "there", f"{collection_id}, {url}; {after}")
    if kind or prior:
        newest = next(ask(_NEWEST_SQL, path=str(folder / "version_metadata_index.parquet")))[0]
        yield Fate(f"IDC v{newest}", "", kind, "there" if kind else "absent", ", ".join(where) if kind else "")
