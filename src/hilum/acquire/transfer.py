"""Getting one file, or one stream of files: tried again with growing waits, and gone on with where it broke off."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hilum.acquire.draft import Draft, draft_of, require_hash
from hilum.acquire.ledger import RECEIVED
from hilum.acquire.names import require_safe
from hilum.acquire.trickle import LEAST_BYTES
from hilum.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hilum.acquire.joint_md5 import Held, JointMd5
    from hilum.acquire.ledger import FileEntry, Ledger
    from hilum.acquire.pace import Pace
    from hilum.acquire.source import Delivery, Source
    from hilum.acquire.wanted import WantedFile, WantedSeries


@dataclass(frozen=True, slots=True)
class Unproven:
    """A file that came whole, and whose MD5 is still to be worked out.

    Attributes
    ----------
    file, path
        What it must be, and its name; it lies in its draft.
    held
        What the MD5 is worked out of.
    size_bytes, sha256
        Of what came.
    """

    file: WantedFile
    path: Path
    held: Held
    size_bytes: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Transfer:
    """What every request of a pull needs.

    Attributes
    ----------
    source, ledger, pace
        Where from, where it is noted, how fast.
    on_bytes
        Told the bytes of each piece that came.
    joint
        Works out the MD5s of files that come whole.
    """

    source: Source
    ledger: Ledger
    pace: Pace
    on_bytes: Callable[[int], None]
    joint: JointMd5

    def list_files(self, series: WantedSeries) -> Sequence[WantedFile] | None:
        """Files of a series as the source lists them; None where only its stream tells.

        Raises
        ------
        SourceError
            They cannot be listed, however often it was tried.
        """
        return self.pace.persist(partial(self.source.list_files, series))

    def receive_file(
        self, series: WantedSeries, series_id: int, file: WantedFile, path: Path, known: FileEntry
    ) -> Unproven | None:
        """Receive a listed file into its draft, verify it and note it in the ledger.

        Gives the file where its MD5 is still to be worked out, and `prove` must then be called with it.

        Raises
        ------
        SourceError
            It is not to be had as it was listed, however often it was tried.
        """
        file = file if file.version else replace(file, version=known.version)
        with Draft(path, file, self.joint) as draft:
            draft.take_up()
            if not draft.holds(known.sha256 if known.state == RECEIVED else None):
                if not _may_go_on(draft):
                    draft.restart()
                self._receive(series, series_id, draft)
            if (held := draft.hand_over()) is not None:
                return Unproven(draft.file, path, held, draft.size_bytes, draft.sha256)
            self._note(series_id, draft.file, draft.size_bytes, draft.sha256)
            return None

    def prove(self, series: WantedSeries, series_id: int, came: Unproven, md5: bytes) -> None:
        """Note a file if its MD5 is the right one; else receive it again.

        Raises
        ------
        SourceError
            It is not to be had as it was listed, however often it was tried.
        """
        try:
            require_hash(came.file, f"md5:{md5.hex()}")
            self._note(series_id, came.file, came.size_bytes, came.sha256)
        except SourceError as error:
            self.ledger.note_attempts(series_id, came.file.name, 1, came.size_bytes, str(error))
            self.pace.wait_or_raise(error, 1)
            with Draft(came.path, came.file) as draft:
                draft.restart()
                self._receive(series, series_id, draft, failures=1, furthest=came.size_bytes)
                self._note(series_id, draft.file, draft.size_bytes, draft.sha256)

    def receive_stream(self, series: WantedSeries, series_id: int, folder: Path) -> list[str]:
        """Receive all files of a series that comes as one stream; give their names.

        Raises
        ------
        SourceError
            The stream is not whole, however often it was tried; then none of its files counts, and none is kept.
        """
        return self.pace.persist(partial(self._receive_all, series, series_id, folder))

    def _note(self, series_id: int, file: WantedFile, size_bytes: int, sha256: bytes) -> None:
        self.ledger.receive(series_id, file.name, size_bytes, sha256, is_provable=file.hash is not None)

    def _receive(
        self, series: WantedSeries, series_id: int, draft: Draft, failures: int = 0, furthest: int = 0
    ) -> None:
        """Receive what is missing of a draft; so often it failed already, with so many bytes received at most."""
        furthest = max(furthest, draft.size_bytes)
        while True:
            self.pace.enter()
            try:
                self._receive_once(series, series_id, draft)
                return
            except SourceError as error:
                # A long file over a poor line breaks off often: what comes further than ever before is no failure.
                is_further = draft.size_bytes >= furthest + LEAST_BYTES and draft.file.size_bytes is not None
                failures = 1 if is_further else failures + 1
                furthest = max(furthest, draft.size_bytes)
                self.ledger.note_attempts(series_id, draft.file.name, 1, draft.size_bytes, str(error))
                if error.check in {"wrong-hash", "wrong-size"} or not _may_go_on(draft):
                    draft.restart()
                self.pace.wait_or_raise(error, failures)

    def _receive_once(self, series: WantedSeries, series_id: int, draft: Draft) -> None:
        with self.source.fetch(series, draft.file, draft.size_bytes) as deliveries:
            for delivery in deliveries:
                self._begin(series_id, delivery, draft)
                self._write(delivery, draft)
        draft.verify()

    def _begin(self, series_id: int, delivery: Delivery, draft: Draft) -> None:
        """Take what the source says as it begins to send; a file that is not the one begun is begun anew."""
        if delivery.file != draft.file:
            self.ledger.note_version(series_id, delivery.file)
            draft.file = delivery.file
        if delivery.start_byte == draft.size_bytes:
            return
        if delivery.start_byte:
            raise SourceError(
                f"{draft.file.name}: asked for it from byte {draft.size_bytes:,} on, the source sends from"
                f" {delivery.start_byte:,}",
                check="wrong-range",
            )
        draft.restart()

    def _receive_all(self, series: WantedSeries, series_id: int, folder: Path) -> list[str]:
        begun: list[Path] = []
        try:
            return self._receive_each(series, series_id, folder, begun)
        except SourceError:
            for path in begun:
                Path(draft_of(path)).unlink(missing_ok=True)
            raise

    def _receive_each(self, series: WantedSeries, series_id: int, folder: Path, begun: list[Path]) -> list[str]:
        received: dict[str, tuple[WantedFile, int, bytes]] = {}
        with self.source.fetch(series, None, 0) as deliveries:
            for delivery in deliveries:
                name = require_safe(delivery.file.name)
                if name in received:
                    raise SourceError(
                        f"{series.key}: the stream holds {name!r} twice", check="name-twice", may_pass=True
                    )
                begun.append(folder / name)
                with Draft(folder / name, delivery.file) as draft:
                    draft.restart()
                    self._write(delivery, draft)
                    draft.verify()
                    received[name] = (delivery.file, draft.size_bytes, draft.sha256)
        if not received:
            raise SourceError(f"{series.key}: the stream held no file", check="empty-series", may_pass=True)
        self.ledger.ask(series_id, [file for file, _, _ in received.values()], self.ledger.files(series_id))
        for name, (_, size_bytes, sha256) in received.items():
            self.ledger.receive(series_id, name, size_bytes, sha256, is_provable=True)
        return list(received)

    def _write(self, delivery: Delivery, draft: Draft) -> None:
        for chunk in delivery.chunks:
            draft.write(chunk)
            self.on_bytes(len(chunk))
            self.pace.spend(len(chunk))


def _may_go_on(draft: Draft) -> bool:
    """Whether the rest of a file may be put behind what is there: only if a hash or version proves they belong."""
    is_short = draft.file.size_bytes is None or draft.size_bytes < draft.file.size_bytes
    return is_short and bool(draft.file.hash or draft.file.version)
