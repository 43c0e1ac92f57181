"""Files with some bytes changed, anywhere."""

from __future__ import annotations

from hypothesis import strategies as st

Damage = list[tuple[float, int]]
"""Places, as shares of the whole, and the bytes that are put there."""

DAMAGES = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8)


def damaged(content: bytes, damage: Damage) -> bytes:
    """Give content with the damage done."""
    changed = bytearray(content)
    for place, value in damage:
        changed[int(place * len(changed))] = value
    return bytes(changed)
