"""multipart/related: parts written one after another, and read from a stream without keeping more than a piece.

References
----------
RFC 2046 section 5.1 (multipart), RFC 2387 (multipart/related); DICOM PS3.18 section 8.6.1.2.
"""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

from hilum.serve.dicomweb.problem import BAD_REQUEST, ProblemError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

BOUNDARY_BYTES = 16
PIECE_BYTES = 1 << 18
MAX_HEADER_BYTES = 8192
"""Longest header of a part."""

_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,199}[0-9A-Za-z'()+_,./:=?-]")
"""RFC 2046 ends at 70 characters; Orthanc sends 73."""


class Writer:
    """Frames the parts of one answer.

    Parameters
    ----------
    part_type
        Media type of the parts.
    """

    def __init__(self, part_type: str) -> None:
        self.boundary = secrets.token_hex(BOUNDARY_BYTES)
        self.content_type = f'multipart/related; type="{part_type}"; boundary={self.boundary}'

    def head(self, content_type: str, location: str, length: int) -> bytes:
        """What stands before the bytes of a part."""
        lines = (
            f"--{self.boundary}",
            f"Content-Type: {content_type}",
            f"Content-Location: {location}",
            f"Content-Length: {length}",
        )
        return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"

    def around(self, content_type: str, location: str, length: int) -> tuple[bytes, bytes]:
        """What stands before and after the bytes of the only part."""
        return self.head(content_type, location, length), b"\r\n" + self.end()

    def end(self) -> bytes:
        """What stands after the last part; every part is ended by a line break."""
        return f"--{self.boundary}--\r\n".encode()


class Part:
    """One part of a message, read in pieces.

    Attributes
    ----------
    headers
        By lower-case name.
    """

    def __init__(self, headers: Mapping[str, str], reader: Reader) -> None:
        self.headers = headers
        self._reader = reader

    def pieces(self) -> Iterator[bytes]:
        """The bytes of the part."""
        return self._reader.body()


class Reader:
    """Reads the parts of a message in order.

    Parameters
    ----------
    read
        Gives up to a number of bytes; none at the end.
    boundary
        What divides the parts.
    """

    def __init__(self, read: Callable[[int], bytes], boundary: str) -> None:
        if not _BOUNDARY.fullmatch(boundary):
            raise ProblemError(BAD_REQUEST, "multipart/related without a valid boundary")
        self._read = read
        self._delimiter = f"\r\n--{boundary}".encode("ascii")
        # The first delimiter need not follow a line break.
        self._buffer = bytearray(b"\r\n")
        self._is_at_end = False
        self._is_in_body = True

    def parts(self) -> Iterator[Part]:
        """Each part; one that was not read to its end is passed over.

        Raises
        ------
        ProblemError
            400: the message is cut off, or is no multipart message.
        """
        while True:
            for _ in self.body():  # the preamble at first, and what was left of the last part
                pass
            if self._fill(2) and self._buffer.startswith(b"--"):
                return
            yield Part(self._headers(), self)

    def body(self) -> Iterator[bytes]:
        """Bytes up to the next delimiter, which is passed."""
        keep = len(self._delimiter) - 1
        while self._is_in_body:
            found = self._buffer.find(self._delimiter)
            if found >= 0:
                piece = bytes(self._buffer[:found])
                del self._buffer[: found + len(self._delimiter)]
                self._is_in_body = False
            else:
                piece = bytes(self._buffer[:-keep])
                del self._buffer[: len(piece)]
                if not self._more():
                    raise ProblemError(BAD_REQUEST, "the message ends before its last part does")
            if piece:
                yield piece

    def _headers(self) -> dict[str, str]:
        """Read the header of a part, up to its empty line."""
        # The rest of the delimiter's line is white space.
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > MAX_HEADER_BYTES or not self._more():
                raise ProblemError(BAD_REQUEST, "a part without the end of its header")
        lines = bytes(self._buffer[:end]).decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        self._is_in_body = True
        if lines[0].strip():
            raise ProblemError(BAD_REQUEST, "a part does not begin with a line of its own")
        fields = (line.partition(":") for line in lines[1:])
        return {name.strip().lower(): value.strip() for name, _, value in fields}

    def _fill(self, count: int) -> bool:
        while len(self._buffer) < count:
            if not self._more():
                raise ProblemError(BAD_REQUEST, "the message ends before its last part does")
        return True

    def _more(self) -> bool:
        piece = b"" if self._is_at_end else self._read(PIECE_BYTES)
        self._is_at_end = not piece
        self._buffer += piece
        return bool(piece)
