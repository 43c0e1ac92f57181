"""Findings on the disk: each once, in order, as a sort of all of them in memory would give them."""

from __future__ import annotations

import gc
import json
import sqlite3
import subprocess
import sys
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum.check import RULES, Acceptance, Finding
from hilum.check.finding_table import CheckCount, FindingTable
from hilum.check.rules import order_of
from memory import PEAK_KB

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hilum.check.finding_table import Findings

ACCEPTED = Acceptance("address", "*", "made by a test", "A. Steward", date(2026, 1, 31))

TEXTS = st.sampled_from(["", "1.2", "1.10", "a/b", "é", "漢", "\N{WHITE SQUARE}", "\U0001fac1", "\udcff", "x\0y"])
FINDINGS = st.lists(
    st.builds(
        Finding,
        st.sampled_from([rule.check for rule in RULES[::9]]),
        item=TEXTS,
        detail=TEXTS,
        place=TEXTS,
        participant=TEXTS,
        acceptance=st.sampled_from([None, ACCEPTED]),
    )
)


def settled(findings: Iterable[Finding]) -> Findings:
    table = FindingTable()
    for finding in findings:
        table.add(finding)
    return table.settled()


@given(FINDINGS)
def test_findings_come_back_each_once_and_in_order(findings: list[Finding]) -> None:
    found = settled(findings)

    def key(one: Finding) -> tuple[object, ...]:
        return order_of(one.check), one.item, one.detail, one.place, one.participant, one.acceptance is not None

    expected = sorted(set(findings), key=key)
    assert list(found) == expected
    assert list(found) == expected, "they can be gone through again"
    assert len(found) == len(expected)
    assert sum(one.count for one in found.counts) == len(expected)
    assert sum(one.accepted for one in found.counts) == sum(one.acceptance is not None for one in expected)
    wanted = {one.item for one in findings[:2]}
    assert list(found.of_items(wanted)) == [one for one in expected if one.item in wanted]


def test_the_first_of_a_check_are_those_that_nobody_accepted() -> None:
    findings = [
        Finding("address", f"{number}", "d", acceptance=ACCEPTED if number < 3 else None) for number in range(5)
    ]
    found = settled([*findings, Finding("localizer", "0", "another")])
    assert [one.item for one in found.first_of("address", 4)] == ["3", "4", "0", "1"]
    assert [one.item for one in found.first_of("localizer", 9)] == ["0"]
    assert found.counts == (CheckCount("address", 5, 3), CheckCount("localizer", 1, 0))


def test_texts_are_renamed_before_they_are_put_in_order_and_told_once() -> None:
    table = FindingTable()
    for place in ("/b/c", "/a/c"):
        table.add(Finding("address", f"{place}/x", "in /b/c, /a/c", place, "/a/P"))
    found = table.settled(lambda text: text.replace("/a/", "").replace("/b/", ""))
    assert list(found) == [Finding("address", "c/x", "in c, c", "c", "/a/P")]


def test_nothing_is_left_open_when_nobody_needs_the_findings(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def noted(*arguments: Any, **keywords: Any) -> sqlite3.Connection:
        opened.append(connect(*arguments, **keywords))
        return opened[-1]

    monkeypatch.setattr(sqlite3, "connect", noted)
    found = settled([Finding("address", "1", "d")])
    gc.collect()
    assert len(list(found)) == 1
    del found
    FindingTable()
    gc.collect()
    assert len(opened) == 2
    for connection in opened:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.execute("SELECT 1")


GATHER = f"""{PEAK_KB}
import json, sys
from hilum.assess.page import stylesheet
from hilum.check import Finding, PixelReading, Report, Terms
from hilum.check.gathering import Gathering
from hilum.check.page import report_pieces
from hilum.check.subject import Seen
from hilum.cli.check import _Rows
from hilum.cli.text_table import print_table

def report_of(count):
    gathering = Gathering(Terms(None, 1), lambda *_: [])
    for number in range(count):
        uid, place = f"1.2.840.{{number:050d}}", f"/archive/in/{{number:060d}}"
        findings = (Finding("not-declared", uid, f"{{number}} of the files, without a word", place, f"{{number:06d}}"),)
        gathering.add(Seen(uid, number, place, findings, 1), None)
    found, unused = gathering.end()
    return Report("all", PixelReading.NONE, count, count, 0, found, unused, gathering.pictures.of(found))

def peak_of(count):
    report = report_of(count)
    with open("/dev/null", "w") as sys.stdout:
        sys.stdout.writelines(report.json_pieces())
        sys.stdout.writelines(report_pieces(report, style=stylesheet()))
        print_table(_Rows(report.findings))
    return peak_kb()

sys.stderr.write(json.dumps([peak_of(count) for count in (5_000, 25_000)]))
"""
"""Gathers findings and writes all that is written of them; tells the peak of memory of few and of many."""

BYTES_A_FINDING = 150
"""What many findings may take of memory, each; as objects of Python they took 580, as text of a table 4,500."""


def test_memory_does_not_grow_with_the_findings() -> None:
    done = subprocess.run([sys.executable, "-c", GATHER], check=True, capture_output=True, text=True)
    few, many = json.loads(done.stderr)
    assert (many - few) * 1024 < 20_000 * BYTES_A_FINDING
