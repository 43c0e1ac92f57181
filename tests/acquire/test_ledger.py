from __future__ import annotations

import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from hilum.acquire.fingerprints import Fingerprints
from hilum.acquire.ledger import ASKED, LEDGER_NAME, RECEIVED, REFUSED, WHOLE, open_ledger
from hilum.acquire.wanted import WantedFile, WantedSeries
from hilum.errors import ArchiveError, SourceError

if TYPE_CHECKING:
    from pathlib import Path

SERIES = WantedSeries(collection_id="c", series_uid="1.2", instance_count=2, size_bytes=20, location="s3://b/x/")
FILES = [WantedFile("a.dcm", 10, "md5:00", version="v1"), WantedFile("b.dcm", 10)]


def test_a_file_goes_from_asked_to_whole(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        entry = ledger.begin(SERIES, "s3", "f")
        assert (entry.state, entry.is_unchanged) == (ASKED, False)
        ledger.ask(entry.series_id, FILES, {})
        ledger.note_attempts(entry.series_id, "a.dcm", 1, 4, "cut")
        ledger.receive(entry.series_id, "a.dcm", 10, b"\x01" * 32, is_provable=False)
        ledger.refuse(entry.series_id, "b.dcm", "gone")
        files = ledger.files(entry.series_id)
        assert (files["a.dcm"].state, files["a.dcm"].attempts, files["a.dcm"].received_bytes) == (RECEIVED, 2, 10)
        assert files["b.dcm"].state == REFUSED
        ledger.settle(entry.series_id, {"a.dcm": 123})
        ledger.end(entry.series_id, WHOLE)
    with open_ledger(tmp_path) as ledger:
        entry = ledger.begin(SERIES, "s3", "f")
        assert (entry.state, entry.is_unchanged) == (WHOLE, True)
        assert ledger.files(entry.series_id)["a.dcm"].modified_ns == 123
        assert ledger.whole_bytes(Fingerprints(["1.2", "1.9"])) == 10
        assert ledger.whole_bytes(Fingerprints(["1.9"])) == 0


def test_a_series_asked_for_in_other_words_is_looked_at_again(tmp_path: Path) -> None:
    newer = WantedSeries(series_uid="1.2", instance_count=3, location="s3://b/y/")
    with open_ledger(tmp_path) as ledger:
        first = ledger.begin(SERIES, "s3", "f")
        ledger.end(first.series_id, WHOLE)
        second = ledger.begin(newer, "s3", "f")
        assert (second.series_id, second.is_unchanged) == (first.series_id, False)
        assert ledger.begin(newer, "s3", "f").state == ASKED


def test_a_file_that_changed_or_went_at_the_source_is_told_apart(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        series_id = ledger.begin(SERIES, "s3", "f").series_id
        ledger.ask(series_id, FILES, {})
        for file in FILES:
            ledger.receive(series_id, file.name, 10, b"", is_provable=True)
        ledger.settle(series_id, {file.name: 1 for file in FILES})
        known = ledger.files(series_id)
        assert all(known[file.name].is_of(file) for file in FILES)
        assert known["a.dcm"].is_of(WantedFile("a.dcm")), "a listing that says less is no change"
        changed = WantedFile("a.dcm", 10, "md5:11", version="v2")
        assert not known["a.dcm"].is_of(changed)
        ledger.ask(series_id, [changed], known)
        assert {name: entry.state for name, entry in ledger.files(series_id).items()} == {"a.dcm": ASKED}
        ledger.ask(series_id, [changed, FILES[1]], ledger.files(series_id))
        assert ledger.files(series_id)["b.dcm"].state == ASKED, "a file that comes back is asked for anew"


def test_no_two_series_share_a_folder(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.begin(SERIES, "s3", "f")
        with pytest.raises(SourceError, match="a folder of its own") as error:
            ledger.begin(WantedSeries(series_uid="1.3"), "s3", "f")
    assert error.value.check == "folder-taken"


def test_a_second_pull_into_the_folder_is_refused_until_the_first_ends(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from hilum.acquire.ledger import open_ledger\n"
        "with open_ledger(Path(sys.argv[1])): pass"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    with open_ledger(tmp_path):
        done = subprocess.run(command, capture_output=True, text=True)
        assert "another hilum pull works in" in done.stderr
    assert subprocess.run(command, capture_output=True).returncode == 0


def test_a_damaged_ledger_is_told(tmp_path: Path) -> None:
    (tmp_path / LEDGER_NAME).write_bytes(b"no database" * 1000)
    with pytest.raises(ArchiveError, match="is damaged"), open_ledger(tmp_path):
        pass


def test_the_ledger_of_a_newer_hilum_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / LEDGER_NAME) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(ArchiveError, match="has version 99"), open_ledger(tmp_path):
        pass
