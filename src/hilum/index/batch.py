"""Reading a batch of files: the pure function that the workers run."""

from __future__ import annotations

import base64
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hilum.errors import HeaderError
from hilum.index.files import DICOMDIR, is_named_dicom, kind_of_content, kind_of_name, problem_of
from hilum.index.header import read_header
from hilum.index.record import make_record, pack_records
from hilum.index.refused import RefusedFile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hilum.index.files import FoundFile
    from hilum.index.record import Record

MEDIA_DIRECTORY_CLASS = "1.2.840.10008.1.3.10"
"""Media Storage Directory Storage: what a DICOMDIR is, however it is called."""

BEGINNING_BYTES = 512


@dataclass(slots=True)
class Batch:
    """What a batch of files gave.

    Attributes
    ----------
    states
        Path to size and time of change, of every file whose header was read.
    packed
        SeriesInstanceUID (empty where a record has none) to the packed records.
    refusals
        Files whose header cannot be read.
    passed_over
        Kind to number of files.
    """

    states: dict[str, tuple[int, int]] = field(default_factory=dict)
    packed: dict[str, bytes] = field(default_factory=dict)
    refusals: list[RefusedFile] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)

    def to_plain(self) -> dict[str, Any]:
        """Give it as JSON can hold it, without what was passed over."""
        return {
            "states": self.states,
            "packed": {uid: base64.b85encode(packed).decode() for uid, packed in self.packed.items()},
            "refusals": [[r.root, r.path, r.check, r.reason, r.size_bytes, r.modified_ns] for r in self.refusals],
        }

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Batch:
        """Read what `to_plain` gave."""
        return cls(
            states={path: (size, time) for path, (size, time) in plain["states"].items()},
            packed={uid: base64.b85decode(packed) for uid, packed in plain["packed"].items()},
            refusals=[
                RefusedFile.of(root, path, check, reason, size_bytes=size, modified_ns=time)
                for root, path, check, reason, size, time in plain["refusals"]
            ],
        )


def read_batch(root: str, files: Sequence[FoundFile]) -> Batch:
    """Read the headers of files below `root`; every one becomes a record, a refusal, or is passed over."""
    batch = Batch()
    records: dict[str, list[Record]] = defaultdict(list)
    for file in files:
        outcome = read_file(root, file)
        if isinstance(outcome, str):
            batch.passed_over[outcome] += 1
        elif isinstance(outcome, RefusedFile):
            batch.refusals.append(outcome)
        else:
            uid = outcome.get("SeriesInstanceUID")
            records[uid if isinstance(uid, str) else ""].append(outcome)
            batch.states[file.path] = (file.size_bytes, file.modified_ns)
    batch.packed = {uid: pack_records(of_series) for uid, of_series in records.items()}
    return batch


def read_file(root: str, file: FoundFile) -> Record | RefusedFile | str:
    """Read the header of one file below `root`: its record, its refusal, or the kind for which it is passed over."""
    try:
        header = read_header(Path(root, file.path))
        if header.media_class_uid == MEDIA_DIRECTORY_CLASS:
            return DICOMDIR
        return make_record(header, root, file.path, size_bytes=file.size_bytes, modified_ns=file.modified_ns)
    except HeaderError as error:
        kind = _kind_if_not_dicom(Path(root, file.path), error.check)
        if kind is not None:
            return kind
        return _refuse(root, file, error.check, str(error), is_lasting=True)
    except OSError as error:
        check, reason = problem_of(error)
        return _refuse(root, file, check, reason, is_lasting=False)


def _kind_if_not_dicom(path: Path, check: str) -> str | None:
    """Kind for which a file that is not DICOM is passed over; None if it is to be refused."""
    if check not in {"empty-file", "not-dicom"} or is_named_dicom(path.name):
        return None
    kind = kind_of_name(path.name)
    if kind is None and check == "not-dicom":
        with path.open("rb") as opened:
            kind = kind_of_content(opened.read(BEGINNING_BYTES))
    return kind


def _refuse(root: str, file: FoundFile, check: str, reason: str, *, is_lasting: bool) -> RefusedFile:
    """Refuse a file; one whose trouble may pass without a change of the file is looked at again by the next run."""
    size_bytes, modified_ns = (file.size_bytes, file.modified_ns) if is_lasting else (None, None)
    return RefusedFile.of(root, file.path, check, reason, size_bytes=size_bytes, modified_ns=modified_ns)
