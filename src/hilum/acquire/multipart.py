"""Reading a multipart answer as it comes.

References
----------
RFC 2046, 5.1; DICOM PS3.18, 8.6.1.2.
"""

from __future__ import annotations

from email.message import Message
from typing import TYPE_CHECKING

from hilum.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_HEAD_BYTES = 1 << 16


def boundary_of(content_type: str) -> bytes | None:
    """Boundary that a Content-Type names; None if the answer is of one part only."""
    header = Message()
    header["Content-Type"] = content_type
    boundary = header.get_boundary() if header.get_content_maintype() == "multipart" else None
    return boundary.encode() if boundary else None


class MultipartReader:
    """The parts of an answer, each as its bytes come; read one to its end before asking for the next.

    Parameters
    ----------
    chunks
        The answer's body, in pieces of any length.
    boundary
        What its parts stand between.
    where
        For messages.
    """

    def __init__(self, chunks: Iterator[bytes], boundary: bytes, where: str) -> None:
        self._chunks = chunks
        # A boundary begins with a line break; the first may stand at the very beginning.
        self._boundary = b"\r\n--" + boundary
        self._buffer = b"\r\n"
        self._where = where

    def parts(self) -> Iterator[Iterator[bytes]]:
        """Give each part's content.

        Raises
        ------
        SourceError
            The answer ends before its last boundary.
        """
        for _ in self._until_boundary():
            continue  # what stands before the first part means nothing
        while not self._is_last():
            self._skip_head()
            yield self._until_boundary()

    def _until_boundary(self) -> Iterator[bytes]:
        while True:
            place = self._buffer.find(self._boundary)
            if place >= 0:
                content, self._buffer = self._buffer[:place], self._buffer[place + len(self._boundary) :]
                if content:
                    yield content
                return
            # The end of what is here may be the beginning of a boundary.
            safe = max(0, len(self._buffer) - len(self._boundary) + 1)
            content, self._buffer = self._buffer[:safe], self._buffer[safe:]
            if content:
                yield content
            self._read_more()

    def _is_last(self) -> bool:
        while len(self._buffer) < 2:
            self._read_more()
        return self._buffer.startswith(b"--")

    def _skip_head(self) -> None:
        while (place := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > LONGEST_HEAD_BYTES:
                raise SourceError(f"{self._where}: a part's head has no end", check="bad-answer")
            self._read_more()
        # The line break before a boundary may be the very one that ends the head: of an empty part.
        while len(self._buffer) < place + 2 + len(self._boundary):
            self._read_more()
        self._buffer = self._buffer[place + 2 :]
        self._buffer = self._buffer if self._buffer.startswith(self._boundary) else self._buffer[2:]

    def _read_more(self) -> None:
        chunk = next(self._chunks, None)
        if chunk is None:
            raise SourceError(
                f"{self._where}: the answer ends before its last boundary", check="cut-connection", may_pass=True
            )
        self._buffer += chunk
