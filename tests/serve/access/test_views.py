"""Pages of requests, as a reader and a steward use them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hilum.serve.access.models import AccessRequest, AuditRecord, DataUseAgreement
from hilum.serve.published.models import Collection
from serve.access.test_requests import publish_agreement, sees_closed

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from hilum.catalog import Archive

PROJECT = {
    "project_title": "Nodes <script>alert(1)</script>",
    "investigator": "A. Reader",
    "institution": "Example University",
    "aims": "To count them.",
    "collections": ["closed_ct"],
    "participant_count": "20",
}


def make_draft(client: Client) -> AccessRequest:
    answer = client.post("/requests/new", PROJECT)
    request = AccessRequest.objects.latest("pk")
    assert answer["Location"] == f"/requests/{request.pk}"
    return request


def test_a_reader_asks_signs_and_sees_after_a_steward_approved(
    served_archive: Archive, client_as: Callable[[str], Client]
) -> None:
    agreement = publish_agreement()
    reader, steward = client_as("registered"), client_as("steward")
    request = make_draft(reader)
    page = reader.get(f"/requests/{request.pk}").content.decode()
    assert "Do not try to identify anybody." in page
    assert "<script>alert" not in page
    assert steward.get(f"/requests/{request.pk}").status_code == 404, "a draft is its writer's alone"

    signed = {"name": "Ann Reader", "agrees": "on", "shown": str(agreement.pk)}
    assert reader.post(f"/requests/{request.pk}/sign", signed).status_code == 302
    assert "waits for a decision" in steward.get("/requests/").content.decode()
    assert steward.post(f"/requests/{request.pk}/approve", {"last_day": ""}).status_code == 302

    assert sees_closed(request.user)
    assert "closed ct" in reader.get("/account/").content.decode()
    grant = request.grants.get()
    assert steward.post(f"/grants/{grant.pk}/withdraw").status_code == 302
    assert not sees_closed(request.user)


def test_a_collection_is_ticked_where_its_page_led_here(
    served_archive: Archive, client_as: Callable[[str], Client]
) -> None:
    text = client_as("registered").get("/requests/new", {"collection": "closed_ct"}).content.decode()
    assert re.search(r'value="closed_ct"[^>]* checked', text)
    assert "checked" not in client_as("of_cohort").get("/requests/new", {"collection": "x' OR 1=1"}).content.decode()


def test_where_all_is_open_nothing_can_be_asked_for(
    served_archive: Archive, client_as: Callable[[str], Client]
) -> None:
    Collection.objects.update(access=Collection.Access.PUBLIC)
    text = client_as("registered").get("/requests/new").content.decode()
    assert "No collection of this site is open by request alone" in text
    assert "Specific aims" not in text


def test_what_is_wrong_with_a_field_is_tied_to_it(served_archive: Archive, client_as: Callable[[str], Client]) -> None:
    text = client_as("registered").post("/requests/new", PROJECT | {"aims": "", "collections": []}).content.decode()
    for name in ("aims", "collections"):
        assert f'id="id_{name}_error"' in text
        assert re.search(rf'aria-describedby="[^"]*id_{name}_error', text)


def test_nothing_is_submitted_without_a_name_and_consent(
    served_archive: Archive, client_as: Callable[[str], Client]
) -> None:
    agreement = publish_agreement()
    reader = client_as("registered")
    request = make_draft(reader)
    whole = {"name": "Ann Reader", "agrees": "on", "shown": str(agreement.pk)}

    for missing in ("name", "agrees"):
        some = {key: value for key, value in whole.items() if key != missing}
        assert reader.post(f"/requests/{request.pk}/sign", some).status_code == 422
    assert reader.post(f"/requests/{request.pk}/sign", whole | {"shown": "x' OR 1=1"}).status_code == 422
    reader.post(f"/requests/{request.pk}/sign", whole | {"shown": ""})
    request.refresh_from_db()
    assert request.state == AccessRequest.State.DRAFT


def test_what_is_not_ones_own_is_not_there(served_archive: Archive, client_as: Callable[[str], Client]) -> None:
    request = make_draft(client_as("registered"))
    other = client_as("of_cohort")

    for path in ("", "/edit"):
        assert other.get(f"/requests/{request.pk}{path}").status_code == 404
    for path in ("sign", "withdraw", "approve", "reject"):
        assert other.post(f"/requests/{request.pk}/{path}", {"reason": "x"}).status_code == 404


def test_a_wrong_form_says_what_is_wrong(served_archive: Archive, client_as: Callable[[str], Client]) -> None:
    answer = client_as("registered").post("/requests/new", PROJECT | {"participant_count": "0"})

    assert answer.status_code == 422
    assert "greater than or equal to 1" in answer.content.decode()


def test_only_closed_collections_are_asked_for(served_archive: Archive, client_as: Callable[[str], Client]) -> None:
    answer = client_as("registered").post("/requests/new", PROJECT | {"collections": ["open_ct"]})

    assert answer.status_code == 422


def test_a_steward_decides_many_in_the_admin(served_archive: Archive, client_as: Callable[[str], Client]) -> None:
    reader, steward = client_as("registered"), client_as("steward")
    requests = [make_draft(reader), make_draft(reader)]
    for request in requests:
        reader.post(f"/requests/{request.pk}/sign", {"name": "Ann", "agrees": "on", "shown": ""})

    chosen = {"_selected_action": [request.pk for request in requests]}
    steward.post("/admin/access/accessrequest/", chosen | {"action": "reject", "reason": ""})
    assert AccessRequest.objects.filter(state="submitted").count() == 2
    steward.post("/admin/access/accessrequest/", chosen | {"action": "approve"})
    assert AccessRequest.objects.filter(state="approved").count() == 2


def test_a_signed_text_is_not_changed(served_archive: Archive, client_as: Callable[[str], Client]) -> None:
    agreement = publish_agreement()
    reader, steward = client_as("registered"), client_as("steward")
    request = make_draft(reader)
    reader.post(f"/requests/{request.pk}/sign", {"name": "Ann", "agrees": "on", "shown": str(agreement.pk)})

    steward.post(
        f"/admin/access/datauseagreement/{agreement.pk}/change/", {"text": "Anything goes.", "collections": []}
    )

    assert DataUseAgreement.objects.get().text == "Do not try to identify anybody."


def test_who_sees_a_collection_is_changed_in_the_admin_and_logged(
    served_archive: Archive, client_as: Callable[[str], Client]
) -> None:
    steward = client_as("steward")

    steward.post("/admin/published/collection/open_ct/change/", {"title": "Open", "access": "registered"})

    assert client_as("public").get("/admin/").status_code == 302
    assert AuditRecord.objects.filter(event="access-changed", item="open_ct").count() == 1
