"""Which of many texts were seen, without keeping them: eight bytes of each."""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Self

_BYTES = 8


class Fingerprints:
    """A set of texts, which takes another text for one of a million of its own once in 10^13.

    Its answers are the same in every run and on every machine.
    """

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._sorted = array("Q", sorted(map(_fingerprint, texts)))

    @classmethod
    def of_repeated(cls, texts: Iterable[str]) -> Self:
        """Texts that stand more than once."""
        return cls._of_equal_neighbours(sorted(map(_fingerprint, texts)))

    @classmethod
    def of_shared(cls, pairs: Iterable[tuple[str, str]]) -> Self:
        """Texts that stand first in pairs with several seconds."""
        import numpy as np

        made = np.fromiter(
            ((_fingerprint(text), _fingerprint(other)) for text, other in pairs), [("text", "u8"), ("other", "u8")]
        )
        made = made[np.lexsort((made["other"], made["text"]))]
        is_new = np.append(True, made[1:] != made[:-1])[: len(made)]
        return cls._of_equal_neighbours(array("Q", made["text"][is_new].tobytes()))

    @classmethod
    def _of_equal_neighbours(cls, made: Sequence[int]) -> Self:
        found = cls()
        found._sorted = array("Q", (one for one, following in pairwise(made) if one == following))
        return found

    def __contains__(self, text: str) -> bool:
        if not self._sorted:
            return False
        wanted = _fingerprint(text)
        place = bisect_left(self._sorted, wanted)
        return place < len(self._sorted) and self._sorted[place] == wanted

    def __bool__(self) -> bool:
        return bool(self._sorted)


def _fingerprint(text: str) -> int:
    # Names of files can hold bytes that are no text, which Python keeps as surrogates.
    return int.from_bytes(hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=_BYTES).digest())
