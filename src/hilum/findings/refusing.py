"""Lines that are refused: strict reading ends at the first, lenient reading goes on; neither counts one silently."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from hilum.errors import FormatError, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Line = TypeVar("Line")
Found = TypeVar("Found")

MALFORMED = "malformed-line"
UNKNOWN_EXAM = "unknown-exam"
DUPLICATE = "duplicate-line"
OUTSIDE = "outside-volume"
"""Names of the checks."""


class Refusals:
    """What becomes of lines that cannot be taken.

    Parameters
    ----------
    is_lenient
        Whether to go on after a refused line. It decides nothing else: the same lines are refused.
    """

    def __init__(self, *, is_lenient: bool = False) -> None:
        self._is_lenient = is_lenient
        self._found: list[Refusal] = []

    @property
    def found(self) -> tuple[Refusal, ...]:
        """The refused lines so far; always none in strict reading."""
        return tuple(self._found)

    def refuse(self, where: str, check: str, reason: str) -> None:
        """Refuse the line at `where`.

        Raises
        ------
        FormatError
            The reading is strict.
        """
        if not self._is_lenient:
            raise FormatError(f"{where}: {reason}")
        self._found.append(Refusal(where, check, reason))

    def read_each(
        self, lines: Iterable[tuple[str, Line]], read: Callable[[str, Line], Found]
    ) -> Iterator[tuple[str, Found]]:
        """Read lines, each given with its place; those that `read` finds malformed are refused.

        Raises
        ------
        FormatError
            A line is refused and the reading is strict.
        """
        for where, line in lines:
            try:
                found = read(where, line)
            except FormatError as error:
                self.refuse(where, MALFORMED, str(error).removeprefix(f"{where}: "))
                continue
            yield where, found
