"""Files of accepted findings."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from hilum.check import Acceptance, Finding, read_accepted
from hilum.check.accepted import Accepting
from hilum.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

ENTRY = """
[[accepted]]
check = "address"
item = "1.2.*"
reason = "a phantom"
by = "A. Steward"
on = 2026-01-31
"""


def read(folder: Path, text: str) -> tuple[Acceptance, ...]:
    path = folder / "accepted.toml"
    path.write_text(text)
    return read_accepted(path)


def test_a_file_is_read_and_none_accepts_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, ENTRY) == (Acceptance("address", "1.2.*", "a phantom", "A. Steward", date(2026, 1, 31)),)
    assert read_accepted(tmp_path / "absent.toml") == ()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"address"', '"adress"', "no check 'adress'"),
        ("2026-01-31", '"2026-01-31"', "expected a day"),
        ('"a phantom"', '""', "expected a text"),
        ("by =", "who =", "expected check, item, reason, by, on"),
        ("[[accepted]]", "[[other]]", "found other"),
        ("[[accepted]]", "[[accepted", "cannot be read"),
    ],
)
def test_a_malformed_file_is_refused(old: str, new: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=words):
        read(tmp_path, ENTRY.replace(old, new))


def test_a_pattern_covers_items_places_and_participants_of_its_check() -> None:
    (one,) = [Acceptance("address", "1.2.*", "r", "b", date(2026, 1, 31))]
    findings = [
        Finding("address", "1.2.3", ""),
        Finding("address", "9", "", place="1.2.x"),
        Finding("address", "9", "", participant="1.2.y"),
        Finding("address", "9", ""),
        Finding("localizer", "1.2.3", ""),
    ]
    accepting = Accepting([one, one])
    assert [accepting.mark(finding).acceptance for finding in findings[3:]] == [None, None]
    assert accepting.unused == (one, one)
    assert [accepting.mark(finding).acceptance for finding in findings[:3]] == [one, one, one]
    assert not accepting.unused
