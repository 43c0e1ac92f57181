"""Packing a release onto drives, each a BagIt bag that is complete in itself.

A bag without ``bagit.txt`` is not finished: it is written last. What was copied is noted down in ``packing.sqlite`` on
the drive, after it is on disk, so a packing that was killed goes on where it was.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from hilum import __version__
from hilum.catalog.layout import Layout
from hilum.disk import UNFINISHED, exclusive_lock, room_for, settle, sync_filesystem, unfinished, write_whole
from hilum.errors import ArchiveError, Refusal
from hilum.publish.bag import (
    ALGORITHMS,
    DECLARATION,
    DECLARATION_TEXT,
    INFORMATION,
    PAYLOAD,
    information_text,
    manifest_line,
    manifest_name,
    read_information,
    tag_manifest_name,
)
from hilum.publish.digests import copy_file, digest_file
from hilum.publish.names import require_names_apart
from hilum.publish.packed import forget, open_done
from hilum.publish.release import DIGEST_FILE
from hilum.publish.shipment import LIST_NAME, packing_list, readme
from hilum.publish.stored import ends_of_batches, stored_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from hilum.publish.digests import Digests
    from hilum.publish.drives import Drive
    from hilum.publish.packed import Done
    from hilum.publish.release import Release
    from hilum.publish.shipment import Shipment
    from hilum.publish.stored import StoredFile

FILES_AT_ONCE = 2048
BYTES_AT_ONCE = 128_000_000
"""Files and bytes between two syncs: a sync for each file would take days for 20 million of them."""

FILES_PER_TASK = 16
"""Files that a thread brings before it asks for more."""

_NO_LINK = frozenset({errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP})
"""Errors of a hard link between two disks, on a file system without them, or to a file of somebody else."""

RELEASE_FOLDER = "release"
REQUEST, RECIPIENT = "Hilum-Request", "Hilum-Recipient"
"""Lines of a bag's information that say what it answers, and who gets it."""

STATE_NAME = "packing.sqlite"
LOCK_NAME = "packing.lock"


@dataclass(frozen=True, slots=True)
class Packed:
    """What packing a drive came to.

    Attributes
    ----------
    bag
        Its folder.
    files, size_bytes
        Of the payload.
    written
        Files copied or linked now; the others were there.
    refusals
        Files that could not be packed; with any the bag is not finished.
    """

    bag: Path
    files: int
    size_bytes: int
    written: int
    refusals: tuple[Refusal, ...]


def bag_name(release: Release, drive: Drive) -> str:
    """Name of the folder of a drive's bag."""
    return f"{release.name}-{release.version}-drive-{drive.number}-of-{drive.of}"


def pack_drive(
    release: Release,
    drives: Sequence[Drive],
    number: int,
    out: Path,
    shipment: Shipment,
    *,
    link: bool = False,
    on_progress: Callable[[int], None] | None = None,
) -> Packed:
    """Write the bag of one drive below a folder, or go on with one that was begun.

    Parameters
    ----------
    drives, number
        The whole split, and the drive's number in it, from 1.
    link
        Hard-link the files instead of copying them; for a folder on the disk they lie on.
    on_progress
        Told how many more files are done.

    Raises
    ------
    ArchiveError
        There is not enough room, another bag lies there, or the drive cannot tell two names of the release apart.
    """
    drive = drives[number - 1]
    bag = out.absolute() / bag_name(release, drive)
    bag.mkdir(parents=True, exist_ok=True)
    with exclusive_lock(bag / LOCK_NAME):
        if (bag / DECLARATION).exists():
            return _finished(bag, release, drive, shipment)
        if (bag / LOCK_NAME.upper()).exists():
            require_names_apart(release)
        with open_done(bag / STATE_NAME, purpose=_purpose(release, drive)) as done:
            copying = _Copying(bag, done, link=link, on_progress=on_progress or (lambda _: None))
            copying.require_room(release, drive)
            copying.copy(_files(release, drive))
            if copying.refusals:
                return Packed(bag, drive.files, drive.size_bytes, copying.written, tuple(copying.refusals))
            _write_tags(bag, done, release, drives=drives, drive=drive, shipment=shipment)
        forget(bag / STATE_NAME)
        write_whole(bag / DECLARATION, DECLARATION_TEXT.encode())
    (bag / LOCK_NAME).unlink(missing_ok=True)
    return Packed(bag, drive.files, drive.size_bytes, copying.written, ())


def _finished(bag: Path, release: Release, drive: Drive, shipment: Shipment) -> Packed:
    information = read_information(bag)
    found = information.get("Bag-Group-Identifier", "another shipment")
    if found != release.digest:
        raise ArchiveError(f"{bag} is a finished bag of {found}, expected {release.digest}; name another folder")
    for what, name, asked in (("request", REQUEST, shipment.request), ("recipient", RECIPIENT, shipment.recipient)):
        packed_for = information.get(name, "")
        if packed_for != asked:
            raise ArchiveError(
                f"{bag} is finished, for {what} {packed_for!r}, now {asked!r} is named; name another folder, or say as"
                " before"
            )
    forget(bag / STATE_NAME)
    (bag / LOCK_NAME).unlink(missing_ok=True)
    return Packed(bag, drive.files, drive.size_bytes, 0, ())


def _purpose(release: Release, drive: Drive) -> str:
    """Tell this drive of this split of this release from any other."""
    shares = [(share.collection_id, share.participant_id) for share in drive.shares]
    return hashlib.sha256(repr((release.digest, drive.number, drive.of, shares)).encode()).hexdigest()


def _files(release: Release, drive: Drive) -> Iterator[list[StoredFile]]:
    """The files of a drive, some at a time, in the order in which the release has them."""
    wanted = {(share.collection_id, share.participant_id) for share in drive.shares}
    for stored in stored_files(release):
        files = [file for file in stored if (stored.collection_id, file.participant_id) in wanted]
        start = 0
        for end in ends_of_batches([file.size_bytes for file in files], FILES_AT_ONCE, BYTES_AT_ONCE):
            yield files[start:end]
            start = end


class _Copying:
    """Files of a release on their way into a bag."""

    def __init__(self, bag: Path, done: Done, *, link: bool, on_progress: Callable[[int], None]) -> None:
        self._bag = bag
        self._payload = bag / PAYLOAD
        self._done = done
        self._link = link
        self._tell = on_progress
        self.written = 0
        self.refusals: list[Refusal] = []

    def require_room(self, release: Release, drive: Drive) -> None:
        """Refuse to begin what will not fit."""
        if self._link:
            return
        missing = drive.size_bytes
        if not self._done.is_new:
            missing = sum(file.size_bytes for files in _files(release, drive) for file in self._missing(files))
        free = shutil.disk_usage(self._bag).free
        if missing > free:
            raise ArchiveError(
                f"{self._bag}: {missing:,} bytes are to be copied and {free:,} are free; free some space, or pack for "
                "a smaller --capacity"
            )

    def copy(self, batches: Iterator[list[StoredFile]]) -> None:
        """Bring files into the bag, some at once."""
        with ThreadPoolExecutor() as pool:
            for files in batches:
                todo = self._missing(files)
                self._tell(len(files) - len(todo))
                for folder in {file.path.rpartition("/")[0] for file in todo}:
                    (self._payload / folder).mkdir(parents=True, exist_ok=True)
                some = [todo[start : start + FILES_PER_TASK] for start in range(0, len(todo), FILES_PER_TASK)]
                with room_for(self._bag):
                    results = list(chain.from_iterable(pool.map(self._bring_each, some)))
                    # Before anything is noted down as done, it is on the disk.
                    sync_filesystem(self._bag)
                self._note(todo, results)
                self._tell(len(todo))

    def _missing(self, files: list[StoredFile]) -> list[StoredFile]:
        if self._done.is_new:
            return files
        done = self._done.find([file.path for file in files], self._payload)
        return [file for file in files if file.path not in done]

    def _note(self, files: list[StoredFile], results: list[Digests | Refusal]) -> None:
        brought = {file.path: one for file, one in zip(files, results, strict=True) if not isinstance(one, Refusal)}
        self._done.keep(brought)
        self.written += len(brought)
        self.refusals += [one for one in results if isinstance(one, Refusal)]

    def _bring_each(self, files: Sequence[StoredFile]) -> list[Digests | Refusal]:
        return [self._bring(file) for file in files]

    def _bring(self, file: StoredFile) -> Digests | Refusal:
        target = f"{self._payload}/{file.path}"
        try:
            found = _linked(file, target) if self._link else _copied(file, target)
        except OSError as error:
            if error.filename != file.place:
                raise
            return _unread(file, error)
        if (found.size_bytes, found.sha256) == (file.size_bytes, file.sha256):
            return found
        os.unlink(target)  # noqa: PTH108 - it is no Path
        reason = f"its SHA-256 is {found.sha256}, in the release {file.sha256}: restore it, or release a new version"
        return Refusal(file.place, "changed-file", reason)


def _copied(file: StoredFile, target: str) -> Digests:
    """Copy a file under its own name: until it is noted down, and the bag is finished, nobody takes it for whole."""
    try:
        return copy_file(file.place, target)
    except FileExistsError:
        os.unlink(target)  # noqa: PTH108 - it is no Path
        return copy_file(file.place, target)


def _linked(file: StoredFile, target: str) -> Digests:
    # A link to a symbolic link would point to where nobody has the file.
    source = os.path.realpath(file.place) if os.path.islink(file.place) else file.place  # noqa: PTH114
    found = digest_file(file.place)
    try:
        os.link(source, target)
    except FileExistsError:
        os.unlink(target)  # noqa: PTH108 - it is no Path
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        raise ArchiveError(
            f"{source} cannot be linked to {target} ({error.strerror}); without --link it is copied"
        ) from error
    return found


def _unread(file: StoredFile, error: OSError) -> Refusal:
    if isinstance(error, FileNotFoundError):
        return Refusal(file.place, "missing-file", f"{error.strerror}; is a drive not mounted?")
    return Refusal(file.place, "unreadable-file", f"{error.strerror}; look at its permissions and at the disk")


def _write_tags(
    bag: Path, done: Done, release: Release, *, drives: Sequence[Drive], drive: Drive, shipment: Shipment
) -> None:
    """Write all that lies beside the payload; the manifests of these files last."""
    _clear_drafts(bag)
    _write_manifests(bag, done, release, drive)
    record = Layout(Path()).release_record.name
    for name in [*(part.path for part in release.parts), record, DIGEST_FILE]:
        target = bag / RELEASE_FOLDER / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with unfinished(target) as draft:
            shutil.copyfile(release.folder / name, draft)
            settle(draft, target)
    write_whole(bag / LIST_NAME, packing_list(drives).encode())
    write_whole(bag / "README.txt", readme(release, drive, shipment).encode())
    write_whole(bag / INFORMATION, _information(release, drive, shipment).encode())
    _write_tag_manifests(bag)


def _clear_drafts(bag: Path) -> None:
    """Remove what a killed packing had begun to write: a bag holds nothing that its manifests do not name."""
    for draft in bag.rglob(f"*{UNFINISHED}"):
        draft.unlink()


def _write_manifests(bag: Path, done: Done, release: Release, drive: Drive) -> None:
    with unfinished(bag / manifest_name("sha256")) as one, unfinished(bag / manifest_name("sha512")) as other:
        with (
            one.open("w", encoding="utf-8", newline="\n") as sha256,
            other.open("w", encoding="utf-8", newline="\n") as sha512,
        ):
            for files in _files(release, drive):
                found = done.find([file.path for file in files], bag / PAYLOAD)
                for file in files:
                    path = f"{PAYLOAD}/{file.path}"
                    if file.path not in found:
                        raise ArchiveError(f"{bag / path} was changed while it was packed; run again")
                    sha256.write(manifest_line(found[file.path].sha256, path))
                    sha512.write(manifest_line(found[file.path].sha512, path))
        settle(one, bag / manifest_name("sha256"))
        settle(other, bag / manifest_name("sha512"))


def _write_tag_manifests(bag: Path) -> None:
    names = [INFORMATION, LIST_NAME, "README.txt", *(manifest_name(algorithm) for algorithm in ALGORITHMS)]
    names += [path.relative_to(bag).as_posix() for path in (bag / RELEASE_FOLDER).rglob("*") if path.is_file()]
    for algorithm in ALGORITHMS:
        lines = [manifest_line(hashlib.new(algorithm, DECLARATION_TEXT.encode()).hexdigest(), DECLARATION)]
        for name in sorted(names):
            with (bag / name).open("rb") as file:
                lines.append(manifest_line(hashlib.file_digest(file, algorithm).hexdigest(), name))
        write_whole(bag / tag_manifest_name(algorithm), "".join(lines).encode())


def _information(release: Release, drive: Drive, shipment: Shipment) -> str:
    return information_text(
        [
            ("External-Identifier", release.reference),
            ("External-Description", f"{release.name}, version {release.version}, drive {drive.number} of {drive.of}"),
            ("Bagging-Date", shipment.packed_on.isoformat()),
            ("Bag-Software-Agent", f"hilum {__version__}"),
            ("Payload-Oxum", f"{drive.size_bytes}.{drive.files}"),
            ("Bag-Group-Identifier", release.digest),
            ("Bag-Count", f"{drive.number} of {drive.of}"),
            ("Hilum-Licence", release.licence),
            (REQUEST, shipment.request),
            (RECIPIENT, shipment.recipient),
        ]
    )
