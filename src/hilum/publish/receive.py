"""Receiving a drive: every file verified, held against the packing list and the release, with a receipt.

Verification notes down what is done, so that one that was killed goes on where it was; when it ends the notes are
removed, and the next one reads every byte again.
"""

from __future__ import annotations

import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import chain, islice, zip_longest
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, Any

from hilum.disk import write_whole
from hilum.errors import FormatError, HilumError, NotFoundError, Refusal
from hilum.publish.bag import (
    ALGORITHMS,
    DECLARATION,
    DECLARATION_TEXT,
    PAYLOAD,
    manifest_name,
    read_information,
    read_manifest,
    tag_manifest_name,
)
from hilum.publish.digests import digest_file
from hilum.publish.names import safe_name
from hilum.publish.pack import RELEASE_FOLDER, STATE_NAME
from hilum.publish.packed import forget, open_done
from hilum.publish.release import read_release
from hilum.publish.shipment import LIST_NAME, read_packing_list
from hilum.publish.stored import stored_columns
from hilum.publish.verify import damaged_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from hilum.publish.digests import Digests
    from hilum.publish.packed import Done
    from hilum.publish.release import Release

FORMAT = "hilum-receipt"
FORMAT_VERSION = 1
RECEIPTS = "receipts"
"""Folder of an archive that keeps them."""
_RELEASED = ("path", "sha256", "collection_id", "PatientID")
FILES_AT_ONCE = 1024
"""Files between two notes of what is done."""

FILES_PER_TASK = 16
"""Files that a thread reads before it asks for more."""


@dataclass(frozen=True)
class Receipt:
    """What was found on a drive.

    Attributes
    ----------
    release, digest
        ``NAME@VERSION`` of the release, and its digest.
    drive
        ``2 of 5``.
    request, recipient
        As the drive states them.
    files, size_bytes
        Of the payload, as the manifests list them.
    verified
        Files whose SHA-256 and SHA-512 are right.
    problems
        Everything that is not as it should be; none if the drive is whole.
    received_at
        When the verification ended.
    """

    release: str
    digest: str
    drive: str
    request: str
    recipient: str
    files: int
    size_bytes: int
    verified: int
    problems: tuple[Refusal, ...]
    received_at: datetime

    @property
    def is_whole(self) -> bool:
        """Whether nothing is damaged, missing, or too much."""
        return not self.problems

    @property
    def file_name(self) -> str:
        """Name of the receipt's file."""
        # The drive says both: what it says must not lead elsewhere.
        return safe_name(f"{self.release.replace('@', '-')}-drive-{self.drive.replace(' ', '-')}.json")

    def to_json(self) -> dict[str, Any]:
        """Give the receipt in values that JSON has."""
        values = asdict(self) | {"received_at": self.received_at.isoformat(timespec="seconds")}
        return {"format": FORMAT, "format_version": FORMAT_VERSION, "is_whole": self.is_whole, **values}


def find_bags(drive: Path) -> list[Path]:
    """Give the bags on a drive: the folder itself, or those in it.

    Raises
    ------
    NotFoundError
        There is no bag, or only one whose packing has not ended.
    """
    folders = [drive, *sorted(path for path in drive.iterdir() if path.is_dir())] if drive.is_dir() else []
    bags = [folder for folder in folders if _is_file(folder / DECLARATION)]
    if unended := [folder for folder in folders if _is_file(folder / STATE_NAME) and folder not in bags]:
        raise NotFoundError(f"{unended[0]}: its packing has not ended; run hilum pack again before you take it in")
    if not bags:
        raise NotFoundError(f"{drive}: no bag there (a folder with {DECLARATION}); name the drive's folder")
    return bags


def _is_file(path: Path) -> bool:
    """Whether there is such a file; a folder of the system that nobody may look into, ``lost+found``, has none."""
    try:
        return path.is_file()
    except PermissionError:
        return False


def verify_bag(
    bag: Path,
    notes: Path,
    *,
    approved: Path | None = None,
    digest: str = "",
    on_progress: Callable[[int], None] | None = None,
) -> Receipt:
    """Read every file of a bag and hold it against its manifests, the packing list and the release.

    Parameters
    ----------
    notes
        File in which what is done is noted down while it runs.
    approved
        Packing list that was agreed on, sent by another way than the drive; the drive's own without.
    digest
        Digest of the release that is expected, sent by another way; any without.
    on_progress
        Told how many more files of the payload are done.

    Raises
    ------
    FormatError
        It is no bag that hilum packed: a manifest or ``bag-info.txt`` cannot be read.
    """
    information = read_information(bag)
    stated = information.get("Bag-Group-Identifier", "")
    problems = [*_wrong_declaration(bag), *_damaged_tags(bag)]
    with open_done(notes, purpose=f"{bag.absolute()} {stated}", renew=True) as done:
        reading = _Reading(bag, done, on_progress or (lambda _: None))
        problems += reading.verify()
        problems += _wrong_oxum(information, reading)
        problems += _not_as_released(bag, reading, stated, digest)
        problems += _not_as_listed(bag, information, reading, approved)
    forget(notes)
    return Receipt(
        release=information.get("External-Identifier", ""),
        digest=stated,
        drive=information.get("Bag-Count", ""),
        request=information.get("Hilum-Request", ""),
        recipient=information.get("Hilum-Recipient", ""),
        files=reading.files,
        size_bytes=reading.size_bytes,
        verified=reading.verified,
        problems=tuple(sorted(problems, key=lambda one: (one.item, one.check))),
        received_at=datetime.now(UTC),
    )


def write_receipt(receipt: Receipt, folder: Path) -> Path:
    """Write a receipt into a folder; a later one of the same drive replaces it."""
    path = folder / receipt.file_name
    write_whole(path, json.dumps(receipt.to_json(), indent=1, ensure_ascii=False).encode() + b"\n")
    return path


def collections_on(bag: Path) -> list[str]:
    """Collections that a bag has files of: each a folder below its payload."""
    return sorted(path.name for path in (bag / PAYLOAD).iterdir() if path.is_dir())


def release_on(bag: Path) -> Release:
    """Read the release that a bag is a part of; errors are those of `hilum.publish.release.read_release`."""
    return read_release(bag / RELEASE_FOLDER)


def payload_of(bag: Path, collection_id: str) -> Path:
    """Folder of a collection's files in a bag."""
    return bag / PAYLOAD / collection_id


class _Reading:
    """The payload of a bag, and what of it was found; what is right stands in the notes, so memory stays small."""

    def __init__(self, bag: Path, done: Done, on_progress: Callable[[int], None]) -> None:
        self._bag = bag
        self._done = done
        self._tell = on_progress
        self._wrong: set[str] = set()
        self._of_release = 0
        self.is_compared = False
        self.files = self.size_bytes = self.verified = 0
        self.held: dict[tuple[str, str], tuple[int, int]] = {}

    def verify(self) -> Iterator[Refusal]:
        """Verify every file that the manifests list, and name those they do not list."""
        listed = _listed(self._bag)
        with ThreadPoolExecutor() as pool:
            while batch := list(islice(listed, FILES_AT_ONCE)):
                paths = [path for path, _ in batch]
                known = {} if self._done.is_new else self._done.find(paths, self._bag)
                unread = [path for path in paths if path not in known]
                some = [unread[start : start + FILES_PER_TASK] for start in range(0, len(unread), FILES_PER_TASK)]
                read = dict(zip(unread, chain.from_iterable(pool.map(self._read_each, some)), strict=True))
                found: Mapping[str, Digests | Refusal] = known | read
                problems = [self._judge(path, wanted, found[path]) for path, wanted in batch]
                right = {path: one for path, one in read.items() if path not in self._wrong}
                self._done.keep(right)  # type: ignore[arg-type]  # a Refusal is among the wrong ones
                self._tell(len(batch))
                yield from filter(None, problems)
        yield from self._unlisted()

    def of_release(self, rows: Iterable[tuple[str, str, str, str | None]]) -> Iterator[Refusal]:
        """Hold what is right by the manifests against the release: path, SHA-256, collection, participant a row."""
        listed = list(rows)
        done = self._done.find([f"{PAYLOAD}/{path}" for path, *_ in listed], self._bag)
        self._of_release += len(done)
        for path, sha256, collection_id, participant_id in listed:
            found = done.get(f"{PAYLOAD}/{path}")
            if found is None:
                continue
            key = (collection_id, participant_id or "")
            files, size_bytes = self.held.get(key, (0, 0))
            self.held[key] = (files + 1, size_bytes + found.size_bytes)
            if found.sha256 != sha256:
                reason = f"SHA-256 is {found.sha256}, in the release {sha256}"
                yield _problem(f"{PAYLOAD}/{path}", "not-as-released", reason)

    def not_released(self) -> Iterator[Refusal]:
        """Tell that files are none of the release; all of it must have been given before."""
        self.is_compared = True
        if self._of_release != self.verified:
            reason = f"{self.verified - self._of_release:,} of its files are none of the release: do not use them"
            yield _problem(PAYLOAD, "not-released", reason)

    def _read_each(self, paths: Sequence[str]) -> list[Digests | Refusal]:
        return [self._read(path) for path in paths]

    def _read(self, path: str) -> Digests | Refusal:
        place = f"{self._bag}/{path}"
        try:
            if not S_ISREG(os.lstat(place).st_mode):
                return _problem(path, "not-a-file", "it is a link or no file at all; a bag holds what it lists")
            return digest_file(place)
        except (FileNotFoundError, NotADirectoryError):
            return _problem(path, "missing-file", "the manifests list it, and it is not on the drive")
        except OSError as error:
            return _problem(path, "unreadable-file", f"{error.strerror}: the drive may be failing; copy it again")

    def _judge(self, path: str, wanted: tuple[str, str], result: Digests | Refusal) -> Refusal | None:
        if isinstance(result, Refusal):
            self._wrong.add(path)
            return result
        self.files += 1
        self.size_bytes += result.size_bytes
        for algorithm, digest, found in zip(ALGORITHMS, wanted, (result.sha256, result.sha512), strict=True):
            if found != digest:
                self._wrong.add(path)
                return _problem(path, "damaged-file", f"{algorithm} is {found}, expected {digest}; copy it again")
        self.verified += 1
        return None

    def _unlisted(self) -> Iterator[Refusal]:
        closed: list[OSError] = []
        for parent, folders, names in os.walk(self._bag / PAYLOAD, onerror=closed.append):
            below = Path(parent).relative_to(self._bag).as_posix()
            for link in (f"{below}/{name}" for name in folders if Path(parent, name).is_symlink()):
                yield _problem(link, "linked-folder", "what it links to is not on the drive; a bag holds what it lists")
            paths = [f"{below}/{name}" for name in names]
            done = self._done.find(paths, self._bag)
            for path in paths:
                if path not in self._wrong and path not in done:
                    yield _problem(path, "extra-file", "no manifest lists it; it is not part of the release")
        for error in closed:
            path = os.path.relpath(error.filename, self._bag)
            yield _problem(path, "unreadable-folder", f"{error.strerror}: the drive may be failing; copy it again")


def _listed(bag: Path) -> Iterator[tuple[str, tuple[str, str]]]:
    """Each path of the payload with its two digests; hilum writes both manifests in one order."""
    manifests = (read_manifest(bag, manifest_name(algorithm)) for algorithm in ALGORITHMS)
    for one, other in zip_longest(*manifests, fillvalue=("nothing", "")):
        if one[0] != other[0]:
            raise FormatError(
                f"{bag}: {manifest_name(ALGORITHMS[0])} lists {one[0]} where {manifest_name(ALGORITHMS[1])} lists "
                f"{other[0]}; expected the same files in the same order: do not use this drive"
            )
        yield one[0], (one[1], other[1])


def _problem(path: str, check: str, reason: str) -> Refusal:
    return Refusal(path, check, reason)


def _wrong_declaration(bag: Path) -> Iterator[Refusal]:
    found = (bag / DECLARATION).read_bytes()
    if found != DECLARATION_TEXT.encode():
        yield _problem(DECLARATION, "damaged-file", f"it holds {found[:60]!r}, expected {DECLARATION_TEXT!r}")


def _damaged_tags(bag: Path) -> Iterator[Refusal]:
    """Files beside the payload that are not as their manifests say."""
    for algorithm in ALGORITHMS:
        if not (bag / tag_manifest_name(algorithm)).is_file():
            yield _problem(tag_manifest_name(algorithm), "missing-file", "it guards the manifests, and it is not there")
            continue
        for path, digest in read_manifest(bag, tag_manifest_name(algorithm)):
            try:
                found = getattr(digest_file(bag / path), algorithm)
            except OSError as error:
                yield _problem(path, "missing-file", f"{error.strerror}; copy it again")
                continue
            if found != digest:
                yield _problem(path, "damaged-file", f"{algorithm} is {found}, expected {digest}; copy it again")


def _wrong_oxum(information: dict[str, str], reading: _Reading) -> Iterator[Refusal]:
    found = f"{reading.size_bytes}.{reading.files}"
    stated = information.get("Payload-Oxum", found)
    if stated != found:
        yield _problem("bag-info.txt", "wrong-count", f"Payload-Oxum says {stated} (bytes.files), found {found}")


def _not_as_released(bag: Path, reading: _Reading, stated: str, expected: str) -> Iterator[Refusal]:
    try:
        release = release_on(bag)
    except HilumError as error:
        yield _problem(RELEASE_FOLDER, "damaged-release", str(error))
        return
    for who, digest in (("the drive says", stated), ("you expect", expected)):
        if digest and release.digest != digest:
            yield _problem(RELEASE_FOLDER, "other-release", f"its digest is {release.digest}; {who} {digest}")
    # The tag manifests would not tell: whoever forges a table forges them too. The digest of the release does.
    if forged := [_problem(f"{RELEASE_FOLDER}/{one.item}", one.check, one.reason) for one in damaged_parts(release)]:
        yield from forged
        return
    for some in stored_columns(release, _RELEASED):
        yield from reading.of_release(zip(*(some.column(name).to_pylist() for name in _RELEASED), strict=True))
    yield from reading.not_released()


def _not_as_listed(
    bag: Path, information: dict[str, str], reading: _Reading, approved: Path | None
) -> Iterator[Refusal]:
    """Participants of whom more or less is on the drive than the packing list says, if it is known what is whose."""
    if not reading.is_compared:
        return
    count = information.get("Bag-Count", "")
    number = int(stated[1]) if (stated := re.match("([0-9]+) of ", count)) else 0
    held = dict(reading.held)
    for share in read_packing_list(approved or bag / LIST_NAME):
        if share.drive != number:
            continue
        found = held.pop((share.collection_id, share.participant_id), (0, 0))
        if found != (share.files, share.size_bytes):
            said = f"the list says {share.files:,} with {share.size_bytes:,}"
            reason = f"{found[0]:,} whole files with {found[1]:,} bytes are there, {said}"
            yield _problem(f"{share.collection_id} {share.participant_id}".rstrip(), "not-as-listed", reason)
    for (collection_id, participant_id), (files, _) in held.items():
        reason = f"{files:,} files are there, and the list does not name them for this drive"
        yield _problem(f"{collection_id} {participant_id}".rstrip(), "not-listed", reason)
