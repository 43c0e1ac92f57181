"""The pages of results: who sees them, what they lead to, and that nothing is told of what one may not see."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from hilum.publish.result_freeze import publish_result
from hilum.publish.results import withdraw_result
from hilum.serve.published.models import Series, Study
from publish.freezing import HIT_LESION, SLICE, asked
from serve.conftest import ROLES, series_uid, study_uid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.test import Client

    from hilum.catalog import Archive
    from hilum.publish.results import Result

FIRST = series_uid("closed_ct", 1)
PAGE = "/results/closed/"


@pytest.fixture
def client(closed_result: Result, client_as: Callable[[str], Client]) -> Client:
    """Somebody approved for ``closed_ct``."""
    return client_as("of_collection")


@pytest.fixture
def open_result(served_archive: Archive) -> Iterator[Result]:
    """A result on the series of ``open_ct`` and of an exam that the archive has not."""
    exams = [series_uid("open_ct"), "case 7"]
    wanted = asked(served_archive, exams, name="open", title="Open & <free>", collection_ids=["open_ct"])
    yield publish_result(served_archive, wanted)
    withdraw_result(served_archive, "open")


def text_of(client: Client, path: str, **query: str) -> str:
    answer = client.get(path, query)
    assert answer.status_code == 200
    return answer.content.decode()


def links(text: str) -> list[dict[str, list[str]]]:
    """Queries of the links that open the viewer at a row's place."""
    found = re.findall(r'<a href="(/viewer[^"]+)"', text)
    return [parse_qs(urlsplit(link.replace("&amp;", "&")).query) for link in found]


@pytest.mark.parametrize("role", ROLES)
def test_who_sees_every_collection_of_a_result_finds_it_listed(
    closed_result: Result, open_result: Result, client_as: Callable[[str], Client], role: str
) -> None:
    text = text_of(client_as(role), "/results/")

    assert "/results/open/" in text
    assert ("/results/closed/" in text) == (role in {"of_collection", "steward", "admin"})
    assert "Open &amp; &lt;free&gt;" in text


def test_a_hit_opens_the_viewer_at_its_slice(client: Client) -> None:
    text = text_of(client, PAGE, kind="hits")

    assert links(text)[0] == {
        "StudyInstanceUIDs": [study_uid("closed_ct", 1)],
        "initialSeriesInstanceUID": [FIRST],
        "initialSopInstanceUID": [f"{FIRST}.{SLICE + 1}"],
    }
    assert ", ".join(f"{value:.1f}" for value in HIT_LESION) in text
    assert "closed_ct-1" in text


def test_a_picture_shows_the_place_and_is_there(client: Client) -> None:
    text = text_of(client, PAGE, kind="hits")

    address = re.findall(r'src="(/dicom-web/[^"]+)"', text)[0].replace("&amp;", "&")
    picture = client.get(address)

    assert (picture.status_code, picture.headers["Content-Type"]) == (200, "image/jpeg")
    # 3 of 16 pixels are shown, from 4 on: the hit's pixel 5.5 lies in the middle of them.
    assert "viewport=112,112,4,2,3,3" in address
    assert 'cx="50.0" cy="50.0"' in text


@pytest.mark.parametrize(
    ("query", "shown", "count"),
    [
        ({"rate": "1/2", "kind": "hits"}, "Hits", 1),
        ({"rate": "1/2", "kind": "missed"}, "Misses", 3),
        ({"rate": "4", "kind": "false-positives"}, "False positives", 2),
        ({"rate": "nan", "kind": "'; DROP TABLE"}, "False positives", 2),
        ({"kind": "missed", "page": "99"}, "Misses", 2),
        ({"kind": "hits", "words": "CLOSED_CT-2"}, "Hits", 1),
        ({"kind": "hits", "words": "%"}, "Hits", 0),
    ],
)
def test_an_address_names_a_list(client: Client, query: dict[str, str], shown: str, count: int) -> None:
    text = text_of(client, PAGE, **query)

    assert len(links(text)) == count
    assert (f"1 to {count} of {count}" in text) == bool(count)
    assert (f'aria-label="{shown}"' in text) == bool(count)


def test_rows_of_series_that_are_not_served_are_counted_and_not_shown(client: Client) -> None:
    Series.objects.filter(series_uid=FIRST).delete()

    text = text_of(client, PAGE, kind="hits")

    assert "1 on this page is of series that you may not open" in text
    assert FIRST not in text
    assert "closed_ct-1" not in text
    assert len(links(text)) == 1
    assert not links(text_of(client, PAGE, kind="hits", words="closed_ct-1"))


def test_exams_that_the_archive_has_not_are_counted_and_not_shown(
    open_result: Result, client_as: Callable[[str], Client]
) -> None:
    text = text_of(client_as("public"), "/results/open/", kind="hits")

    assert "1 on this page is of series" in text
    assert "case 7" not in text


def test_the_numbers_are_given_as_json(closed_result: Result, client: Client) -> None:
    answer = client.get(f"{PAGE}assessment.json")

    numbers = json.loads(b"".join(answer.streaming_content))  # type: ignore[attr-defined]
    assert numbers["cpm"] == closed_result.summary["cpm"]
    assert answer.headers["Content-Disposition"] == 'attachment; filename="closed.json"'


@pytest.mark.parametrize("path", ["other/", "closed/other", "..%2f..%2fhilum.json/", "a%20b/", "other/assessment.json"])
def test_what_is_not_there_is_a_404(closed_result: Result, client_as: Callable[[str], Client], path: str) -> None:
    assert client_as("steward").get(f"/results/{path}").status_code == 404


def test_results_by_other_rules_stand_apart_and_say_why(
    closed_result: Result, open_result: Result, client_as: Callable[[str], Client]
) -> None:
    text = text_of(client_as("steward"), "/results/")

    assert text.count("</table>") == 2
    assert "Why these are not ranked with the first" in text
    assert "Exams: 2 of &#x27;" in text
    only = text_of(client_as("public"), "/results/")
    assert only.count("</table>") == 1
    assert "closed" not in only


def test_a_result_says_that_its_participants_were_seen_in_training(
    served_archive: Archive, closed_result: Result, client: Client
) -> None:
    assert "seen in training" not in text_of(client, "/results/")
    wanted = asked(served_archive, [FIRST], name="closed", provenance={"seen in training": "3 series"})

    publish_result(served_archive, wanted, replace=True)

    assert "seen in training: 3 series" in text_of(client, "/results/")


def test_a_participant_without_an_id_has_rows_too(client: Client) -> None:
    Study.objects.filter(study_uid=study_uid("closed_ct", 1)).update(participant_id="")

    assert "(no id)" in text_of(client, PAGE, kind="hits")


def test_a_result_leads_to_the_reports_of_its_marks(
    served_archive: Archive, closed_result: Result, client: Client
) -> None:
    wanted = asked(served_archive, [FIRST], name="closed", report_description="run: score at least ")
    publish_result(served_archive, wanted, replace=True)
    ct = Series.objects.get(series_uid=FIRST)
    for number, description in enumerate(("run: score at least 0.5", "another: score at least 0.5")):
        report = {"study": ct.study, "collection": ct.collection, "series_uid": f"{FIRST}.9{number}"}
        Series.objects.create(
            **report, modality="SR", image_kind="other", description=description, instance_count=1, size_bytes=1
        )

    found = links(text_of(client, PAGE, kind="hits"))

    assert [link["initialSeriesInstanceUID"] for link in found] == [[FIRST], [f"{FIRST}.90"]]


def test_a_damaged_result_is_told_to_stewards_alone(
    served_archive: Archive, closed_result: Result, client_as: Callable[[str], Client]
) -> None:
    record = served_archive.path / "results" / "closed" / "result.json"
    whole = record.read_bytes()
    record.write_text("{")
    try:
        assert "1 result cannot be read" in text_of(client_as("steward"), "/results/")
        assert "cannot be read" not in text_of(client_as("of_collection"), "/results/")
    finally:
        record.write_bytes(whole)


@pytest.mark.parametrize("role", ROLES)
def test_the_page_of_a_collection_lists_its_results_to_who_sees_them(
    closed_result: Result, open_result: Result, client_as: Callable[[str], Client], role: str
) -> None:
    client = client_as(role)
    assert f'href="/results/{open_result.name}/"' in text_of(client, "/collections/open_ct/")
    is_listed = f'href="{PAGE}"' in text_of(client, "/collections/closed_ct/")
    assert is_listed is (role in {"of_collection", "steward", "admin"})
    assert PAGE not in text_of(client, "/collections/open_ct/")
