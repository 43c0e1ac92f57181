"""Cut and flipped bytes of real files: never a crash, never a hang, always a record or a refusal."""

from __future__ import annotations

import random
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pydicom.data
import pytest

from hilum.index.assemble import assemble
from hilum.index.batch import read_batch
from hilum.index.files import FoundFile
from hilum.index.record import unpack_records
from hilum.index.scan import scan_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

PYDICOM_FILES = Path(pydicom.data.__file__).parent / "test_files"
SEEDS = [
    "CT_small.dcm",
    "MR_small_implicit.dcm",
    "MR_small_bigendian.dcm",
    "image_dfl.dcm",
    "693_J2KI.dcm",
    "nested_priv_SQ.dcm",
    "priv_SQ.dcm",
    "reportsi.dcm",
    "rtplan.dcm",
    "UN_sequence.dcm",
    "badVR.dcm",
    "dicomdirtests/DICOMDIR",
    "liver_expb_1frame.dcm",
]
DAMAGED_OF_EACH = 250
LONGEST_S = 10
"""A header is read in a fraction of a millisecond; a hang takes for ever."""


def damaged(content: bytes, draw: random.Random) -> bytes:
    """Flip, overwrite, insert or remove bytes, or cut the file; the header more often than the pixels."""
    changed = bytearray(content)
    for _ in range(draw.choice([1, 1, 2, 4, 16])):
        place = draw.randrange(min(len(changed), draw.choice([200, 1000, 4000, 1 << 30])) or 1)
        kind = draw.randrange(5)
        if kind == 0:
            del changed[place:]
        elif kind == 1:
            changed[place : place + 1] = bytes([draw.randrange(256)])
        elif kind == 2:
            changed[place : place + 4] = draw.choice(
                [b"\xff\xff\xff\xff", bytes(4), b"\xfe\xff\x0d\xe0", b"\xff\xff\xff\x7f"]
            )
        elif kind == 3:
            changed[place:place] = draw.randbytes(draw.randrange(1, 9))
        else:
            del changed[place : place + draw.randrange(1, 9)]
    return bytes(changed)


@pytest.fixture
def _no_hang() -> Iterator[None]:
    def give_up(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"still reading after {LONGEST_S} s")

    before = signal.signal(signal.SIGALRM, give_up)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("_no_hang")
@pytest.mark.parametrize("name", SEEDS)
def test_a_damaged_file_becomes_a_record_or_a_refusal(tmp_path: Path, name: str) -> None:
    content = (PYDICOM_FILES / name).read_bytes()
    draw = random.Random(name)
    outcomes = set()
    for number in range(DAMAGED_OF_EACH):
        path = tmp_path / f"{number}.dcm"
        path.write_bytes(damaged(content, draw))
        signal.alarm(LONGEST_S)
        batch = read_batch(str(tmp_path), [FoundFile(path.name, path.stat().st_size, 1)])
        assert len(batch.states) + len(batch.refusals) + batch.passed_over.total() == 1
        for packed in batch.packed.values():
            records = unpack_records(packed)
            assembly = assemble("fuzz", records)
            assert len(assembly.series) + len(assembly.refusals) == 1
            outcomes.add("record")
        outcomes |= {refusal.check for refusal in batch.refusals}
        assert all(refusal.reason for refusal in batch.refusals)
        path.unlink()
    assert len(outcomes) > 1


def test_a_folder_of_damaged_files_adds_up(tmp_path: Path) -> None:
    draw = random.Random(0)
    contents = [(PYDICOM_FILES / name).read_bytes() for name in SEEDS]
    for number in range(300):
        (tmp_path / f"{number:03d}").write_bytes(damaged(draw.choice(contents), draw))
    with ThreadPoolExecutor(2) as executor:
        scan = scan_folder(tmp_path, known={}, journal=None, executor=executor, workers=2)
    assembly = assemble("fuzz", [r for parts in scan.packed.values() for part in parts for r in unpack_records(part)])
    kept = sum(series["instance_count"] for series in assembly.series)
    assert scan.files_found == 300
    assert kept + len(assembly.refusals) + len(scan.refusals) + scan.passed_over.total() == 300
    assert scan.record_count > 50
    assert scan.refusals
