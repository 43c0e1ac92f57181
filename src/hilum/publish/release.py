"""A release: a version of a collection or cohort that never changes, each file of it with its SHA-256.

::

    releases/NAME/VERSION/
    ├── release.json         what it is, and the SHA-256 of every part below: the manifest of manifests
    ├── release.sha256       SHA-256 of release.json: the release's digest, its identity
    ├── tables/*.parquet     files (the manifest of the data), series, checks, sources, participants, lesions
    ├── check.json, .html    what `hilum check` found in it
    ├── CITATION.cff, ...    how to cite it, what its licence asks
    ├── collections/*.toml   what stewards wrote about it
    ├── places.parquet       where the files lay on the machine that made it: no part, and under no digest
    └── hilum.json, catalog/ the same rows as an archive with those places: open it with `--archive`

The digest depends on nothing but the content, the name, the version, the date, the notes and hilum's own version of
the form; not on where the files lie.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

from hilum.catalog import Archive
from hilum.catalog.layout import Layout
from hilum.errors import ArchiveError, ConfigError, NotFoundError
from hilum.sql import connect

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from duckdb import DuckDBPyConnection

FORMAT_VERSION = 1
DIGEST_FILE = "release.sha256"
PLACES_FILE = "places.parquet"
TABLES_FOLDER = "tables"
CHECK_FILE = "check.json"

Kind = Literal["collection", "cohort"]

ROWS_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class Part:
    """A file that the digest covers.

    Attributes
    ----------
    path
        Below the folder of the release, with ``/``.
    size_bytes, sha256
        Of its content.
    table
        Table that it holds rows of; empty for other files.
    rows
        Number of them.
    """

    path: str
    size_bytes: int
    sha256: str
    table: str = ""
    rows: int = 0


@dataclass(frozen=True, slots=True)
class Counts:
    """What a release holds."""

    participants: int
    studies: int
    series: int
    files: int
    size_bytes: int
    lesions: int


@dataclass(frozen=True, slots=True)
class ReleaseFile:
    """A file of a release.

    Attributes
    ----------
    path
        Name in the release, with ``/``.
    size_bytes, sha256
        Of its content.
    collection_id, participant_id
        Collection, and participant; the latter None where it belongs to none.
    series_uid, sop_uid
        SeriesInstanceUID and SOPInstanceUID; None for what is no DICOM image of the catalog.
    place
        Absolute path it had when the release was made.
    """

    path: str
    size_bytes: int
    sha256: str
    collection_id: str
    participant_id: str | None
    series_uid: str | None
    sop_uid: str | None
    place: str


@dataclass(frozen=True, slots=True)
class ParticipantFiles:
    """How much a release holds of a participant; `participant_id` is None for files that belong to none."""

    collection_id: str
    participant_id: str | None
    files: int
    size_bytes: int


@dataclass(frozen=True)
class Release:
    """A release that is there; `read_release` and `find_release` give one.

    Attributes
    ----------
    folder
        Its folder.
    digest
        SHA-256 of ``release.json``, hexadecimal: the identity of the release.
    name, version
        What it is a version of; the version in any form a folder's name can have.
    kind
        ``collection`` or ``cohort``.
    released_on
        Day it stands for.
    notes
        What is new, as the steward wrote it.
    licence
        Short name of the licence that decides over the whole.
    collection_ids
        Collections its files are of.
    counts
        What it holds.
    check_counts
        Findings of `hilum check` by severity, and those accepted.
    parts
        Every file that the digest covers.
    """

    folder: Path
    digest: str
    name: str
    version: str
    kind: Kind
    released_on: date
    notes: str
    licence: str
    collection_ids: tuple[str, ...]
    counts: Counts
    check_counts: dict[str, int]
    parts: tuple[Part, ...]

    @property
    def reference(self) -> str:
        """``NAME@VERSION``."""
        return f"{self.name}@{self.version}"

    def archive(self) -> Archive:
        """Open the release as an archive: its tables, and its files where they lay when it was made."""
        return Archive.open(self.folder)

    def tables(self, name: str) -> list[Path]:
        """Parquet files of a table of the release; none where the table has no rows."""
        return [self.folder / part.path for part in self.parts if part.table == name]

    def participants(self) -> list[ParticipantFiles]:
        """How much is there of each participant, in order; last of each collection what belongs to none."""
        sql = """
            SELECT collection_id, "PatientID", count(*), CAST(sum(size_bytes) AS BIGINT) FROM read_parquet($files)
            GROUP BY ALL ORDER BY collection_id, "PatientID" NULLS LAST"""
        return [ParticipantFiles(*row) for row in ask(sql, files=_texts(self.tables("files")))]

    def files(self, participant_ids: Collection[str | None] | None = None) -> Iterator[ReleaseFile]:
        """Give files by collection, participant and path; those of a participant, and of none, stand together.

        Parameters
        ----------
        participant_ids
            Only theirs; None among them stands for what belongs to nobody. All without.
        """
        sql = """
            SELECT path, size_bytes, sha256, collection_id, "PatientID", "SeriesInstanceUID", "SOPInstanceUID", place
            FROM read_parquet($files) AS files JOIN read_parquet($places) AS places USING (path)
            WHERE $all OR "PatientID" IN (SELECT unnest($wanted)) OR ($nobody AND "PatientID" IS NULL)
            ORDER BY collection_id, "PatientID" NULLS LAST, path"""
        wanted = list(participant_ids or ())
        rows = ask(
            sql,
            files=_texts(self.tables("files")),
            places=str(self.folder / PLACES_FILE),
            all=participant_ids is None,
            wanted=[one for one in wanted if one is not None],
            nobody=None in wanted,
        )
        return (ReleaseFile(*row) for row in rows)

    def record(self) -> dict[str, Any]:
        """Give the content of ``release.json``."""
        values = {name: getattr(self, name) for name in _RECORDED}
        return {
            "format": "hilum-release",
            "format_version": FORMAT_VERSION,
            **values,
            "released_on": self.released_on.isoformat(),
            "counts": asdict(self.counts),
            "parts": [asdict(part) for part in self.parts],
        }


_RECORDED = ("name", "version", "kind", "notes", "licence", "collection_ids", "check_counts")


def record_bytes(release: Release) -> bytes:
    """Give the bytes of ``release.json``: the same for the same release."""
    return json.dumps(release.record(), indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def digest_line(record: bytes) -> str:
    """Give the content of ``release.sha256``, which ``sha256sum --check`` reads."""
    return f"{hashlib.sha256(record).hexdigest()}  {Layout(Path()).release_record.name}\n"


def read_release(folder: Path) -> Release:
    """Read the release in a folder.

    Raises
    ------
    NotFoundError
        There is none.
    ArchiveError
        ``release.json`` is damaged, or a newer hilum wrote it.
    """
    path = Layout(folder.absolute()).release_record
    try:
        content = path.read_bytes()
        stated = (path.parent / DIGEST_FILE).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise NotFoundError(f"{folder} is no release: {error.filename} is not there") from error
    if stated != digest_line(content):
        raise ArchiveError(f"{path} is damaged: its SHA-256 is not that of {DIGEST_FILE}; restore both from a copy")
    return _parse(path.parent, content)


def _parse(folder: Path, content: bytes) -> Release:
    try:
        values = json.loads(content)
        if (version := values["format_version"]) > FORMAT_VERSION:
            raise ArchiveError(f"{folder}: release of form {version}; this hilum reads {FORMAT_VERSION}: update it")
        return Release(
            folder=folder,
            digest=hashlib.sha256(content).hexdigest(),
            released_on=date.fromisoformat(values["released_on"]),
            counts=Counts(**values["counts"]),
            parts=tuple(_part(folder, part) for part in values["parts"]),
            **{name: values[name] for name in _RECORDED} | {"collection_ids": tuple(values["collection_ids"])},
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ArchiveError(f"{folder}: release.json is damaged ({type(error).__name__}: {error})") from error


def _part(folder: Path, values: dict[str, Any]) -> Part:
    part = Part(**values)
    path = PurePosixPath(part.path)
    if path.is_absolute() or ".." in path.parts:
        raise ArchiveError(f"{folder}: part {part.path!r} lies outside the release; do not use it")
    return part


def list_releases(archive: Archive, name: str | None = None) -> list[Release]:
    """Give the releases of an archive, of one name or all: by name, day and version."""
    found = Layout(archive.path).releases.glob(f"{name or '*'}/*/{Layout(Path()).release_record.name}")
    releases = [read_release(path.parent) for path in found if not path.parent.name.startswith(".")]
    return sorted(releases, key=lambda one: (one.name, one.released_on, _natural(one.version)))


def find_release(archive: Archive, reference: str) -> Release:
    """Give the release that ``NAME@VERSION`` names; the version alone will do where releases of one name are there.

    Raises
    ------
    NotFoundError
        There is no such release.
    ConfigError
        Releases of several names are there, and none is given.
    """
    name, at, version = reference.rpartition("@")
    releases = list_releases(archive)
    names = sorted({release.name for release in releases})
    if not at and len(names) > 1:
        raise ConfigError(
            f"release {reference!r} of what? {archive.path} has releases of {', '.join(names)}; say NAME@{reference}"
        )
    wanted = (name if at else "".join(names), version)
    for release in releases:
        if (release.name, release.version) == wanted:
            return release
    known = ", ".join(release.reference for release in releases) or "none yet; make one with: hilum release"
    raise NotFoundError(f"no release {reference!r} in {archive.path}; it has {known}")


def _natural(version: str) -> tuple[tuple[int, str], ...]:
    """Numbers in a version count as numbers: 10 comes after 9."""
    import re

    pieces = re.findall(r"[0-9]+|[^0-9]+", version)
    return tuple((int(piece), "") if piece.isdecimal() else (-1, piece) for piece in pieces)


def ask(sql: str, **parameters: Any) -> Iterator[tuple[Any, ...]]:
    """Answer a statement over Parquet files; `parameters` are bound to its ``$name``.

    Raises
    ------
    ArchiveError
        A file cannot be read.
    """
    with connect() as connection:
        yield from _answer(connection, sql, parameters)


def ask_sparingly(sql: str, **parameters: Any) -> Iterator[tuple[Any, ...]]:
    """Answer as `ask` does, whatever the number of rows, in some 300 MB: what does not fit goes to disk meanwhile."""
    with TemporaryDirectory() as folder, connect() as connection:
        connection.execute("SET memory_limit = '128MB'; SET threads = 1")
        connection.execute("SET temp_directory = $folder", {"folder": folder})
        yield from _answer(connection, sql, parameters)


def _answer(connection: DuckDBPyConnection, sql: str, parameters: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    import duckdb

    try:
        answer = connection.execute(sql, parameters)
        while rows := answer.fetchmany(ROWS_AT_ONCE):
            yield from rows
    except duckdb.Error as error:
        raise ArchiveError(f"{error}; verify the release, and restore what is damaged from a copy") from error


def _texts(paths: list[Path]) -> list[str]:
    return [str(path) for path in paths]
