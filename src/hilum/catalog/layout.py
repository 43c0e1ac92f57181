"""Where things lie in an archive's folder, and the version of that arrangement."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hilum.errors import ArchiveError

if TYPE_CHECKING:
    from pathlib import Path

FORMAT_VERSION = 1
"""Version of the folder's arrangement and of the tables that this hilum writes and reads."""

SNAPSHOT_ID_ENCODING = "ascii"


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths in the folder of an archive."""

    root: Path

    @property
    def marker(self) -> Path:
        """``hilum.json``: makes the folder an archive and names its format version."""
        return self.root / "hilum.json"

    @property
    def catalog(self) -> Path:
        """Folder of all that the catalog keeps."""
        return self.root / "catalog"

    @property
    def pointer(self) -> Path:
        """File with the id of the current snapshot."""
        return self.catalog / "CURRENT"

    @property
    def lock(self) -> Path:
        """File whose lock whoever commits holds."""
        return self.catalog / "LOCK"

    @property
    def snapshots(self) -> Path:
        """Folder of the manifests."""
        return self.catalog / "snapshots"

    @property
    def data(self) -> Path:
        """Folder of the Parquet files."""
        return self.catalog / "data"

    @property
    def pruned(self) -> Path:
        """What is known of snapshots that were removed."""
        return self.catalog / "pruned.json"

    @property
    def releases(self) -> Path:
        """Folder of the releases: one a name, in it one a version, each an archive of its own that never changes."""
        return self.root / "releases"

    @property
    def results(self) -> Path:
        """Folder of the published results: one a name."""
        return self.root / "results"

    @property
    def descriptions(self) -> Path:
        """Folder of what stewards write about collections and cohorts."""
        return self.root / "collections"

    @property
    def release_record(self) -> Path:
        """``release.json``: makes the archive a release."""
        return self.root / "release.json"

    @property
    def folders(self) -> tuple[Path, ...]:
        """Every folder of a new archive."""
        return self.snapshots, self.data, self.root / "journal", self.root / "cohorts", self.root / "runs"

    def manifest(self, snapshot_id: str) -> Path:
        """Manifest of a snapshot."""
        return self.snapshots / f"{snapshot_id}.json"

    def require_changeable(self) -> None:
        """Refuse to change a release.

        Raises
        ------
        ArchiveError
            The folder is a release.
        """
        if self.release_record.exists():
            raise ArchiveError(
                f"{self.root} is a release and never changes; index into the archive it came from, and release a new "
                "version"
            )

    def is_archive(self) -> bool:
        """Whether an archive is here."""
        return self.marker.exists()

    def check_version(self) -> None:
        """Refuse a folder that is no archive, or one that a newer hilum made.

        Raises
        ------
        ArchiveError
            As said.
        """
        try:
            version = json.loads(self.marker.read_bytes())["format_version"]
        except FileNotFoundError as error:
            found = f"it has no {self.marker.name}" if self.root.exists() else "there is no such folder"
            raise ArchiveError(
                f"{self.root} is no archive: {found}; make one with: hilum index FOLDER --archive {self.root}"
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            raise ArchiveError(f"{self.marker} is damaged ({error}); restore it from a copy") from error
        if not isinstance(version, int) or version < 1:
            raise ArchiveError(f"{self.marker}: format version {version!r}; expected a whole number from 1")
        if version > FORMAT_VERSION:
            raise ArchiveError(
                f"{self.root} has format version {version}, this hilum reads up to {FORMAT_VERSION}: update hilum"
            )

    def pointed_id(self) -> str:
        """Id that the pointer names, whether there is such a snapshot or not.

        Raises
        ------
        ArchiveError
            The pointer is missing or damaged.
        """
        try:
            return self.pointer.read_text(encoding=SNAPSHOT_ID_ENCODING).strip()
        except (FileNotFoundError, UnicodeDecodeError) as error:
            raise ArchiveError(f"{self.pointer} cannot be read ({error}); {self._advice()}") from error

    def current_id(self) -> str:
        """Id of the current snapshot.

        Raises
        ------
        ArchiveError
            The pointer is missing or damaged.
        """
        snapshot_id = self.pointed_id()
        if not self.manifest(snapshot_id).is_file():
            raise ArchiveError(f"{self.pointer} names {snapshot_id!r}, which is no snapshot; {self._advice()}")
        return snapshot_id

    def _advice(self) -> str:
        newest = max((path.stem for path in self.snapshots.glob("*.json")), default=None)
        return f"write {newest} into it" if newest else "restore the archive from a copy"
