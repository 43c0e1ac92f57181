"""Old snapshots of the catalog removed: their manifests, and the Parquet files that no other snapshot shares.

What is removed leaves a line in ``catalog/pruned.json``, so that the history goes on before it, and whoever asks for it
is told what became of it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hilum.catalog.commit import remove_strays
from hilum.catalog.layout import Layout
from hilum.catalog.snapshot import Snapshot
from hilum.disk import exclusive_lock, write_whole
from hilum.errors import ArchiveError, NotFoundError, Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hilum.catalog import Archive


@dataclass(frozen=True, slots=True)
class Pruning:
    """What goes, and what stays.

    Attributes
    ----------
    snapshots
        Those that go, the newest first.
    refusals
        Those that were meant and stay, and why: the current one, and what something names.
    files, size_bytes
        Parquet files that go with them: those that no remaining snapshot has.
    """

    snapshots: tuple[Snapshot, ...]
    refusals: tuple[Refusal, ...]
    files: int
    size_bytes: int


def plan_pruning(
    archive: Archive, naming: Mapping[str, Sequence[str]], *, keep: int, wanted: Sequence[str] = ()
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
    history = archive.snapshots()
    meant = [archive.snapshot(one) for one in dict.fromkeys(wanted)] if wanted else history[keep:]
    reasons = {**{one: f"named by {', '.join(who)}" for one, who in naming.items()}, history[0].snapshot_id: "current"}
    going = tuple(one for one in meant if one.snapshot_id not in reasons)
    refusals = tuple(
        Refusal(one.snapshot_id, "needed", reasons[one.snapshot_id]) for one in meant if one.snapshot_id in reasons
    )
    files = _only_of(archive, going)
    return Pruning(going, refusals, len(files), sum(files.values()))


def prune(archive: Archive, naming: Mapping[str, Sequence[str]], *, keep: int, wanted: Sequence[str] = ()) -> Pruning:
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
        done = plan_pruning(archive, naming, keep=keep, wanted=wanted)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        lines = {
            one.snapshot_id: {"parent": one.parent, "created_at": one.created_at.isoformat(), "pruned_at": now}
            for one in done.snapshots
        }
        if lines:
            write_whole(layout.pruned, json.dumps(read_pruned(layout) | lines, indent=1).encode() + b"\n")
        for one in done.snapshots:
            layout.manifest(one.snapshot_id).unlink()
        remove_strays(layout)
    return done


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


def _only_of(archive: Archive, going: Sequence[Snapshot]) -> dict[str, int]:
    """Sizes of the files that only these snapshots have, by name; those of crashed commits count as remaining."""
    layout, ids = Layout(archive.path), {one.snapshot_id for one in going}
    others = (Snapshot.read(path, layout.data) for path in layout.snapshots.glob("*.json") if path.stem not in ids)
    remaining = {file.name for snapshot in others for file in snapshot.files}
    return {file.name: file.size_bytes for one in going for file in one.files if file.name not in remaining}
