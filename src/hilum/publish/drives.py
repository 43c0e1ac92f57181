"""Which participants go onto which drive: whole participants, in order, the same split each time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hilum.errors import ArchiveError
from hilum.publish.stored import stored_columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from hilum.publish.release import Release

CLUSTER_BYTES = 4096
"""Bytes that a file's size is rounded up to on ext4 and NTFS; exFAT takes 131,072 on large drives."""

LINES_BYTES = 1024
"""Room that the lines of the manifests take for one file: two digests of 64 and 128 digits, and its path thrice."""

MARGIN_BYTES = 16 * 2**20
"""Room left for folders and the texts beside the payload."""


_COUNTED = ("collection_id", "PatientID", "size_bytes")


@dataclass(frozen=True, slots=True)
class Share:
    """What a release holds of one participant; `participant_id` is None for files that belong to none.

    Attributes
    ----------
    room_bytes
        What its files take on a drive, with rounding and their lines in the manifests.
    """

    collection_id: str
    participant_id: str | None
    files: int
    size_bytes: int
    room_bytes: int

    @property
    def name(self) -> str:
        """The participant, in words for people."""
        return self.participant_id or f"files of {self.collection_id} that belong to no participant"


@dataclass(frozen=True, slots=True)
class Drive:
    """One drive of a shipment.

    Attributes
    ----------
    number, of
        Its number from 1, and how many there are.
    shares
        What is on it.
    """

    number: int
    of: int
    shares: tuple[Share, ...]

    @property
    def files(self) -> int:
        """Files of the payload."""
        return sum(share.files for share in self.shares)

    @property
    def size_bytes(self) -> int:
        """Bytes of the payload."""
        return sum(share.size_bytes for share in self.shares)


def plan_drives(release: Release, capacity_bytes: int, *, cluster_bytes: int = CLUSTER_BYTES) -> tuple[Drive, ...]:
    """Deal the participants of a release, in order, to drives of a capacity.

    Parameters
    ----------
    capacity_bytes
        What fits on a drive.
    cluster_bytes
        What a file's size is rounded up to by the drive's file system.

    Raises
    ------
    ArchiveError
        A participant does not fit on a drive of that capacity, or the release has no file.
    """
    overhead = MARGIN_BYTES + sum(part.size_bytes for part in release.parts)
    room_bytes = capacity_bytes - overhead
    dealt = list(_deal(_shares(release, cluster_bytes), room_bytes, capacity_bytes))
    if not dealt:
        raise ArchiveError(f"release {release.reference} has no files: there is nothing to ship")
    return tuple(Drive(number, len(dealt), tuple(shares)) for number, shares in enumerate(dealt, start=1))


def _shares(release: Release, cluster_bytes: int) -> list[Share]:
    """What there is of each participant, in order of collection and participant; files of nobody come last.

    Counted here, not by DuckDB: to start that takes as long as to count some hundred thousand files.
    """
    sums: dict[tuple[str, str | None], list[int]] = {}
    for batch in stored_columns(release, _COUNTED):
        for *who, size_bytes in zip(*(batch.column(name).to_pylist() for name in _COUNTED), strict=True):
            of_one = sums.setdefault((who[0], who[1]), [0, 0, 0])
            of_one[0] += 1
            of_one[1] += size_bytes
            of_one[2] += -(-size_bytes // cluster_bytes) * cluster_bytes + LINES_BYTES
    shares = (Share(*who, *of_one) for who, of_one in sums.items())
    return sorted(shares, key=lambda one: (one.collection_id, one.participant_id is None, one.participant_id or ""))


def _deal(shares: Iterable[Share], room_bytes: int, capacity_bytes: int) -> Iterator[Sequence[Share]]:
    on_drive: list[Share] = []
    left_bytes = room_bytes
    for share in shares:
        if share.room_bytes > room_bytes:
            raise ArchiveError(
                f"{share.name} takes {share.room_bytes:,} bytes, and a drive of {capacity_bytes:,} has room for "
                f"{max(room_bytes, 0):,} beside the release's tables; take larger drives"
            )
        if share.room_bytes > left_bytes:
            yield on_drive
            on_drive, left_bytes = [], room_bytes
        on_drive.append(share)
        left_bytes -= share.room_bytes
    if on_drive:
        yield on_drive
