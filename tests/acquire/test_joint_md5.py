"""MD5 of several files at once: the same as one by one, whatever their sizes, and told for each of them once."""

from __future__ import annotations

import hashlib
import random
import threading
from collections import Counter
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum.acquire.joint_md5 import BATCHES, HELD_BYTES, LANES, JointMd5

pytestmark = pytest.mark.skipif(not LANES, reason="hilum was installed where no C compiler was")

BLOCK = 64
EDGES = (0, 1, BLOCK - 9, BLOCK - 8, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK - 9, 2 * BLOCK - 8, 2 * BLOCK)
"""Sizes about which padding takes another block."""


def md5(content: bytes) -> bytes:
    return hashlib.md5(content, usedforsecurity=False).digest()


@given(sizes=st.lists(st.one_of(st.sampled_from(EDGES), st.integers(0, 5000)), max_size=3 * 16), seed=st.integers(0))
def test_many_digests_are_those_of_each(sizes: list[int], seed: int) -> None:
    from hilum.acquire._md5 import md5_of

    contents = [random.Random(seed + number).randbytes(size) for number, size in enumerate(sizes)]
    assert md5_of([*contents]) == [md5(content) for content in contents]
    assert md5_of([memoryview(bytearray(content)) for content in contents]) == [md5(content) for content in contents]


def test_what_is_no_list_of_buffers_is_an_error() -> None:
    from hilum.acquire._md5 import md5_of

    for wrong in ([b"a", "text"], [None], (b"a",)):
        with pytest.raises((TypeError, SystemError)):
            md5_of(wrong)  # type: ignore[arg-type]


def test_a_batch_is_worked_out_when_it_is_full_and_the_rest_at_the_end() -> None:
    joint, told = JointMd5(), list[bytes]()
    for number in range(LANES + 1):
        held = joint.hold(1)
        assert held is not None
        held.add(bytes([number]))
        joint.hand_in(held, told.append)
        assert len(told) == (LANES if number >= LANES - 1 else 0)
    joint.finish()
    joint.finish()
    assert told == [md5(bytes([number])) for number in range(LANES + 1)]


def test_room_is_limited_and_comes_back() -> None:
    joint = JointMd5()
    assert joint.hold(None) is None
    assert joint.hold(HELD_BYTES + 1) is None
    taken = [joint.hold(HELD_BYTES) for _ in range(BATCHES * LANES)]
    assert all(taken)
    assert joint.hold(1) is None
    first = taken[0]
    assert first is not None
    first.add(b"left over")
    joint.release(first)
    again = joint.hold(1)
    assert again is first
    assert bytes(again.content) == b""


def test_threads_are_told_each_digest_once() -> None:
    joint, told = JointMd5(), Counter[tuple[bytes, bytes]]()

    def work(seed: int) -> None:
        generator = random.Random(seed)
        for number in range(100):
            content = f"{seed} {number} ".encode() + generator.randbytes(generator.randrange(3000))
            held = joint.hold(len(content))
            if held is None:
                told[content, md5(content)] += 1
                continue
            held.add(content[:7])
            held.add(content[7:])
            joint.hand_in(held, partial(lambda content, digest: told.update([(content, digest)]), content))
        joint.finish()

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(told.values()) == {1}
    assert len(told) == 1600
    assert all(md5(content) == digest for content, digest in told)
