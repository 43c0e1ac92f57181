"""SHA-256 of files: right, kept while a file does not change, worked out again when it does."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hilum.errors import ArchiveError, Refusal
from hilum.publish.hashing import READ_BYTES, Hashed, KnownHashes, hash_files, open_hashes

if TYPE_CHECKING:
    from collections.abc import Sequence


def hashed(known: KnownHashes, paths: Sequence[Path]) -> dict[str, Hashed | Refusal]:
    with ThreadPoolExecutor(2) as executor:
        return hash_files([str(path) for path in paths], known, executor=executor, workers=2)


def digest(found: Hashed | Refusal) -> str:
    assert isinstance(found, Hashed)
    return found.sha256


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{number}.dcm" for number in range(70)]
    for number, path in enumerate(paths):
        path.write_bytes(bytes([number]) * number)
    return paths


def test_each_file_gets_its_digest(tmp_path: Path, files: list[Path]) -> None:
    with open_hashes(tmp_path / "hashes.sqlite") as known:
        found = hashed(known, files)
    assert list(map(str, files)) == sorted(found, key=lambda path: int(Path(path).stem))
    for path in files:
        assert digest(found[str(path)]) == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("size_bytes", [0, 1, READ_BYTES - 1, READ_BYTES, READ_BYTES + 1, 2 * READ_BYTES])
def test_a_file_of_any_size_gets_its_digest(size_bytes: int, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes(range(251)) * (size_bytes // 251) + bytes(size_bytes % 251))
    with open_hashes(tmp_path / "hashes.sqlite") as known:
        assert digest(hashed(known, [path])[str(path)]) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_what_did_not_change_is_not_read_again(tmp_path: Path, files: list[Path]) -> None:
    path = files[5]
    with open_hashes(tmp_path / "hashes.sqlite") as known:
        before = hashed(known, [path])[str(path)]
        times = path.stat().st_atime_ns, path.stat().st_mtime_ns
        path.write_bytes(b"other")
        os.utime(path, ns=times)
    with open_hashes(tmp_path / "hashes.sqlite") as known:
        assert hashed(known, [path])[str(path)] == before
        os.utime(path, ns=(0, 1))
        assert digest(hashed(known, [path])[str(path)]) == hashlib.sha256(b"other").hexdigest()


def test_a_clock_set_back_does_not_hide_a_change(tmp_path: Path, files: list[Path]) -> None:
    path = files[5]
    with open_hashes(tmp_path / "hashes.sqlite") as known:
        hashed(known, [path])
        path.write_bytes(b"other")
        os.utime(path, ns=(0, 0))
        assert digest(hashed(known, [path])[str(path)]) == hashlib.sha256(b"other").hexdigest()


def test_what_cannot_be_read_is_refused(tmp_path: Path, files: list[Path]) -> None:
    files[3].unlink()
    os.mkfifo(tmp_path / "pipe")
    with open_hashes(tmp_path / "hashes.sqlite") as known:
        found = hashed(known, [files[3], tmp_path, tmp_path / "pipe", files[4]])
    missing, folder, pipe, whole = found.values()
    assert isinstance(pipe, Refusal)
    assert pipe.check == "unreadable-file"
    assert isinstance(missing, Refusal)
    assert missing.check == "missing-file"
    assert isinstance(folder, Refusal)
    assert folder.check == "unreadable-file"
    assert isinstance(whole, Hashed)


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "growing"
    path.write_bytes(b"x" * 1000)
    read = os.read

    def meanwhile(descriptor: int, count: int) -> bytes:
        found = read(descriptor, count)
        path.write_bytes(b"x" * 1001)
        return found

    monkeypatch.setattr(os, "read", meanwhile)
    with open_hashes(tmp_path / "hashes.sqlite") as known:
        found = hashed(known, [path])[str(path)]
    assert isinstance(found, Refusal)
    assert found.check == "changing-file"


def test_a_damaged_file_of_digests_is_told(tmp_path: Path) -> None:
    (tmp_path / "hashes.sqlite").write_bytes(b"this is no database" * 100)
    with pytest.raises(ArchiveError, match="remove it"), open_hashes(tmp_path / "hashes.sqlite"):
        pass
