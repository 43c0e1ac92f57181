"""The bytes between the files, as Python's own reader understands them."""

from __future__ import annotations

import zipfile
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum.serve.downloads.zip_format import (
    MAX_32,
    directory_header,
    directory_header_bytes,
    end_records,
    local_header,
    local_header_bytes,
)

if TYPE_CHECKING:
    from pathlib import Path

ABOUT_4_GIB = st.integers(MAX_32 - 3, MAX_32 + 3)


def write_sparse(path: Path, sizes: list[int]) -> list[int]:
    """Write a ZIP of files of zeros, which take no room on the disk; give where each begins."""
    directory, offsets = bytearray(), []
    with path.open("wb") as file:
        for number, size in enumerate(sizes):
            offset = file.tell()
            offsets.append(offset)
            file.write(local_header(f"{number}.dcm", size, 7))
            file.seek(size, 1)
            directory += directory_header(f"{number}.dcm", size, 7, offset)
        start = file.tell()
        file.write(bytes(directory) + end_records(len(sizes), start, len(directory)))
    return offsets


@pytest.mark.parametrize("sizes", [[], [0], [5, 3], [MAX_32 - 1, 1], [MAX_32, 1], [5_000_000_000, 0, 4_400_000_000, 9]])
def test_sizes_and_places_of_any_length_are_read_back(tmp_path: Path, sizes: list[int]) -> None:
    offsets = write_sparse(tmp_path / "sparse.zip", sizes)

    with zipfile.ZipFile(tmp_path / "sparse.zip") as read:
        assert [entry.file_size for entry in read.infolist()] == sizes
        assert [entry.compress_size for entry in read.infolist()] == sizes
        assert [entry.header_offset for entry in read.infolist()] == offsets


def test_more_files_than_16_bits_count(tmp_path: Path) -> None:
    write_sparse(tmp_path / "many.zip", [0] * 65_536)

    with zipfile.ZipFile(tmp_path / "many.zip") as read:
        assert len(read.infolist()) == 65_536


def test_a_file_is_stored_with_its_name_and_checksum(tmp_path: Path) -> None:
    content, name = b"content", "ein Ödem.dcm"
    crc = zlib.crc32(content)
    directory = directory_header(name, len(content), crc, 0)
    before = local_header(name, len(content), crc) + content
    (tmp_path / "one.zip").write_bytes(before + directory + end_records(1, len(before), len(directory)))

    with zipfile.ZipFile(tmp_path / "one.zip") as read:
        assert read.namelist() == [name]
        assert read.read(name) == content
        assert read.infolist()[0].date_time == (1980, 1, 1, 0, 0, 0)


@given(size=ABOUT_4_GIB, offset=ABOUT_4_GIB, crc=st.integers(0, MAX_32))
def test_lengths_depend_on_name_size_and_place_alone(size: int, offset: int, crc: int) -> None:
    assert len(local_header("a", size, crc)) == local_header_bytes("a", size)
    assert len(directory_header("a", size, crc, offset)) == directory_header_bytes("a", size, offset)
