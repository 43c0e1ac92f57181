"""What was sent to the site and waits for a steward: served to nobody, run by nothing, in no catalog.

::

    ARCHIVE/serve/inbox/DELIVERY/delivery.json    who sent it, when, how much
    ARCHIVE/serve/inbox/DELIVERY/000001.dcm ...   the objects, named by us
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from hilum.disk import UNFINISHED, settle, size_text, unfinished, write_whole
from hilum.errors import ArchiveError, ConfigError, HeaderError, NotFoundError
from hilum.index.header import read_header

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hilum.index.header import Header

FOLDER = "inbox"
RECORD = "delivery.json"
SUFFIX = ".dcm"
_NAME = re.compile(r"\d{8}T\d{6}-[0-9a-f]{8}")
_UID = re.compile(r"[0-9.]{1,64}")


@dataclass(frozen=True, slots=True)
class Delivery:
    """Objects that were sent in one request.

    Attributes
    ----------
    name
        Time and random digits.
    sent_at
        UTC, ISO form.
    user_id
        Key of the user who sent it.
    objects, size_bytes
        How many, and how much.
    """

    name: str
    sent_at: str
    user_id: int | None
    objects: int
    size_bytes: int


class OpenDelivery:
    """A delivery that is being received.

    Parameters
    ----------
    inbox
        Folder of the inbox.
    user_id
        Who sends it.
    limit_bytes
        What may wait in all: a steward who does not look must not find the disk full.

    Raises
    ------
    ArchiveError
        The inbox is full.
    """

    def __init__(self, inbox: Path, user_id: int | None, *, limit_bytes: int) -> None:
        if (waiting := sum(each.size_bytes for each in deliveries(inbox))) >= limit_bytes:
            raise ArchiveError(
                f"{size_text(waiting)} wait in the inbox, which takes {size_text(limit_bytes)}; nothing is taken "
                "before a steward has accepted or rejected some of it"
            )
        self.sent_at = datetime.now(UTC)
        self.user_id = user_id
        self.folder = inbox / f"{self.sent_at:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
        self._sizes: list[int] = []

    def receive(self, pieces: Iterable[bytes]) -> tuple[Path, Header]:
        """Write one object; give its file and header.

        Raises
        ------
        HeaderError
            It is no DICOM file; nothing is left of it.
        ArchiveError
            There is no room left on the disk.
        """
        path = self.folder / f"{len(self._sizes) + 1:06d}{SUFFIX}"
        with unfinished(path) as draft:
            with draft.open("wb") as file:
                for piece in pieces:
                    file.write(piece)
            header = read_header(draft)
            _require_uids(header)
            size = draft.stat().st_size
            settle(draft, path)
        self._sizes.append(size)
        return path, header

    def drop(self, path: Path) -> None:
        """Take back the object received last."""
        path.unlink()
        self._sizes.pop()

    def discard(self) -> None:
        """Remove what was received."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def close(self) -> Delivery | None:
        """Make the delivery known to stewards; None, and no trace, if it holds nothing."""
        if not self._sizes:
            self.discard()
            return None
        sent_at = self.sent_at.isoformat(timespec="seconds")
        made = Delivery(self.folder.name, sent_at, self.user_id, len(self._sizes), sum(self._sizes))
        write_whole(self.folder / RECORD, json.dumps(asdict(made)).encode())
        return made


def deliveries(inbox: Path) -> list[Delivery]:
    """What waits, the oldest first; what is still being received is left out."""
    if not inbox.is_dir():
        return []
    records = (folder / RECORD for folder in sorted(inbox.iterdir()) if _NAME.fullmatch(folder.name))
    return [Delivery(**json.loads(record.read_bytes())) for record in records if record.is_file()]


def accept(inbox: Path, name: str, folder: Path) -> list[Path]:
    """Move the objects of a delivery below `folder`, by study, series and instance; then they can be indexed.

    Raises
    ------
    NotFoundError
        There is no such delivery.
    ConfigError
        An object of the same UIDs is there already; nothing was moved.
    """
    sources = _objects(inbox, name)
    moves = {source: folder / _place_of(source) for source in sources}
    if taken := [target for target in moves.values() if target.exists()]:
        raise ConfigError(f"{taken[0]} is there already, and {len(taken) - 1} more; name another folder, or reject")
    if len(set(moves.values())) < len(moves):
        raise ConfigError("two objects of the delivery have the same UIDs; reject it and have it sent again")
    for source, target in moves.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(target.name + UNFINISHED)
        shutil.copyfile(source, draft)
        settle(draft, target)
    reject(inbox, name)
    return list(moves.values())


def reject(inbox: Path, name: str) -> None:
    """Remove a delivery.

    Raises
    ------
    NotFoundError
        There is no such delivery.
    """
    _objects(inbox, name)
    shutil.rmtree(inbox / name)


def _objects(inbox: Path, name: str) -> list[Path]:
    known = [each.name for each in deliveries(inbox)]
    if name not in known:
        raise NotFoundError(f"no delivery {name!r} in the inbox; these wait: {', '.join(known) or 'none'}")
    return sorted((inbox / name).glob(f"*{SUFFIX}"))


def _place_of(path: Path) -> Path:
    """Name of an object made from its UIDs, which hold digits and dots only."""
    values = read_header(path).values
    study, series, instance = (
        str(values[name]) for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
    )
    return Path(study, series, f"{instance}{SUFFIX}")


def _require_uids(header: Header) -> None:
    for keyword in ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        uid = str(header.values.get(keyword, ""))
        if not _UID.fullmatch(uid) or not uid.strip("."):
            raise HeaderError(f"{keyword} is no UID of digits and dots, 64 at most", check="no-uid")
