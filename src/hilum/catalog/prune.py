"""Old snapshots of the catalog removed: their manifests, and the Parquet files that no other snapshot shares.

What is removed leaves a line in ``catalog/pruned.json``, so that the history goes on before it, and whoever asks for it
is told what became of it. What somebody reads stays (`hilum.catalog.hold`), and so does what was current until lately.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from hilum.catalog.commit import remove_strays
from hilum.catalog.hold import claimed
from hilum.catalog.layout import Layout
from hilum.catalog.snapshot import Snapshot
from hilum.disk import exclusive_lock, write_whole
from hilum.errors import ArchiveError, NotFoundError, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from hilum.catalog import Archive

HELD = ("held", "somebody reads it; prune again later")

HOUR = timedelta(hours=1)
MIN_AGE = 24 * HOUR
"""Since when a snapshot is not the current one: long enough for readers whose locks are not seen here, those of other
machines over a network share without locks."""


@dataclass(frozen=True, slots=True)
class Pruning:
    """What goes, and what stays.

    Attributes
    ----------
    snapshots
        Those that go, the newest first.
    refusals
        Those that were meant and stay, and why: the current one, what something names (``needed``), what was current
        until lately (``recent``), what somebody reads (``held``).
    files, size_bytes
        Parquet files that go with them: those that no remaining snapshot has.
    """

    snapshots: tuple[Snapshot, ...]
    refusals: tuple[Refusal, ...]
    files: int
    size_bytes: int


def plan_pruning(
    archive: Archive,
    naming: Mapping[str, Sequence[str]],
    *,
    keep: int,
    wanted: Sequence[str] = (),
    min_age: timedelta = MIN_AGE,
) -> Pruning:
    """Say what `prune` would remove.

    Parameters
    ----------
    naming
        What names each snapshot, which then stays; ``cohort.named.named_snapshots`` gives that of the archive.
    keep
        How many of the newest snapshots stay in any case, at least the current one; it counts only without `wanted`.
    wanted
        Ids of the snapshots that are meant; empty: all but the newest.
    min_age
        How long a snapshot must not have been the current one; it counts only without `wanted`.

    Raises
    ------
    NotFoundError
        A wanted snapshot is not there.
    ArchiveError
        The catalog is damaged, or the archive is a release.
    ValueError
        `keep` is below 1.
    """
    if keep < 1:
        raise ValueError(f"keep={keep}: the current snapshot always stays; expected 1 or more")
    archive.require_changeable()
    layout, history = Layout(archive.path), archive.snapshots()
    meant = [_read(layout, one) for one in dict.fromkeys(wanted)] if wanted else history[keep:]
    reasons = {} if wanted else dict(_recent(history, min_age))
    reasons |= {one: ("needed", f"named by {', '.join(who)}") for one, who in naming.items()}
    reasons[history[0].snapshot_id] = ("needed", "current")
    for one in meant:
        if one.snapshot_id not in reasons and _is_held(layout, one):
            reasons[one.snapshot_id] = HELD
    going = [one for one in meant if one.snapshot_id not in reasons]
    stays = [Refusal(one.snapshot_id, *reasons[one.snapshot_id]) for one in meant if one.snapshot_id in reasons]
    return _pruning(layout, going, stays)


def prune(
    archive: Archive,
    naming: Mapping[str, Sequence[str]],
    *,
    keep: int,
    wanted: Sequence[str] = (),
    min_age: timedelta = MIN_AGE,
) -> Pruning:
    """Remove old snapshots, as `plan_pruning` says; image files stay where they are.

    Killed at any point, it leaves every remaining snapshot whole; what it had not yet removed is removed by the next
    commit or pruning.

    Raises
    ------
    NotFoundError, ArchiveError, ValueError
        As `plan_pruning`.
    """
    layout = Layout(archive.path)
    with exclusive_lock(layout.lock):
        planned = plan_pruning(archive, naming, keep=keep, wanted=wanted, min_age=min_age)
        if planned.snapshots:
            _note(layout, planned.snapshots)
        gone = [one for one in planned.snapshots if _is_removed(layout.manifest(one.snapshot_id))]
        remove_strays(layout)
    lately = [Refusal(one.snapshot_id, *HELD) for one in planned.snapshots if one not in gone]
    return _pruning(layout, gone, [*planned.refusals, *lately])


def _pruning(layout: Layout, going: Sequence[Snapshot], stays: Sequence[Refusal]) -> Pruning:
    files = _only_of(layout, going)
    return Pruning(tuple(going), tuple(stays), len(files), sum(files.values()))


def _note(layout: Layout, going: Sequence[Snapshot]) -> None:
    """Leave a line for each snapshot before it goes; one of a snapshot that stays after all says nothing."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    lines = {
        one.snapshot_id: {"parent": one.parent, "created_at": one.created_at.isoformat(), "pruned_at": now}
        for one in going
    }
    write_whole(layout.pruned, json.dumps(read_pruned(layout) | lines, indent=1).encode() + b"\n")


def _is_held(layout: Layout, snapshot: Snapshot) -> bool:
    with claimed(layout.manifest(snapshot.snapshot_id)) as is_free:
        return not is_free


def _is_removed(manifest: Path) -> bool:
    """Remove a manifest, unless somebody has begun to read the snapshot."""
    with claimed(manifest) as is_free:
        if is_free:
            manifest.unlink()
    return is_free


def _recent(history: Sequence[Snapshot], min_age: timedelta) -> Iterator[tuple[str, tuple[str, str]]]:
    """Snapshots that were current until less than `min_age` ago: until the one that came next."""
    now = datetime.now(UTC)
    for newer, one in pairwise(history):
        if now - newer.created_at < min_age:
            until = newer.created_at.isoformat(timespec="minutes")
            yield one.snapshot_id, ("recent", f"current until {until}, less than {min_age / HOUR:g} h ago")


def _read(layout: Layout, snapshot_id: str) -> Snapshot:
    require_not_pruned(layout, snapshot_id)
    return Snapshot.read(layout.manifest(snapshot_id), layout.data)


def read_pruned(layout: Layout) -> dict[str, dict[str, Any]]:
    """Give what is known of removed snapshots, by id: parent, time, when it was removed.

    Raises
    ------
    ArchiveError
        The file is damaged.
    """
    try:
        found: dict[str, dict[str, Any]] = json.loads(layout.pruned.read_bytes())
        return {name: {"parent": line["parent"], **line} for name, line in found.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArchiveError(f"{layout.pruned} is damaged ({error}); restore it from a copy") from error


def history_of(layout: Layout, snapshot_id: str) -> list[Snapshot]:
    """Give a snapshot and those before it that are still there, the newest first.

    Raises
    ------
    NotFoundError
        One before it is missing, and was not removed.
    ArchiveError
        A manifest is damaged.
    """
    pruned = read_pruned(layout)
    found: list[Snapshot] = []
    following: str | None = snapshot_id
    while following is not None:
        if following in pruned and not layout.manifest(following).exists():
            following = pruned[following]["parent"]
            continue
        snapshot = Snapshot.read(layout.manifest(following), layout.data)
        found.append(snapshot)
        following = snapshot.parent
    return found


def require_not_pruned(layout: Layout, snapshot_id: str) -> None:
    """Say what became of a snapshot that was removed.

    Raises
    ------
    NotFoundError
        It was removed.
    """
    if not layout.manifest(snapshot_id).exists() and (line := read_pruned(layout).get(snapshot_id)):
        raise NotFoundError(f"snapshot {snapshot_id} was removed at {line['pruned_at']}, by hilum catalog prune")


def _only_of(layout: Layout, going: Sequence[Snapshot]) -> dict[str, int]:
    """Sizes of the files that only these snapshots have, by name; those of crashed commits count as remaining."""
    ids = {one.snapshot_id for one in going}
    others = (Snapshot.read(path, layout.data) for path in layout.snapshots.glob("*.json") if path.stem not in ids)
    remaining = {file.name for snapshot in others for file in snapshot.files}
    return {file.name: file.size_bytes for one in going for file in one.files if file.name not in remaining}
