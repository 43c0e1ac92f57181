"""The whole way of somebody new: register, log in, sign, be approved, choose, look, download, be refused elsewhere."""

from __future__ import annotations

import quopri
import re
import time
import zipfile
from typing import TYPE_CHECKING

from hilum.catalog import Archive
from hilum.serve.viewer.links import study_link
from serve.browser.people import COHORT, KEPT, KEPT_STUDY, PASSWORD, READER, STEWARD
from serve.browser.watched import WAIT_MS
from slide_example import NUCLEUS

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

    from serve.browser.conftest import Open
    from serve.browser.watched import Watched
    from serve.conftest import RunningSite

NEW = "new@example.org"
CONFIRM = re.compile(r"http://\S+(/accounts/confirm-email/\S+)")

COUNT = """
    SELECT count(DISTINCT PatientID), count(*) FROM series
    WHERE collection_id = 'nlst' AND Modality = 'CT' AND analysis_result_id IS NULL
        AND image_kind = 'axial' AND screening_round = 1 AND instance_count >= ?
"""
MANY_SLICES = 300
"""So many have few series of NLST: a cohort of them is frozen at once."""


def test_from_registering_to_a_download(site: RunningSite, open_as: Open, tmp_path: Path) -> None:
    visit, steward = open_as(), open_as(STEWARD)
    _register(visit, site)
    _log_out_and_in(visit)
    assert visit.page.request.get(f"{site.url}/collections/nodes/series/").status == 404
    _choose_on_nlst(visit, site)
    _ask_for_the_nodes(visit)
    _approve(steward)
    _look(visit)
    _look_at_a_slide(visit)
    cohort = _freeze(visit, "/cohorts/new?chosen=1&collections=nodes&with_derived=1", "All of the phantom")
    with zipfile.ZipFile(_download(cohort, tmp_path)) as batch:
        assert batch.testzip() is None
        assert sum(name.endswith(".dcm") for name in batch.namelist()) == 28
    visit.require_clean()
    _be_refused(visit, open_as(READER))
    steward.require_clean()


def _register(visit: Watched, site: RunningSite) -> None:
    page = visit.open("/accounts/signup/")
    page.get_by_label("Email").fill(NEW)
    page.get_by_label("Password", exact=False).first.fill(PASSWORD)
    page.get_by_label("Password (again)").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button").click()
    page.get_by_role("heading", name="Confirm your address").wait_for()
    visit.open(_mailed_path(site))
    page.get_by_role("button", name="Confirm").click()
    page.wait_for_url(lambda url: "confirm-email" not in url)


def _log_out_and_in(visit: Watched) -> None:
    """Whoever has confirmed an address may be logged in already."""
    page = visit.open("/accounts/logout/")
    if "/accounts/logout/" in page.url:
        page.get_by_role("main").get_by_role("button").click()
        page.wait_for_url(lambda url: "/accounts/logout/" not in url)
    assert "/accounts/login/" in visit.open("/account/").url
    visit.log_in(NEW, PASSWORD)
    visit.open("/account/").get_by_text(NEW).first.wait_for()


def _mailed_path(site: RunningSite) -> str:
    """Path of the link in the mail, which stands in the server's log."""
    ends_at = time.monotonic() + WAIT_MS / 1000
    while time.monotonic() < ends_at:
        found = CONFIRM.search(quopri.decodestring(site.log.read_bytes()).decode(errors="replace"))
        if found:
            return found[1]
        time.sleep(0.1)
    raise AssertionError("no mail with a link to confirm the address")


def _choose_on_nlst(visit: Watched, site: RunningSite) -> None:
    """Counts follow the clicks, and are those of the catalog; what is chosen becomes a cohort."""
    page = visit.open("/cohorts/new?chosen=1&collections=nlst&modalities=CT")
    for value in ("axial", "T1"):
        with page.expect_response(lambda answer: "/cohorts/new?" in answer.url):
            page.get_by_role("checkbox", name=re.compile(rf"^{value}\b")).check()
    archive = Archive.open(site.log.parent / "archive")
    assert _require_figures(page, archive, min_slices=1) > 20_000, "it is the real index"
    page = visit.open(f"{page.evaluate('location.pathname + location.search')}&min_slices={MANY_SLICES}")
    participants = _require_figures(page, archive, min_slices=MANY_SLICES)
    _freeze(visit, page.url.removeprefix(visit.url), "Second year of NLST")
    page.get_by_text(re.compile(rf"\b{participants:,}\b")).first.wait_for()


def _require_figures(page: Page, archive: Archive, *, min_slices: int) -> int:
    """Wait for the catalog's counts of participants and series; give the first."""
    [(participants, series)] = zip(*archive.query(COUNT, [min_slices]).to_pydict().values(), strict=True)
    for count, of in ((participants, "participants"), (series, "series")):
        page.locator(".figures").get_by_text(re.compile(rf"^{count:,}\s*{of}$")).wait_for()
    return int(participants)


def _ask_for_the_nodes(visit: Watched) -> None:
    page = visit.open("/collections/nodes/")
    page.get_by_role("link", name="Ask for access").click()
    for label, text in {
        "Project title": "Nodes in a browser",
        "Principal investigator": "N. New",
        "Institution": "Example University",
        "Specific aims": "To see them.",
        "Number of participants": "1",
    }.items():
        page.get_by_label(label).fill(text)
    page.get_by_label("Nodes of a phantom").check()
    page.get_by_role("button", name="Save and go on").click()
    page.get_by_text("Nobody tries to find out who took part.").wait_for()
    page.get_by_label("Your full name").fill("N. New")
    page.get_by_label("I have read").check()
    page.get_by_role("button", name="Sign and submit").click()
    page.get_by_text("Your request has been submitted.").wait_for()


def _approve(steward: Watched) -> None:
    page = steward.open("/requests/")
    page.get_by_role("link", name="Nodes in a browser").click()
    page.get_by_role("button", name="Approve").click()
    page.get_by_text("The request is approved.").wait_for()


def _look(visit: Watched) -> None:
    """From the list of series into the viewer: the CT, a SEG in colour, a report with its text."""
    for kind, seen in (("CT", ""), ("SEG", "node 4"), ("SR", "Additional Findings")):
        page = visit.open("/collections/nodes/series/")
        page.get_by_role("row").filter(has=page.get_by_role("cell", name=kind)).locator("td a").first.click()
        page.wait_for_url("**/viewer?*")
        if seen:
            page.get_by_text(seen).first.wait_for()
        visit.wait_for_pixels(lit=100_000)
        if kind == "SEG":
            assert visit.wait_for_colours()


def _look_at_a_slide(visit: Watched) -> None:
    page = visit.open("/collections/cells/series/")
    page.get_by_role("row").filter(has=page.get_by_role("cell", name="SM")).locator("td a").first.click()
    page.wait_for_url("**/microscopy?*")
    visit.wait_for_colour(NUCLEUS)


def _freeze(visit: Watched, choice: str, name: str) -> Page:
    page = visit.open(choice)
    page.get_by_label("Name of the cohort").fill(name)
    page.get_by_role("button", name="Freeze it").click()
    page.get_by_role("heading", level=1, name=name).wait_for()
    return page


def _be_refused(visit: Watched, reader: Watched) -> None:
    """What was not granted is not there: on pages, for programs, to download, in the viewer; nor what others chose."""
    link = reader.open("/cohorts/").get_by_role("link", name=COHORT).get_attribute("href")
    for path in (
        "/collections/kept/series/",
        f"/collections/kept/participants/{KEPT}/",
        f"/dicom-web/studies/{KEPT_STUDY}/metadata",
        f"/download/series/{KEPT_STUDY}.1.zip",
        "/download/collections/kept.zip",
        "/requests/1",
        str(link),
    ):
        assert visit.page.request.get(f"{visit.url}{path}").status == 404, path
    assert visit.page.request.get(f"{visit.url}/admin/", max_redirects=0).status in {302, 403}
    visit.open(study_link(KEPT_STUDY)).get_by_text("not available at this time").wait_for()
    assert not visit.page.request.get(f"{visit.url}/dicom-web/studies?PatientID={KEPT}").json()


def _download(page: Page, folder: Path) -> Path:
    with page.expect_download() as started:
        page.get_by_role("button", name="Download all as ZIP").click()
    path = folder / started.value.suggested_filename
    started.value.save_as(path)
    return path
