"""What a site serves, to whom, and no more; snapshots that go. Images never do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from serve.conftest import write_collections

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., list["Done"]]

MAKE = """
import sys
from hilum.catalog import Archive
from hilum.cohort import Criteria, build_cohort
from hilum.serve import site

archive = Archive.open(sys.argv[1])
build_cohort(archive, "closed", Criteria(collections=("closed_ct",))).save(archive)
site.open_site(archive.path)
site.prepare_tables()
from hilum.serve.access.models import Grant
from hilum.serve.accounts.models import User
from hilum.serve.published.cohorts import publish_cohort
from hilum.serve.published.publish import publish

for name in ("open_ct", "closed_ct"):
    publish(archive, name)
publish_cohort(archive, "closed")
Grant.objects.create(user=User.objects.create_user("ann@example.org"), collection_id="closed_ct")
"""

RUN = """
import contextlib, io, json, sys
from hilum.cli.app import main

done = []
for words in json.loads(sys.stdin.read()):
    sys.argv[1:] = words
    out, err, status = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            status = end.code or 0
    done.append([status, out.getvalue(), err.getvalue()])
print(json.dumps(done))
"""
"""Django opens one archive a process, and takes a second to begin: the commands of a test share one."""


class Done(NamedTuple):
    """What a command gave: its exit status, what it printed as JSON or text, what it told."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed."""
        return json.loads(self.out)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of three collections in four snapshots, two of them published, and a served cohort."""
    archive = write_collections(tmp_path_factory.mktemp("site")).path
    subprocess.run([sys.executable, "-c", MAKE, str(archive)], check=True)
    return archive


@pytest.fixture
def site(made: Path, tmp_path: Path) -> Path:
    """A copy of it, with the files that it was indexed from."""
    shutil.copytree(made.parent / "files", tmp_path / "files")
    return shutil.copytree(made, tmp_path / "archive")


@pytest.fixture
def run(site: Path) -> Run:
    """Give a function that runs commands of the archive, each a line of words."""

    def ask(*lines: str) -> list[Done]:
        words = [[*line.split(), "--archive", str(site)] for line in lines]
        done = subprocess.run(
            [sys.executable, "-c", RUN], input=json.dumps(words), capture_output=True, text=True, check=True
        )
        return [Done(*one) for one in json.loads(done.stdout)]

    return ask


def told(audit: Done) -> list[tuple[str, str]]:
    """Events of the exported log with what they concern."""
    return [(line["event"], line["item"]) for line in map(json.loads, audit.out.splitlines())]


def images(site: Path) -> set[Path]:
    return set((site.parent / "files").rglob("*.dcm"))


def test_who_sees_a_collection_is_told_to_the_log_when_that_changes(run: Run) -> None:
    *done, audit = run(
        "site publish open_ct --access registered",
        "site publish open_ct",
        "site publish members_ct --access public",
        "site audit",
    )
    assert [one.status for one in done] == [0, 0, 0]
    records = [json.loads(line) for line in audit.out.splitlines()]
    assert [(one["event"], one["item"], one["detail"]) for one in records] == [
        ("access-changed", "open_ct", {"access": "registered"}),
        ("access-changed", "members_ct", {"access": "public"}),
    ]


def test_snapshots_are_pruned_but_for_what_cohorts_and_the_site_name(run: Run, site: Path) -> None:
    named = json.loads((site / "cohorts" / "closed.json").read_text())["snapshot_id"]
    planned, before, done, after, refused, history, verified = run(
        "catalog prune --keep 1 --min-age 0 --dry-run --json",
        "site audit",
        "catalog prune --keep 1 --min-age 0 --json",
        "site audit",
        f"catalog prune {named} --json",
        "catalog snapshots --json",
        "catalog verify",
    )
    assert (planned.status, planned.json["dry_run"], len(planned.json["removed"])) == (0, True, 3)
    assert told(before) == []
    assert (done.status, done.json["removed"]) == (0, planned.json["removed"])
    assert told(after) == [("snapshot-removed", one) for one in done.json["removed"]]
    assert (refused.status, refused.json["removed"]) == (1, [])
    assert refused.json["kept"][0]["reason"] == "current"
    assert [one["snapshot_id"] for one in history.json] == [named]
    assert verified.status == 0


def test_a_snapshot_that_a_published_collection_names_stays(run: Run, site: Path) -> None:
    named = json.loads((site / "cohorts" / "closed.json").read_text())["snapshot_id"]
    (site / "cohorts" / "closed.json").unlink()
    _, refused = run(
        f"index {site.parent / 'files' / 'members_ct'} --collection more_ct", f"catalog prune {named} --json"
    )
    assert refused.status == 1
    assert refused.json["kept"][0]["reason"] == "named by published collection closed_ct, published collection open_ct"


def test_what_is_withdrawn_is_told_first_and_what_was_prepared_of_it_freed(run: Run, site: Path) -> None:
    before = images(site)
    expected = [{"collection_id": "closed_ct", "studies": 2, "series": 2, "cohorts": 1, "grants": 1}]
    planned, listed, done, audit, early, unknown = run(
        "site withdraw closed_ct --dry-run --json",
        "site list --json",
        "site withdraw closed_ct --json",
        "site audit",
        "site prune --json",
        "site withdraw elsewhere",
    )
    assert (planned.status, planned.json) == (0, expected)
    assert {row["collection_id"]: row["series"] for row in listed.json} == {"open_ct": 1, "closed_ct": 2}
    assert (done.status, done.json) == (0, expected)
    assert "1 grants for it stay" in done.err
    assert told(audit) == [("collection-withdrawn", "closed_ct")]
    assert early.json == [], "a request may still be reading it"
    assert (unknown.status, "these are: closed_ct, open_ct" in unknown.err) == (3, True)

    prepared = sorted((site / "serve" / "metadata").rglob("*.hilum"))
    for path in prepared:
        os.utime(path, (time.time() - 7200,) * 2)
    planned, freed = run("site prune --dry-run --json", "site prune --json")
    assert planned.json == freed.json
    assert [(row["collection_id"], row["files"]) for row in freed.json] == [("closed_ct", 2)]
    left = sorted((site / "serve" / "metadata").rglob("*.hilum"))
    assert (len(prepared), [path.parents[1].name for path in left]) == (3, ["open_ct"])
    assert images(site) == before


def test_a_cohort_is_withdrawn_with_its_list(run: Run, site: Path) -> None:
    path = site / "cohorts" / "closed.json"
    listed, planned = run("site cohorts --json", "site withdraw-cohort closed --with-list --dry-run --json")
    assert listed.json == [{"cohort_id": "closed", "title": "closed", "series": 2, "chosen_by": "", "grants": 0}]
    row = {"cohort_id": "closed", "series": 2, "chosen_by": "", "tokens": 0, "list": "removed"}
    assert (planned.status, planned.json, path.exists()) == (0, [row], True)
    done, audit, again = run("site withdraw-cohort closed --with-list", "site audit", "site withdraw-cohort closed")
    assert (done.status, path.exists()) == (0, False)
    assert told(audit) == [("cohort-removed", "closed")]
    assert (again.status, "is not served; these are: none" in again.err) == (3, True)
