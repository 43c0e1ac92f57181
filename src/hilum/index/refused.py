"""A file that is not catalogued: a refusal that knows the file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hilum.errors import Refusal

if TYPE_CHECKING:
    from hilum.index.record import Record


@dataclass(frozen=True, slots=True)
class RefusedFile(Refusal):
    """A `Refusal` whose item is a file; the last four are as in the refusals table."""

    root: str
    path: str
    size_bytes: int | None
    modified_ns: int | None

    @classmethod
    def of(
        cls, root: str, path: str, check: str, reason: str, *, size_bytes: int | None, modified_ns: int | None
    ) -> RefusedFile:
        """Refuse the file `path` below `root`; size and time are None where they are not to be trusted."""
        return cls(str(Path(root, path)), check, reason, root, path, size_bytes, modified_ns)

    @classmethod
    def of_record(cls, record: Record, check: str, reason: str) -> RefusedFile:
        """Refuse a file whose header was read."""
        size_bytes, modified_ns = record["size_bytes"], record["modified_ns"]
        return cls.of(record["root"], record["path"], check, reason, size_bytes=size_bytes, modified_ns=modified_ns)
