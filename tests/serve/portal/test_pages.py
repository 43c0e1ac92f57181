"""The pages: what each role sees of collections, series, participants and by search, and nothing else."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from hilum.serve.published.models import Study
from serve.conftest import ROLES, series_uid, study_uid

if TYPE_CHECKING:
    from collections.abc import Callable

    from hilum.catalog import Archive

SEEN = {
    "public": {"open_ct"},
    "registered": {"open_ct", "members_ct"},
    "of_cohort": {"open_ct", "members_ct"},
    "of_collection": {"open_ct", "members_ct", "closed_ct"},
    "steward": {"open_ct", "members_ct", "closed_ct"},
    "admin": {"open_ct", "members_ct", "closed_ct"},
}


@pytest.mark.parametrize("role", ROLES)
def test_every_collection_is_listed_and_series_only_where_they_are_open(
    served_archive: Archive, client_as: Callable[[str], Client], role: str
) -> None:
    client = client_as(role)
    home = client.get("/").content.decode()
    for collection_id in ("open_ct", "members_ct", "closed_ct"):
        assert f"/collections/{collection_id}/" in home
        assert client.get(f"/collections/{collection_id}/").status_code == 200
        status = client.get(f"/collections/{collection_id}/series/").status_code
        assert status == (200 if collection_id in SEEN[role] else 404)


def test_the_collection_page_has_counts_licence_citation_and_the_way_in(
    served_archive: Archive, client_as: Callable[[str], Client]
) -> None:
    text = client_as("registered").get("/collections/closed_ct/").content.decode()
    assert "Ask for access" in text
    assert "Data access" in text
    assert 'data-copy="citation-text"' in text
    assert "participants" in text
    assert series_uid("closed_ct") not in text
    assert "/download/" not in text
    assert "/download/collections/open_ct.zip" in client_as("public").get("/collections/open_ct/").content.decode()
    public = client_as("public").get("/collections/members_ct/").content.decode()
    assert "/accounts/login/?next=/collections/members_ct/" in public


def test_a_page_of_a_collection_offers_what_is_there_to_download(
    served_archive: Archive, client_as: Callable[[str], Client]
) -> None:
    from hilum.serve.published.models import Series

    client = client_as("public")
    text = client.get("/collections/open_ct/").content.decode()
    assert "Download all as ZIP" in text
    assert "Participants in a batch" not in text
    Series.objects.filter(collection="open_ct").update(instances=None)
    text = client.get("/collections/open_ct/").content.decode()
    assert "No files of these 1 series are on this server" in text
    assert "manifest.s5cmd" in text
    assert "open_ct.zip" not in text


def test_series_are_narrowed_by_kind_and_words(served_archive: Archive, client_as: Callable[[str], Client]) -> None:
    client = client_as("public")
    uid = series_uid("open_ct")
    assert uid in client.get("/collections/open_ct/series/").content.decode()
    assert uid in client.get("/collections/open_ct/series/", {"kind": "axial"}).content.decode()
    assert uid not in client.get("/collections/open_ct/series/", {"kind": "slide"}).content.decode()
    assert uid not in client.get("/collections/open_ct/series/", {"words": "knee"}).content.decode()
    assert client.get("/collections/open_ct/series/", {"page": "nonsense"}).status_code == 200


def test_a_participant_is_shown_with_exams_and_links_into_the_viewer(
    served_archive: Archive, client_as: Callable[[str], Client]
) -> None:
    text = client_as("public").get("/collections/open_ct/participants/open_ct-1/").content.decode()
    assert f"/viewer?StudyInstanceUIDs={study_uid('open_ct')}" in text
    assert series_uid("open_ct") in text
    assert "Screening rounds" not in text


def test_a_participant_who_is_not_visible_is_not_there(
    served_archive: Archive, client_as: Callable[[str], Client]
) -> None:
    client = client_as("of_cohort")
    assert client.get("/collections/closed_ct/participants/closed_ct-1/").status_code == 200
    assert client.get("/collections/closed_ct/participants/closed_ct-2/").status_code == 404
    listed = client.get("/collections/closed_ct/participants/").content.decode()
    assert "closed_ct-1" in listed
    assert "closed_ct-2" not in listed
    assert client_as("registered").get("/collections/closed_ct/participants/").status_code == 404


@pytest.mark.parametrize("what", ["series", "study", "participant", "instance"])
def test_search_finds_any_identifier_of_what_is_visible_and_no_other(
    served_archive: Archive, client_as: Callable[[str], Client], what: str
) -> None:
    client = client_as("of_cohort")
    for number, is_found in ((1, True), (2, False)):
        words = {
            "series": series_uid("closed_ct", number),
            "study": study_uid("closed_ct", number),
            "participant": f"closed_ct-{number}",
            "instance": f"{series_uid('closed_ct', number)}.2",
        }[what]
        text = client.get("/search", {"q": words}).content.decode()
        assert ("Nothing that you may see" in text) is not is_found
        assert (f"/collections/closed_ct/participants/closed_ct-{number}/" in text) is is_found


def test_an_instance_opens_the_viewer_at_its_slice(served_archive: Archive, client_as: Callable[[str], Client]) -> None:
    uid = f"{series_uid('members_ct')}.3"
    text = client_as("registered").get("/search", {"q": uid}).content.decode()
    assert f"initialSopInstanceUID={uid}" in text


@pytest.mark.parametrize("words", ["", "   ", "%", "1.2.3'; DROP TABLE x", "\u202e", "9" * 500, "1." * 200 + "1"])
def test_search_takes_any_words(served_archive: Archive, client_as: Callable[[str], Client], words: str) -> None:
    assert client_as("registered").get("/search", {"q": words}).status_code == 200


def test_markup_in_a_header_stays_text(served_archive: Archive, client_as: Callable[[str], Client]) -> None:
    from hilum.serve.published.models import Series

    Series.objects.filter(series_uid=series_uid("open_ct")).update(description="<script>alert(1)</script>")
    text = client_as("public").get("/collections/open_ct/series/").content.decode()
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text


@pytest.mark.parametrize(
    "path",
    ["/collections/open_ct/series/", "/collections/open_ct/participants/", f"/search?q={series_uid('open_ct')}.1"],
)
def test_a_study_without_a_participant_is_listed_all_the_same(
    path: str, served_archive: Archive, client_as: Callable[[str], Client]
) -> None:
    Study.objects.filter(collection="open_ct").update(participant_id="")
    answer = client_as("registered").get(path)
    assert answer.status_code == 200
    assert "without an id" in answer.content.decode() or "(no id)" in answer.content.decode()


def test_the_page_of_a_failure_is_styled_and_tells_nothing(
    served_archive: Archive, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.OPTIONS = replace(settings.OPTIONS, site_name="Chest <archive>")
    monkeypatch.setattr("hilum.serve.portal.views.search._UID", None)
    answer = Client(raise_request_exception=False).get("/search", {"q": "1.2.3"})
    text = answer.content.decode()
    assert answer.status_code == 500
    assert re.search(r'<link rel="stylesheet" href="/static/\w+/portal/hilum.css">', text)
    assert "Something failed · Chest &lt;archive&gt;" in text
    assert "1.2.3" not in text


def test_rounds_of_a_screening_trial_stand_on_a_line(
    served_archive: Archive, client_as: Callable[[str], Client]
) -> None:
    from hilum.serve.published.models import Series

    Series.objects.filter(series_uid=series_uid("open_ct")).update(screening_round=1)
    text = client_as("public").get("/collections/open_ct/participants/open_ct-1/").content.decode()
    assert 'id="exam-1"' in text
    assert text.count("no exam here") == 2
