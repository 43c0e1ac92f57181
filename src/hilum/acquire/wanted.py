"""What is asked for: series and folders, and the files they consist of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class WantedSeries:
    """A series to download, or a folder of a source of which no more is known than its location.

    Attributes
    ----------
    collection_id, participant_id, study_uid, series_uid, modality
        Whose and which series it is; empty text where the source does not tell.
    instance_count, size_bytes
        Files and bytes it must have; None where nobody says.
    licence
        Licence as the source words it; None where it names none.
    location
        Where the source keeps it: a URL or path ending with ``/``; empty where the source knows it by its UIDs.
    attributes
        DICOM keyword, or column of the IDC index, to its value: what else a layout may name folders after.
    """

    collection_id: str = ""
    participant_id: str = ""
    study_uid: str = ""
    series_uid: str = ""
    modality: str = ""
    instance_count: int | None = None
    size_bytes: int | None = None
    licence: str | None = None
    location: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def key(self) -> str:
        """What tells it from all others: its UID, or its location where it has none."""
        return self.series_uid or self.location

    def row(self) -> dict[str, str]:
        """Every value that a layout's template may name; the fields of the class win over `attributes`."""
        own = {
            "collection_id": self.collection_id,
            "PatientID": self.participant_id,
            "StudyInstanceUID": self.study_uid,
            "SeriesInstanceUID": self.series_uid,
            "Modality": self.modality,
        }
        return {**self.attributes, **own}


@dataclass(frozen=True, slots=True)
class WantedFile:
    """A file of a wanted series.

    Attributes
    ----------
    name
        Path below the folder of the series, with ``/`` between parts, as the source gives it: not yet trusted.
    size_bytes
        Bytes it must have; None where the source does not say.
    hash
        ``md5:`` or ``sha256:`` and the hexadecimal digits its bytes must give; None where the source has none.
    location
        Where the source keeps it: a key, URL or UID that the source itself understands.
    version
        What changes whenever the file changes at the source, such as an entity tag; empty where nothing does. A file
        without version and hash is never continued in its middle, for its two halves might not belong together.
    """

    name: str
    size_bytes: int | None = None
    hash: str | None = None
    location: str = ""
    version: str = ""
