"""Many series in little memory are the series that were given."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquire.strategies import cohorts
from hilum.acquire.packed import PackedSeries, each_once
from hilum.acquire.wanted import WantedSeries

texts = st.text(max_size=8)
counts = st.none() | st.integers(0, 2**70)
odd = st.builds(
    WantedSeries,
    *[texts] * 5,
    counts,
    counts,
    st.none() | texts,
    # Names of files that are no text come with lone surrogates.
    st.text(st.characters(), max_size=8),
    st.dictionaries(texts, texts, max_size=3),
)


def rows(series: object) -> list[tuple[WantedSeries, dict[str, str]]]:
    """Series with their attributes, which their equality leaves out."""
    assert isinstance(series, PackedSeries | list)
    return [(one, dict(one.attributes)) for one in series]


@given(series=cohorts | st.lists(odd, max_size=5))
def test_packed_series_are_the_list_they_were_made_of(series: list[WantedSeries]) -> None:
    packed = PackedSeries(iter(series))
    assert rows(packed) == rows(series)
    assert (len(packed), bool(packed)) == (len(series), bool(series))
    assert list(reversed(packed)) == series[::-1]


@pytest.mark.parametrize("count", [0, 1, 1023, 1024, 1025, 3000])
def test_a_series_is_found_by_its_place(count: int) -> None:
    series = [WantedSeries(series_uid=f"1.{number}") for number in range(count)]
    packed = PackedSeries(series)
    assert list(packed) == series
    assert packed[-2:] == series[-2:]
    for place in {0, count - 1, count // 2, -1} if count else ():
        assert packed[place] == series[place]
    for place in (count, -count - 1):
        with pytest.raises(IndexError):
            packed[place]


def test_what_resembles_each_other_takes_little_room() -> None:
    series = PackedSeries(WantedSeries("nlst", "P1", "1.2.3", f"1.2.3.{n}", "CT", 1, n) for n in range(10_000))
    assert sum(map(len, series._blocks)) < 20 * len(series)


def test_of_series_with_one_key_the_first_is_kept() -> None:
    series = [
        WantedSeries(series_uid="1.2", size_bytes=1),
        WantedSeries(location="s3://a/"),
        WantedSeries(series_uid="1.2", size_bytes=2),
        WantedSeries(location="s3://a/"),
        WantedSeries(series_uid="1.3"),
    ]
    assert list(each_once(series)) == [series[0], series[1], series[4]]
    assert each_once(series[1:3]) == series[1:3]
