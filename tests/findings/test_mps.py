"""MITK point sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import SHARED_DATA, needs_shared_data
from hilum.errors import FormatError
from hilum.findings.mps import read_mps, write_mps

if TYPE_CHECKING:
    from pathlib import Path

numbers = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(st.tuples(numbers, numbers, numbers), max_size=5))
def test_what_is_written_is_read_back_to_the_bit(
    tmp_path_factory: pytest.TempPathFactory, points: list[tuple[float, float, float]]
) -> None:
    path = tmp_path_factory.mktemp("mps") / "points.mps"
    write_mps(path, points)
    assert read_mps(path) == points


@needs_shared_data
def test_a_real_point_set_is_written_byte_for_byte(tmp_path: Path) -> None:
    real = next((SHARED_DATA / "ct_lymph_nodes").glob("*/MED_LYMPH_010/*lymphnodes*.mps"))
    write_mps(tmp_path / "again.mps", read_mps(real), significant_digits=6)
    assert (tmp_path / "again.mps").read_bytes() == real.read_bytes()


def test_a_file_of_no_bytes_has_no_points(tmp_path: Path) -> None:
    (tmp_path / "empty.mps").touch()
    assert read_mps(tmp_path / "empty.mps") == []


BOMB = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "1"><!ENTITY b "&a;&a;">]><point_set_file>&b;</point_set_file>'
OUTSIDE = '<!DOCTYPE point_set_file SYSTEM "file:///etc/hostname"><point_set_file/>'


def point_set(body: str) -> str:
    return f"<point_set_file><point_set><time_series>\n{body}\n</time_series></point_set></point_set_file>"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "document type"),
        (OUTSIDE, "document type"),
        ("<html></html>", r"broken.mps:1: the root element is 'html'"),
        ("<point_set_file>", "no valid XML"),
        ("\x00\x01", "no valid XML"),
        (point_set("<point><x>1</x><y>2</y></point>"), r"broken.mps:2: the point has no z"),
        (point_set("<point><x>1</x><y>2</y><z>nan</z></point>"), r"broken.mps:2: z: found 'nan'"),
        (point_set("<point><x>1</x><y>two</y><z>3</z></point>"), r"broken.mps:2: y: found 'two'"),
    ],
)
def test_anything_else_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "broken.mps"
    path.write_text(text)
    with pytest.raises(FormatError, match=message):
        read_mps(path)


def test_an_absent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="cannot be read"):
        read_mps(tmp_path / "absent.mps")
