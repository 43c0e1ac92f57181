"""Texts that are told from others by eight bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hilum.acquire.fingerprints import Fingerprints

texts = st.lists(st.sampled_from("abcdefg") | st.text(st.characters(), max_size=3), max_size=30)


@given(texts=texts, others=texts)
def test_a_set_knows_its_texts_and_no_others(texts: list[str], others: list[str]) -> None:
    found = Fingerprints(texts)
    assert [text in found for text in texts + others] == [text in texts for text in texts + others]
    assert bool(found) == bool(texts)


@given(texts=texts)
def test_repeated_texts_are_those_that_stand_more_than_once(texts: list[str]) -> None:
    found = Fingerprints.of_repeated(texts)
    assert {text for text in texts if text in found} == {text for text in texts if texts.count(text) > 1}


@given(pairs=st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), max_size=12))
def test_shared_texts_stand_with_several_others(pairs: list[tuple[str, str]]) -> None:
    found = Fingerprints.of_shared(pairs)
    expected = {text for text, _ in pairs if len({other for one, other in pairs if one == text}) > 1}
    assert {text for text, _ in pairs if text in found} == expected


def test_they_are_the_same_everywhere() -> None:
    """``printf 1.2.3 | b2sum -l 64``; folders of a pull hang on them."""
    assert f"{Fingerprints(['1.2.3'])._sorted[0]:016x}" == "1f0adb19a75aedd1"
