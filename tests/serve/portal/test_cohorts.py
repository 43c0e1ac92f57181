"""Cohorts on the site: counted, frozen, shown to who chose them, opened only as far as access goes."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from django.http import QueryDict

from hilum.catalog import Archive
from hilum.cohort import Cohort as Frozen
from hilum.cohort import Criteria, list_cohorts
from hilum.model.kinds import ImageKind, KernelClass
from hilum.serve.access.models import AccessRequest, AuditRecord, Grant
from hilum.serve.accounts.models import User
from hilum.serve.accounts.tokens import find_token, make_token
from hilum.serve.portal.choice import read_choice
from hilum.serve.portal.models import ChosenCohort
from hilum.serve.published.cohorts import refresh_cohorts
from hilum.serve.published.models import Cohort
from serve.conftest import series_uid

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django.test import Client


def total(text: str, what: str) -> int:
    found = re.search(rf"<b>([\d,]+)</b><span>{what}</span>", text)
    assert found is not None
    return int(found[1].replace(",", ""))


def test_nothing_said_is_the_usual_choice() -> None:
    assert read_choice(QueryDict("")).criteria == Criteria()


def test_a_choice_is_read_from_an_address() -> None:
    query = QueryDict(
        "chosen=1&collections=nlst&kinds=axial&rounds=0&rounds=2&kernel_classes=soft&manufacturers=SIEMENS"
        "&max_thickness_mm=2.5&min_slices=50&volume_only=1&with_derived=1&one_per=exam"
    )
    choice = read_choice(query)
    assert choice.problem == ""
    assert choice.criteria == Criteria(
        collections=("nlst",),
        modalities=(),
        original_only=False,
        kinds=(ImageKind.AXIAL,),
        rounds=(0, 2),
        kernel_classes=(KernelClass.SOFT,),
        manufacturers=("SIEMENS",),
        max_thickness_mm=2.5,
        min_slices=50,
        volume_only=True,
        one_per="exam",
    )


@pytest.mark.parametrize(
    "query",
    [
        "kinds=nonsense",
        "rounds=7",
        "rounds=x",
        "max_thickness_mm=-1",
        "max_thickness_mm=nan",
        "min_slices=1e3",
        "one_per=patient",
        "&".join(f"manufacturers={number}" for number in range(101)),
    ],
)
def test_a_wrong_choice_says_what_is_wrong(query: str) -> None:
    choice = read_choice(QueryDict(query))
    assert choice.problem
    assert choice.criteria == Criteria()


def test_counts_of_every_served_collection_are_for_who_has_an_account(
    served_archive: Archive, client_as: Callable[[str], Client]
) -> None:
    assert client_as("public").get("/cohorts/new").status_code == 302
    text = client_as("registered").get("/cohorts/new").content.decode()
    assert total(text, "series") == 4
    narrowed = client_as("of_cohort").get("/cohorts/new?chosen=1&collections=closed_ct").content.decode()
    assert total(narrowed, "series") == 2
    assert series_uid("closed_ct") not in narrowed


def test_a_click_gets_the_changed_part_alone(served_archive: Archive, client_as: Callable[[str], Client]) -> None:
    client = client_as("registered")
    part = client.get("/cohorts/new?chosen=1", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert total(part, "series") == 4


@pytest.fixture
def own_archive(served_archive: Archive, tmp_path: Path, settings: Any) -> Archive:
    """The served archive as a copy that a test may write cohorts into."""
    path = shutil.copytree(served_archive.path, tmp_path / "archive")
    settings.OPTIONS = replace(settings.OPTIONS, archive=str(path))
    return Archive.open(path)


def test_a_choice_is_frozen_and_shown_to_who_made_it(own_archive: Archive, client_as: Callable[[str], Client]) -> None:
    client = client_as("registered")
    done = client.post("/cohorts/new", {"chosen": "1", "collections": "closed_ct", "title": "Closed nodes"})
    assert done.status_code == 302
    (chosen,) = ChosenCohort.objects.all()
    assert chosen.made_by.email == "registered@example.org"
    assert chosen.cohort.pk.startswith("closed-nodes-")
    frozen = Frozen.load(own_archive, chosen.cohort.pk)
    assert set(frozen.series_uids) == {series_uid("closed_ct", 1), series_uid("closed_ct", 2)}
    text = client.get(done["Location"]).content.decode()
    assert "Ask for access to this cohort" in text
    assert "0 of them open to you" in text
    assert "/download/" not in text
    assert series_uid("closed_ct") not in text
    assert "Closed nodes" in client.get("/cohorts/").content.decode()


def test_nobody_else_sees_it_but_a_steward(own_archive: Archive, client_as: Callable[[str], Client]) -> None:
    made = client_as("registered").post("/cohorts/new", {"chosen": "1", "collections": "open_ct", "title": "Mine"})
    assert client_as("of_cohort").get(made["Location"]).status_code == 404
    assert client_as("steward").get(made["Location"]).status_code == 200
    assert client_as("public").get(made["Location"]).status_code == 302


def test_the_same_choice_again_is_the_same_cohort(own_archive: Archive, client_as: Callable[[str], Client]) -> None:
    client = client_as("registered")
    form = {"chosen": "1", "collections": "open_ct", "title": "Twice"}
    assert client.post("/cohorts/new", form)["Location"] == client.post("/cohorts/new", form)["Location"]
    assert len(list_cohorts(own_archive)) == 1


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"chosen": "1", "collections": "elsewhere", "title": "None"}, "None of these collections is served"),
        ({"chosen": "1", "min_slices": "5000", "title": "None"}, "no series is left"),
        ({"chosen": "1", "title": ""}, "This field is required"),
        ({"chosen": "1", "kinds": "nonsense", "title": "Wrong"}, "nonsense"),
    ],
)
def test_a_choice_that_cannot_be_frozen_says_why(
    own_archive: Archive, client_as: Callable[[str], Client], form: dict[str, str], said: str
) -> None:
    text = client_as("registered").post("/cohorts/new", form).content.decode()
    assert said in text
    assert list_cohorts(own_archive) == []


def test_a_cohort_of_a_steward_is_shown_as_far_as_it_is_open(
    served_archive: Archive, client_as: Callable[[str], Client]
) -> None:
    text = client_as("of_cohort").get("/cohorts/chosen/").content.decode()
    assert series_uid("closed_ct", 1) in text
    assert "Ask for access" not in text
    assert "/download/cohorts/chosen/manifest.tcia" in text
    assert Cohort.objects.get(pk="chosen").title in text


def test_a_cohort_is_asked_for_from_its_page(own_archive: Archive, client_as: Callable[[str], Client]) -> None:
    client = client_as("registered")
    made = client.post("/cohorts/new", {"chosen": "1", "collections": "closed_ct", "title": "Closed nodes"})
    cohort_id = made["Location"].strip("/").rpartition("/")[2]
    page = client.get("/requests/new", {"cohort": cohort_id}).content.decode()
    assert "You ask for the cohort" in page
    assert 'name="collections"' not in page
    form = {
        "project_title": "Nodes",
        "investigator": "A. Reader",
        "institution": "Example University",
        "aims": "To count them.",
        "participant_count": "2",
    }
    saved = client.post(f"/requests/new?cohort={cohort_id}", form)
    assert saved.status_code == 302
    text = client.get(saved["Location"]).content.decode()
    assert "Closed nodes" in text
    assert "closed ct" in text
    assert client.get("/requests/new", {"cohort": "chosen"}).status_code == 404


def test_an_account_keeps_no_more_cohorts_than_the_site_lets_it(
    own_archive: Archive, client_as: Callable[[str], Client], settings: Any
) -> None:
    settings.OPTIONS = replace(settings.OPTIONS, cohort_limit=1)
    client, steward = client_as("registered"), client_as("steward")
    for number, is_kept in ((1, True), (2, False)):
        form = {"chosen": "1", "collections": "open_ct", "title": f"Number {number}"}
        answer = client.post("/cohorts/new", form)
        assert (answer.status_code == 302) is is_kept
        assert steward.post("/cohorts/new", form).status_code == 302, "a steward keeps any number"
    assert "You keep 1 of at most 1 cohorts. Delete one" in answer.content.decode()
    assert "1 of at most 1" in client.get("/account/").content.decode()


@pytest.fixture
def own_cohort(own_archive: Archive, client_as: Callable[[str], Client]) -> tuple[Client, Cohort]:
    """A cohort of both closed series, and the browser of who chose it."""
    client = client_as("registered")
    client.post("/cohorts/new", {"chosen": "1", "collections": "closed_ct", "title": "Closed nodes"})
    return client, ChosenCohort.objects.get().cohort


def test_who_chose_a_cohort_deletes_it_with_its_list_and_tokens(
    own_archive: Archive, own_cohort: tuple[Client, Cohort]
) -> None:
    client, cohort = own_cohort
    _, text = make_token(User.objects.get(email="registered@example.org"), "mine", cohort=cohort)
    page = f"/cohorts/{cohort.pk}/"
    assert f'href="{page}delete"' in client.get(page).content.decode()
    assert "Its frozen list is removed from the archive" in client.get(f"{page}delete").content.decode()

    assert client.post(f"{page}delete")["Location"] == "/cohorts/"

    assert client.get(page).status_code == 404
    assert list_cohorts(own_archive) == []
    assert find_token(text) is None
    assert not Cohort.objects.filter(pk=cohort.pk).exists()
    told = AuditRecord.objects.filter(event="cohort-removed").values_list("item", "detail")
    assert list(told) == [(cohort.pk, {"list_removed": True})]


def test_nobody_else_deletes_a_cohort_not_even_a_steward_here(
    own_cohort: tuple[Client, Cohort], client_as: Callable[[str], Client]
) -> None:
    _, cohort = own_cohort
    for role in ("public", "of_cohort", "steward", "admin"):
        assert client_as(role).post(f"/cohorts/{cohort.pk}/delete").status_code in {302, 404}
    assert Cohort.objects.filter(pk=cohort.pk).exists()


@pytest.mark.parametrize("step", ["asked", "granted"])
def test_a_cohort_that_somebody_waits_for_or_holds_stays(
    own_archive: Archive, own_cohort: tuple[Client, Cohort], step: str
) -> None:
    client, cohort = own_cohort
    user = User.objects.get(email="registered@example.org")
    if step == "asked":
        state = AccessRequest.State.SUBMITTED
        AccessRequest.objects.create(user=user, cohort=cohort, participant_count=1, state=state)
    else:
        Grant.objects.create(user=user, cohort=cohort)
    assert "It stays for now" in client.get(f"/cohorts/{cohort.pk}/delete").content.decode()
    text = client.post(f"/cohorts/{cohort.pk}/delete", follow=True).content.decode()
    assert "Nothing was changed" in text
    assert list_cohorts(own_archive) == [cohort.pk]
    assert AuditRecord.objects.filter(event="cohort-removed").count() == 0


def test_a_deleted_cohort_stays_in_what_was_asked_and_is_seen_by_nobody(
    own_archive: Archive, own_cohort: tuple[Client, Cohort], client_as: Callable[[str], Client]
) -> None:
    client, cohort = own_cohort
    user = User.objects.get(email="registered@example.org")
    requests = {
        state: AccessRequest.objects.create(user=user, cohort=cohort, participant_count=1, state=state)
        for state in (AccessRequest.State.REJECTED, AccessRequest.State.DRAFT)
    }
    client.post(f"/cohorts/{cohort.pk}/delete")

    for state, after in (("rejected", "rejected"), ("draft", "withdrawn")):
        requests[AccessRequest.State(state)].refresh_from_db()
        assert requests[AccessRequest.State(state)].state == after
    text = client.get(f"/requests/{requests[AccessRequest.State.REJECTED].pk}").content.decode()
    assert "Closed nodes, which has been removed" in text
    for role in ("steward", "of_cohort"):
        assert client_as(role).get(f"/cohorts/{cohort.pk}/").status_code == 404
    refresh_cohorts(own_archive)
    assert not Cohort.objects.get(pk=cohort.pk).series.exists()


def test_the_list_of_a_cohort_that_a_run_names_stays(own_archive: Archive, own_cohort: tuple[Client, Cohort]) -> None:
    client, cohort = own_cohort
    record = own_archive.path / "runs" / "classic" / "run.json"
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps({"cohort": cohort.pk}))
    assert "named by: run classic" in client.get(f"/cohorts/{cohort.pk}/delete").content.decode()
    client.post(f"/cohorts/{cohort.pk}/delete")
    assert list_cohorts(own_archive) == [cohort.pk]
    assert not Cohort.objects.filter(pk=cohort.pk).exists()
