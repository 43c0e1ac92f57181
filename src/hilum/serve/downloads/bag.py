"""A chosen cohort or collection as a bag: which files, in which folders, and what of it is not here."""

from __future__ import annotations

import csv
import io
import json
import struct
import tempfile
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from django.conf import settings

import hilum
from hilum.acquire.layouts import place
from hilum.model.instances import Instances
from hilum.publish.bag import DECLARATION, DECLARATION_TEXT, INFORMATION, PAYLOAD, information_text
from hilum.serve.downloads.bag_zip import HELD_BYTES, zip_bytes, zip_pieces
from hilum.serve.downloads.chosen import packed_instances
from hilum.serve.downloads.licences import texts_of
from hilum.serve.downloads.members import TextMember, files_of, in_large_pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from hilum.acquire.layouts import Layout
    from hilum.acquire.wanted import WantedSeries
    from hilum.serve.downloads.chosen import Chosen, ListedSeries
    from hilum.serve.downloads.members import FileMember

NOT_INCLUDED = "NOT-INCLUDED.csv"
"""Names what was asked for and is not in the ZIP."""

NOT_INCLUDED_COLUMNS = ("SeriesInstanceUID", "File", "Reason")
NOT_HERE, NOT_FOUND = "its files are not in this archive", "it is not where it was indexed; tell the steward"

LOOKED_AT = 100_000
"""Files that are looked for before the first byte is sent, in about half a second, so that the ZIP's length can be
told. Of larger downloads the length is not told, and what is missing is found on the way."""

_LENGTHS = struct.Struct("<II")


@dataclass
class Bag:
    """What goes into the ZIP.

    The instances of its series are held in a file of their own: who sends the ZIP, for hours perhaps, asks the database
    no more, and finds what was there when the download began.

    Attributes
    ----------
    texts
        What stands before the files.
    series_count
        Series in it.
    file_count
        Files in it, as far as the catalog knows.
    left_out
        Series and files that are not in it: UID, file if it is one file, reason.
    """

    texts: list[TextMember]
    series_count: int = 0
    file_count: int = 0
    left_out: list[tuple[str, str, str]] = field(default_factory=list)
    _held: IO[bytes] = field(default_factory=lambda: tempfile.SpooledTemporaryFile(HELD_BYTES))  # noqa: SIM115 (closed at the end)
    _is_looked_at: bool = False

    @classmethod
    def plan(cls, chosen: Chosen, listed: Sequence[ListedSeries], layout: Layout) -> Bag:
        """Look up what is to be sent, and look for the files unless they are too many.

        Raises
        ------
        ProblemError
            500: what is written about licences cannot be read.
        """
        here = [one for one in listed if one.is_here]
        texts = _texts(chosen, here)
        bag = cls(texts, left_out=[(one.wanted.series_uid, "", NOT_HERE) for one in listed if not one.is_here])
        bag._hold(here, place((one.wanted for one in here), layout))
        if bag.file_count <= LOOKED_AT:
            bag._look()
        return bag

    def size_bytes(self) -> int | None:
        """Length of the ZIP; None where too many files would have to be looked for."""
        return zip_bytes(self.texts, self._files(), self._closing()) if self._is_looked_at else None

    def __iter__(self) -> Iterator[bytes]:
        """The ZIP, while it is made."""
        return in_large_pieces(zip_pieces(self.texts, self._files(), self._closing))

    def close(self) -> None:
        """Give back what holds the instances; whoever sends the ZIP calls it at the end."""
        self._held.close()

    def _hold(self, here: Sequence[ListedSeries], folder_of: Callable[[WantedSeries], str]) -> None:
        for one, packed in packed_instances(here):
            head = json.dumps([one.wanted.series_uid, folder_of(one.wanted)]).encode()
            self._held.write(_LENGTHS.pack(len(head), len(packed)) + head + packed)
            self.series_count += 1
            self.file_count += one.wanted.instance_count or 0

    def _look(self) -> None:
        for uid, file in self._planned():
            if file.changed_at() is None:
                self._leave_out(uid, file)
        self._is_looked_at = True

    def _files(self) -> Iterator[FileMember]:
        """Files that are there; one that goes later ends the ZIP in its middle where its length was told."""
        missing = {name for _, name, _ in self.left_out}
        for uid, file in self._planned():
            if self._is_looked_at:
                if file.name not in missing:
                    yield file
            elif file.changed_at() is None:
                self._leave_out(uid, file)
            else:
                yield file

    def _planned(self) -> Iterator[tuple[str, FileMember]]:
        """Every file that the catalog has, with its series."""
        self._held.seek(0)
        while lengths := self._held.read(_LENGTHS.size):
            head_bytes, packed_bytes = _LENGTHS.unpack(lengths)
            uid, folder = json.loads(self._held.read(head_bytes))
            instances = Instances.unpack(self._held.read(packed_bytes))
            for file in files_of(instances, f"{PAYLOAD}/{folder}/"):
                yield uid, file

    def _leave_out(self, uid: str, file: FileMember) -> None:
        self.left_out.append((uid, file.name, NOT_FOUND))

    def _closing(self) -> list[TextMember]:
        if not self.left_out:
            return []
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([NOT_INCLUDED_COLUMNS, *self.left_out])
        return [TextMember(NOT_INCLUDED, text.getvalue().encode())]


def _texts(chosen: Chosen, here: Sequence[ListedSeries]) -> list[TextMember]:
    series = ((one.wanted.collection_id, one.wanted.series_uid) for one in here)
    information = information_text(
        [
            ("Source-Organization", settings.OPTIONS.site_name),
            ("External-Description", chosen.title),
            ("External-Identifier", chosen.file_name),
            ("Bag-Software-Agent", f"hilum {hilum.__version__}"),
        ]
    )
    texts = {DECLARATION: DECLARATION_TEXT.encode(), INFORMATION: information.encode()}
    return [TextMember(name, content) for name, content in (texts | texts_of(chosen.name, chosen.kind, series)).items()]
