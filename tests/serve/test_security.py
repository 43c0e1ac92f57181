"""The site under attack: hostile addresses, other people's identifiers, forged headers, too much of everything.

Who adds a route adds its line to `serve.test_matrix`; it is attacked here without another.
"""

from __future__ import annotations

import re
import stat
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import pytest
from django.core import mail
from django.test import Client

from hilum.serve.access.models import AccessRequest
from hilum.serve.accounts.models import User
from hilum.serve.accounts.tokens import make_token
from hilum.serve.dicomweb import pieces
from hilum.serve.dicomweb.media import media_ranges
from hilum.serve.dicomweb.problem import ProblemError
from hilum.serve.options import Options
from hilum.serve.published.models import Cohort, Study
from serve.conftest import COHORT, series_uid, study_uid
from serve.test_matrix import ROUTES

if TYPE_CHECKING:
    from collections.abc import Callable

PLACES = {
    ("open_ct", 1): {"public", "of_cohort", "steward"},
    ("members_ct", 1): {"of_cohort", "steward"},
    ("closed_ct", 1): {"of_cohort", "steward"},
    ("closed_ct", 2): {"steward"},
}
"""Series of the served archive, and which of the roles that attack here see them."""

ATTACKERS = ("public", "of_cohort", "steward")

HOSTILE = {
    "sql": "' OR '1'='1' UNION SELECT password FROM accounts_user--",
    "header": "1\r\nSet-Cookie: stolen=1",
    "zero": "1\0",
    "long": "9" * 60_000,
    "unicode": "\u202e\ufeff\u0130\U0001f4a5\u2028\ufffd٣",
    "escaping": "../../../../etc/passwd",
    "markup": "<script>alert(1)</script>{{7*7}}${7*7}%s",
    "number": "-1",
    "wildcards": "*a" * 300 + "?[]^-",
    "list": "1," * 20_000 + "1",
}

SWEPT = {
    "public": ("sql", "header", "zero", "long", "unicode"),
    "of_cohort": ("escaping", "number", "sql"),
    "steward": ("markup", "unicode"),
}
"""What each role throws at every route: who may do more comes to more code, but reading is the same for all."""

PARAMETERS = (
    *("q", "words", "kind", "page", "rate", "cohort", "next", "chosen", "collections", "modalities", "kinds", "rounds"),
    *("kernel_classes", "manufacturers", "min_thickness_mm", "max_thickness_mm", "min_slices", "one_per"),
    *("batch", "batch_size", "layout", "format", "Collection", "PatientID", "Modality", "SeriesInstanceUID", "accept"),
    *("viewport", "window", "quality", "e", "o", "p", "all"),
)
SEARCHED = (
    *("PatientID", "PatientName", "StudyInstanceUID", "StudyDate", "StudyTime", "ModalitiesInStudy", "SeriesNumber"),
    *("SOPInstanceUID", "includefield", "limit", "offset", "fuzzymatching", "accept"),
)
"""Parameters of a search in DICOMweb, which are tried one by one: an unknown one hides what the others do."""

HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_OF_VIEWER = re.compile("/(?:viewer|segmentation)")
"""Pages that may show a SEG, which OHIF takes apart with functions made of texts."""

_PLACEHOLDER = re.compile(r"\{\w+\}|[\d.]{5,}|closed_ct(?:-2)?|chosen|guessed|/1$|/1/|\bhouse\b")

pytestmark = pytest.mark.usefixtures("served_archive")


@pytest.fixture
def attacker(client_as: Callable[[str], Client]) -> Callable[[str], Client]:
    """Give a function that gives a browser of a role, which gets the answers that the server would send."""

    def log_in(role: str) -> Client:
        client = client_as(role)
        client.raise_request_exception = False
        return client

    return log_in


def body_of(answer: Any) -> str:
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return str(content.decode("utf-8", errors="replace"))


def secrets_from(role: str) -> list[re.Pattern[str]]:
    """Identifiers of the series that a role may not see."""
    hidden = [place for place, seen_by in PLACES.items() if role not in seen_by]
    names = [name for place in hidden for name in (study_uid(*place), f"{place[0]}-{place[1]}")]
    return [re.compile(rf"(?<![\w.]){re.escape(name)}(?!\d)") for name in names]


def told_to(role: str, answer: Any) -> list[str]:
    """Identifiers in an answer that a role may not see."""
    text = body_of(answer) + str(dict(answer.headers))
    return [secret.pattern for secret in secrets_from(role) if secret.search(text)]


def problems_of(role: str, answer: Any) -> list[str]:
    found = [f"tells {secret}" for secret in told_to(role, answer)]
    if answer.status_code >= 500 and b"viewer is not installed" not in getattr(answer, "content", b""):
        found.append(f"status {answer.status_code}")
    found += [f"{name}: {answer.headers.get(name)}" for name, value in HEADERS.items() if answer.get(name) != value]
    for name in ("Content-Security-Policy", "Permissions-Policy", "Cache-Control", "X-Request-ID"):
        if not answer.get(name):
            found.append(f"no {name}")
    if "frame-ancestors 'none'" not in answer.get("Content-Security-Policy", ""):
        found.append("may be framed")
    if "'unsafe-eval'" in answer.get("Content-Security-Policy", "") and not _OF_VIEWER.match(
        answer.request["PATH_INFO"]
    ):
        found.append("may make functions of texts")
    return found + (["a cookie was set"] if "stolen" in answer.cookies else [])


@pytest.mark.parametrize("role", ATTACKERS)
def test_hostile_pieces_of_addresses_and_parameters_break_nothing_and_tell_nothing(
    role: str, attacker: Callable[[str], Client]
) -> None:
    client, found = attacker(role), []
    paths = sorted(
        {_PLACEHOLDER.sub("{}", route.path.partition("?")[0]) for route in ROUTES if "logout" not in route.path}
    )
    for name in SWEPT[role]:
        text = HOSTILE[name]
        query = urlencode(dict.fromkeys(PARAMETERS, text[:2000]))
        for path in paths:
            asked = path.replace("{}", quote(text[:2000], safe=""))
            for address in {f"/{asked}", f"/{path.replace('{}', '1')}?{query}"}:
                answer = client.get(address)
                found += [f"{name} {path}: {problem}" for problem in problems_of(role, answer)]
    assert not found, "\n".join(found[:20])


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_values_in_searches_are_found_or_refused(text: str, attacker: Callable[[str], Client]) -> None:
    client = attacker("public")
    for level in ("studies", "instances"):
        for name in SEARCHED:
            answer = client.get(f"/dicom-web/{level}?{urlencode({name: text})}")
            assert answer.status_code in {200, 400, 406}, (level, name)
            assert not problems_of("public", answer), (level, name)


@pytest.mark.parametrize("role", ATTACKERS)
def test_forms_take_hostile_values_and_wrong_types(role: str, attacker: Callable[[str], Client]) -> None:
    client = attacker(role)
    draft = AccessRequest.objects.create(
        user=User.objects.filter(email=f"{role}@example.org").first() or User.objects.create_user("x@example.org"),
        project_title="p",
        participant_count=1,
    )
    forms = (
        *("/accounts/login/", "/accounts/signup/", "/accounts/password/reset/", "/accounts/email/", "/account/profile"),
        *("/tokens/new", "/requests/new", f"/requests/{draft.pk}/edit", f"/requests/{draft.pk}/sign", "/cohorts/new"),
        *("/nbia-api/oauth/token", "/nbia-api/services/v1/getSeriesMetadata"),
    )
    fields = (
        *("login", "email", "password", "first_name", "institution", "name", "cohort", "last_day", "project_title"),
        *("participant_count", "collections", "shown", "title", "modalities", "list", "format", "username"),
    )
    for path in forms:
        for name, text in HOSTILE.items():
            answer = client.post(path, dict.fromkeys(fields, text) | {"grant_type": "password"})
            assert not problems_of(role, answer), (path, name)


OBJECTS = (
    "/collections/{collection}/participants/{participant}/",
    "/download/series/{series}.zip",
    "/nbia-api/services/v1/getImage?SeriesInstanceUID={series}",
    "/nbia-api/services/v1/getImageWithMD5Hash?SeriesInstanceUID={series}",
    "/nbia-api/services/v1/getSingleImage?SeriesInstanceUID={series}&SOPInstanceUID={series}.1",
    "/dicom-web/studies/{study}/metadata",
    "/dicom-web/studies/{study}/series/{series}/instances/{series}.1/frames/1",
)
LISTS = (
    "/search?q={study}",
    "/search?q={series}.1",
    "/search?q={participant}",
    "/collections/{collection}/participants/?words={participant}",
    "/nbia-api/services/v1/getSeries?StudyInstanceUID={study}",
    "/nbia-api/services/v1/getPatientStudy?PatientID={participant}",
    "/nbia-api/services/v1/getPatient",
    "/nbia-api/services/v1/getSeries?format=csv",
    "/nbia-api/services/v1/getSOPInstanceUIDs?SeriesInstanceUID={series}",
    "/nbia-api/services/v1/getSeriesSize?SeriesInstanceUID={series}",
    "/dicom-web/instances",
    "/dicom-web/studies?includefield=all",
)


@pytest.mark.parametrize("role", ATTACKERS)
def test_what_one_may_not_see_is_not_there_by_any_address(role: str, attacker: Callable[[str], Client]) -> None:
    client = attacker(role)
    for place, seen_by in PLACES.items():
        named = {
            "collection": place[0],
            "participant": f"{place[0]}-{place[1]}",
            "study": study_uid(*place),
            "series": series_uid(*place),
        }
        for address in OBJECTS:
            answer = client.get(address.format(**named))
            assert answer.status_code == (200 if role in seen_by else 404), (role, place, address)
        for address in LISTS:
            answer = client.get(address.format(**named))
            asked = set(address.format(**named).replace("=", "/").replace("?", "/").split("/"))
            # A page repeats the words that were searched for.
            told = [one for one in told_to(role, answer) if not any(re.search(one, word) for word in asked)]
            assert not told, (role, place, address)


def test_what_is_hidden_answers_as_what_is_not_there(attacker: Callable[[str], Client]) -> None:
    client = attacker("public")
    for address in OBJECTS:
        hidden, absent = (
            client.get(address.format(collection="closed_ct", participant=participant, study=uid, series=f"{uid}.1"))
            for participant, uid in (("closed_ct-2", study_uid("closed_ct", 2)), ("closed_ct-9", "1.2.9"))
        )
        assert (hidden.status_code, body_of(hidden)) == (absent.status_code, body_of(absent)), address


def test_a_token_for_a_cohort_opens_that_cohort_alone_also_a_stewards(user_as: Callable[[str], User]) -> None:
    steward, cohort = user_as("steward"), Cohort.objects.get(pk=COHORT)
    _, text = make_token(steward, "narrow", cohort=cohort)
    client = Client(headers={"Authorization": f"Bearer {text}"})

    assert client.get("/metrics").status_code == 404
    assert client.get(f"/dicom-web/studies/{study_uid('closed_ct', 1)}/metadata").status_code == 200
    for place in (("open_ct", 1), ("members_ct", 1), ("closed_ct", 2)):
        assert client.get(f"/dicom-web/studies/{study_uid(*place)}/metadata").status_code == 404
        assert client.get(f"/download/series/{series_uid(*place)}.zip").status_code == 404
    assert client.get("/download/collections/closed_ct.zip").status_code == 404
    assert client.get("/requests/").status_code == 302
    assert client.post("/dicom-web/studies", b"", 'multipart/related; type="application/dicom"').status_code == 401


def test_stewards_cannot_guess_at_passwords_in_the_admin(attacker: Callable[[str], Client]) -> None:
    steward = attacker("steward")
    for address in ("accounts/user/?password__startswith=md5", "accounts/apitoken/?digest__startswith=a"):
        answer = steward.get(f"/admin/{address}")
        assert answer.status_code == 400, address
    assert steward.get("/admin/accounts/user/?is_active__exact=1&q=steward").status_code == 200


def test_links_in_mails_lead_to_this_site_whatever_host_is_sent(user_as: Callable[[str], User], settings: Any) -> None:
    settings.OPTIONS = replace(settings.OPTIONS, public_url="http://archive.example.org")
    settings.ALLOWED_HOSTS = ["archive.example.org", "localhost"]
    user = user_as("registered")
    for host in ("archive.example.org:666", "localhost"):
        mail.outbox.clear()
        Client(headers={"Host": host}).post("/accounts/password/reset/", {"email": user.email})
        links = re.findall(r"https?://\S+/password/reset/key/\S+", str(mail.outbox[0].body))
        assert links
        assert all(link.startswith("http://archive.example.org/") for link in links)
    assert Client(headers={"Host": "evil.example"}).get("/").status_code == 400


@pytest.mark.parametrize(
    "address", ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_nobody_is_led_elsewhere_after_the_log_in(address: str, client_as: Callable[[str], Client]) -> None:
    answer = client_as("registered").get(f"/accounts/login/?{urlencode({'next': address})}")

    assert "evil" not in answer["Location"]
    assert answer["Location"].startswith("/")


def test_a_form_of_another_site_changes_nothing(user_as: Callable[[str], User]) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(user_as("steward"))
    paths = [route.path for route in ROUTES if route.method == "POST" and not route.path.startswith("nbia-api")]
    for path in ("accounts/logout/", "accounts/email/", "cohorts/new", "admin/access/grant/add/", *paths):
        address = f"/{re.sub(r'{[a-z]+}', '1', path)}"
        assert client.post(address, {}, headers={"Origin": "https://evil.example"}).status_code == 403, address
    sent = client.post("/dicom-web/studies", b"", "multipart/related", headers={"Origin": "https://evil.example"})
    assert sent.status_code == 403


def test_markup_in_texts_of_headers_is_text(attacker: Callable[[str], Client]) -> None:
    script = "<script>alert(1)</script>"
    study = Study.objects.get(study_uid=study_uid("open_ct"))
    study.description = script
    study.save()
    study.series.update(description=f'"><img src=x onerror=alert(1)>{script}', modality=script)
    client = attacker("public")
    for page in ("/collections/open_ct/series/", "/collections/open_ct/participants/open_ct-1/", f"/search?q={script}"):
        text = body_of(client.get(page))
        assert script not in text
        assert "<img src=x" not in text
        assert "&lt;script&gt;" in text


def test_a_choice_under_the_name_of_another_leaves_that_as_it_is(client_as: Callable[[str], Client]) -> None:
    chosen = {"chosen": "1", "modalities": "CT", "collections": "open_ct"}
    first = client_as("registered").post("/cohorts/new", chosen | {"title": "Small nodules"})
    second = client_as("of_collection").post("/cohorts/new", chosen | {"title": "small NODULES"})

    assert first["Location"] != second["Location"]
    assert Cohort.objects.get(pk=first["Location"].split("/")[2]).title == "Small nodules"
    assert Cohort.objects.get(pk=second["Location"].split("/")[2]).title == "small NODULES"


def test_a_list_of_media_types_takes_no_time(attacker: Callable[[str], Client]) -> None:
    with pytest.raises(ProblemError, match="characters of accepted media types"):
        media_ranges(',"' * 30_000)
    assert attacker("public").get("/dicom-web/studies", headers={"Accept": ',"' * 30_000}).status_code == 400


def test_one_request_asks_for_no_more_frames_than_the_memory_holds(
    attacker: Callable[[str], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "MAX_BYTES", 20_000)
    client, uid = attacker("public"), series_uid("open_ct")
    frames = f"/dicom-web/studies/{study_uid('open_ct')}/series/{uid}/instances/{uid}.1/frames"

    assert client.get(f"{frames}/1").status_code == 200
    assert client.get(f"{frames}/{','.join(['1'] * 500)}").status_code == 400
    assert client.get(f"{frames}/1,2/rendered").status_code == 400
    assert client.get(f"{frames}/1/rendered?quality=0001{'0' * 5000}").status_code == 400


def test_layouts_are_no_longer_than_a_name_in_a_zip(attacker: Callable[[str], Client]) -> None:
    layout = "%PatientID" + "/a" * 20_000

    assert attacker("public").get(f"/download/collections/open_ct.zip?layout={quote(layout)}").status_code == 400


def test_the_secret_key_is_its_owners_alone_where_the_folder_is_there_already(tmp_path: Path) -> None:
    (tmp_path / "serve").mkdir(mode=0o755)
    options = Options(archive=str(tmp_path))

    assert options.secret_key() == options.secret_key()
    assert stat.S_IMODE(options.state.stat().st_mode) == 0o700


def test_settings_are_strict(settings: Any) -> None:
    assert settings.DEBUG is False
    assert settings.SESSION_COOKIE_HTTPONLY
    assert settings.SESSION_COOKIE_SAMESITE == "Lax"
    assert settings.SESSION_SERIALIZER == "django.contrib.sessions.serializers.JSONSerializer"
    assert not settings.USE_X_FORWARDED_HOST
    for directive in ("default-src 'none'", "script-src 'self'", "base-uri 'none'", "frame-ancestors 'none'"):
        assert directive in settings.CONTENT_SECURITY_POLICY


def test_nothing_of_the_site_loads_objects_that_run() -> None:
    package = Path(__file__).parents[2] / "src" / "hilum" / "serve"
    found = [
        str(path)
        for path in package.rglob("*.py")
        if re.search(r"\b(pickle|skops|joblib|marshal|yaml\.load)\b", path.read_text())
    ]

    assert not found
