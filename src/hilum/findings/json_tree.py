"""JSON of others, read with the place of each value, so that a message can say where it is wrong."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hilum.errors import FormatError
from hilum.findings.text import read_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a JSON file.

    Attributes
    ----------
    value
        What `json.loads` gives for it.
    where
        File and keys that lead to it (``a.json: markups[0].type``).
    """

    value: Any
    where: str

    def has(self, key: str) -> bool:
        """Whether the value is an object with a value for a key."""
        return isinstance(self.value, dict) and self.value.get(key) is not None

    def get(self, key: str) -> Node:
        """Value of a key; one of None where it is absent."""
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        sign = "." if ": " in self.where else ": "
        return Node(self.value.get(key), f"{self.where}{sign}{key}")

    def need(self, key: str) -> Node:
        """Value of a key that must be there."""
        found = self.get(key)
        if found.value is None:
            raise FormatError(f"{found.where}: absent; expected a value")
        return found

    def nodes(self) -> Iterator[Node]:
        """Values of a list; none where it is absent."""
        if self.value is not None and not isinstance(self.value, list):
            raise self.wrong("a list")
        for number, value in enumerate(self.value or []):
            yield Node(value, f"{self.where}[{number}]" if ": " in self.where else f"{self.where}: [{number}]")

    def text(self) -> str:
        """Text, or a whole number as text."""
        if not isinstance(self.value, str | int) or isinstance(self.value, bool):
            raise self.wrong("a text")
        return str(self.value)

    def number(self) -> float:
        """Finite number."""
        is_number = isinstance(self.value, int | float) and not isinstance(self.value, bool)
        if not is_number or not math.isfinite(self.value):
            raise self.wrong("a finite number")
        return float(self.value)

    def numbers(self, count: int) -> list[float]:
        """Give a list of so many finite numbers."""
        found = [node.number() for node in self.nodes()]
        if len(found) != count:
            raise self.wrong(f"{count} numbers")
        return found

    def wrong(self, expected: str) -> FormatError:
        """Error that says what is there and what was expected."""
        return FormatError(f"{self.where}: found {json.dumps(self.value)[:60]}, expected {expected}")


def read_tree(path: Path) -> Node:
    """Read a JSON file.

    Raises
    ------
    FormatError
        It cannot be read, or is no JSON.
    """
    try:
        return Node(json.loads(read_text(path)), str(path))
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path}: no JSON ({error})") from error
