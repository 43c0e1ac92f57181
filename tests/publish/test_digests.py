"""Two digests of a file in one reading: right of any size, and of a copy that holds the same bytes."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from hilum.publish.digests import CHUNK_BYTES, _write, copy_file, digest_file


@pytest.mark.parametrize("size_bytes", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES])
def test_a_file_and_its_copy_have_the_digests_of_their_bytes(size_bytes: int, tmp_path: Path) -> None:
    content = bytes(range(251)) * (size_bytes // 251) + bytes(size_bytes % 251)
    source, copy = tmp_path / "source", tmp_path / "copy"
    source.write_bytes(content)
    read, copied = digest_file(source), copy_file(source, copy)
    assert copy.read_bytes() == content
    for one, path in ((read, source), (copied, copy)):
        assert (one.sha256, one.sha512) == (hashlib.sha256(content).hexdigest(), hashlib.sha512(content).hexdigest())
        assert (one.size_bytes, one.modified_ns) == (size_bytes, path.stat().st_mtime_ns)


def test_a_file_that_is_there_is_never_written_into(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"new")
    (tmp_path / "other").write_bytes(b"precious")
    os.link(tmp_path / "other", tmp_path / "copy")
    with pytest.raises(FileExistsError):
        copy_file(tmp_path / "source", tmp_path / "copy")
    assert (tmp_path / "other").read_bytes() == b"precious"


def test_an_error_names_the_file_that_it_is_about(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "source").write_bytes(b"x")
    os.mkfifo(tmp_path / "pipe")
    for name in ("folder", "pipe"):
        with pytest.raises(OSError, match="it is no file") as caught:
            digest_file(tmp_path / name)
        assert caught.value.filename == str(tmp_path / name)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        copy_file(tmp_path / "source", tmp_path / "nowhere" / "copy")
    with pytest.raises(OSError, match="No space left on device") as caught:
        _fill("/dev/full", tmp_path / "source")
    assert caught.value.filename == "/dev/full"


def _fill(device: str, source: Path) -> None:
    """Write to a device that is always full; it is there, so it is opened as no copy would be."""
    with Path(device).open("wb", buffering=0) as full:
        _write(full.fileno(), source.read_bytes(), device)
