from __future__ import annotations

import json
import math
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hilum.errors import ArchiveError
from hilum.model.instances import Instances

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
POINTS = st.tuples(*[st.floats(allow_nan=False, width=32)] * 3)
STEPS = st.builds(lambda first, step: (first, step), st.integers() | st.floats(-1e6, 1e6), st.integers(-9, 9))


@st.composite
def columns(draw: st.DrawFn) -> dict[str, list[Any]]:
    count = draw(st.integers(0, 12))

    def column() -> list[Any]:
        kind = draw(st.integers(0, 4))
        if kind == 0:
            first, step = draw(STEPS)
            return [first + i * step for i in range(count)]
        uids = st.text("0123456789.").map(lambda tail: f"1.2.840.{tail}")
        values: st.SearchStrategy[Any] = [SCALARS, POINTS, st.tuples(SCALARS, SCALARS), uids][kind - 1]
        return [draw(values)] * count if draw(st.booleans()) else [draw(values) for _ in range(count)]

    return {name: column() for name in draw(st.lists(st.text(min_size=1), unique=True, max_size=5))}


def with_types(values: list[Any]) -> list[Any]:
    """Each value with its type: 1, 1.0 and True are equal and yet not the same."""
    return [tuple(with_types(list(v))) if isinstance(v, tuple) else (type(v), v) for v in values]


@given(columns())
@example({"a": [1, 1.0, True]})
@example({"a": [0.1, 0.2, 0.30000000000000004]})
@example({"a": [(1.0, 2), (1, 2)]})
@example({"a": [(), ()]})
@example({"a": [(1,), None]})
@example({"a": [math.inf, math.inf, -math.inf]})
@example({"a": ["\ud800", ""]})
def test_unpacking_gives_what_was_packed(packed: dict[str, list[Any]]) -> None:
    found = Instances.unpack(Instances(packed).pack())
    assert list(found.columns) == list(packed)
    for name, values in packed.items():
        assert with_types(list(found.columns[name])) == with_types(values)


@given(st.lists(st.text("0123456789.", min_size=1, max_size=20), unique=True, max_size=8), st.text("0123456789."))
def test_find_gives_the_place_of_a_uid(uids: list[str], other: str) -> None:
    data = Instances({"SOPInstanceUID": [f"1.2.{uid}" for uid in uids], "Rows": [1] * len(uids)}).pack()
    assert [Instances.find(data, f"1.2.{uid}") for uid in uids] == list(range(len(uids)))
    expected = uids.index(other.removeprefix("1.2.")) if other.startswith("1.2.") and other[4:] in uids else None
    assert Instances.find(data, other) == expected


def test_instances_without_uid_are_not_found() -> None:
    assert Instances.find(Instances({"Rows": [1, 2]}).pack(), "1.2") is None


def test_a_ct_series_takes_about_its_random_digits() -> None:
    count = 290
    digits = [str(pow(7, 50 + i, 10**38 + 3)).zfill(38) for i in range(count)]
    scan = Instances(
        {
            "SOPInstanceUID": [f"1.2.840.113654.2.55.{tail}" for tail in digits],
            "InstanceNumber": list(range(1, count + 1)),
            "ImagePositionPatient": [(-170.3, -160.1, -300 + 2.5 * i) for i in range(count)],
            "ImageOrientationPatient": [(1.0, 0.0, 0.0, 0.0, 1.0, 0.0)] * count,
            "root": ["/data"] * count,
            "path": [f"100002/1-{i:03d}.dcm" for i in range(count)],
            "size_bytes": [526_000] * count,
        }
    )
    entropy_bytes = 38 * math.log2(10) / 8
    assert len(scan.pack()) / count < entropy_bytes + 7


def test_rows_take_order_and_paths() -> None:
    scan = Instances.from_rows([{"root": "/a", "path": "x", "Rows": 1}, {"root": "/a", "path": "y"}])
    assert len(scan) == 2
    assert list(scan) == [{"root": "/a", "path": "x", "Rows": 1}, {"root": "/a", "path": "y", "Rows": None}]
    assert scan.paths() == [Path("/a/x"), Path("/a/y")]
    assert scan.take([1, 0]).column("path") == ["y", "x"]
    assert scan.column("Columns") == [None, None]
    assert len(Instances({})) == 0


def test_columns_of_unequal_length_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="unequal length"):
        Instances({"a": [1], "b": []})


@pytest.mark.parametrize(
    "data", [b"", b"nonsense", zlib.compress(b"{"), zlib.compress(b"[]"), zlib.compress(b'{"version": 1}')]
)
def test_damaged_bytes_are_told(data: bytes) -> None:
    with pytest.raises(ArchiveError, match="index the folder again"):
        Instances.unpack(data)


def test_a_newer_version_says_so() -> None:
    data = zlib.compress(json.dumps({"version": 2, "count": 0, "columns": {}}).encode())
    with pytest.raises(ArchiveError, match="of version 2; this hilum reads 1: update it"):
        Instances.unpack(data)


def test_some_columns_are_selected_in_the_order_asked_and_absent_ones_left_out() -> None:
    instances = Instances({"a": [1, 2], "b": [3, 4], "c": [5, 6]})
    assert list(instances.select(["c", "x", "a"]).columns.items()) == [("c", [5, 6]), ("a", [1, 2])]
