"""Choices frozen at the same moment: the limit of cohorts holds on both databases."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from hilum.cohort import list_cohorts
from serve.conftest import write_collections
from serve.test_postgresql import BINARIES, cluster, make_database

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["cluster"]

LIMIT = 2

RACE = """
import json, sys, threading
from pathlib import Path
from hilum.serve import site

site.open_site(Path(sys.argv[1]))
site.prepare_tables()

from django.db import connection
from hilum.catalog import Archive
from hilum.cohort import Criteria
from hilum.serve.accounts.models import User
from hilum.serve.portal.choosing import freeze
from hilum.serve.portal.models import ChosenCohort
from hilum.serve.published.publish import publish

publish(Archive.open(sys.argv[1]), "open_ct", access="public")
user = User.objects.create_user("reader@example.org", "x")
together = threading.Barrier(6)
said = []

def one(number):
    together.wait()
    said.append(freeze(Criteria(), f"Number {number}", user_id=user.pk)[1])
    connection.close()

threads = [threading.Thread(target=one, args=(number,)) for number in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps({"said": said, "kept": ChosenCohort.objects.filter(made_by=user).count()}))
"""
"""Six choices of one user at once; tells what each was told, and how many cohorts are kept."""


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_choices_at_once_are_no_more_than_the_limit(
    tmp_path: Path, engine: str, request: pytest.FixtureRequest
) -> None:
    database = engine
    if engine == "postgresql":
        if not (BINARIES / "initdb").exists():
            pytest.skip("PostgreSQL is not here: no initdb of Debian's")
        database = make_database(request.getfixturevalue("cluster"), "race")
    archive = write_collections(tmp_path)
    own = {"HILUM_SERVE_DATABASE": database, "HILUM_SERVE_COHORT_LIMIT": str(LIMIT)}

    command = [sys.executable, "-c", RACE, str(archive.path)]
    done = subprocess.run(command, env=os.environ | own, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["kept"] == LIMIT
    assert sorted(bool(problem) for problem in found["said"]) == [False] * LIMIT + [True] * (6 - LIMIT)
    assert all(f"You keep {LIMIT} of at most {LIMIT}" in problem for problem in found["said"] if problem)
    assert len(list_cohorts(archive)) == LIMIT, "what was refused leaves no list behind"
