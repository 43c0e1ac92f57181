"""Every page in a browser: whole at both widths, light and dark, readable without seeing it, usable without a mouse."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from serve.browser.axe import grave_faults, script
from serve.browser.people import COHORT, READER, STEWARD

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from serve.browser.conftest import Open

PAGES = (
    ("", "/"),
    ("", "/collections/nodes/"),
    ("", "/accounts/login/"),
    ("", "/accounts/signup/"),
    ("", "/accounts/password/reset/"),
    ("", "/search?q=EX^1"),
    ("", "/results/"),
    (READER, "/collections/nlst/"),
    (READER, "/collections/nlst/series/"),
    (READER, "/collections/nlst/participants/"),
    (READER, "/collections/nlst/participants/100002/"),
    (READER, "/cohorts/"),
    (READER, "/cohorts/new"),
    (READER, "a cohort"),
    (READER, "a cohort to delete"),
    (READER, "/requests/"),
    (READER, "/requests/new"),
    (READER, "/requests/1"),
    (READER, "/tokens/"),
    (READER, "/account/"),
    (READER, "/accounts/email/"),
    (READER, "/accounts/password/change/"),
    (READER, "/accounts/2fa/"),
    (STEWARD, "/requests/"),
    (STEWARD, "/requests/1"),
    (STEWARD, "/collections/nodes/series/"),
)
"""Who looks at what."""

FOCUSED = "() => { const it = document.activeElement; return [it.outerHTML, getComputedStyle(it).outlineStyle]; }"
"""In one step: a busy page moves on between two."""

WIDTHS, SCHEMES = (1400, 390), ("light", "dark")


@pytest.mark.parametrize(("who", "path"), PAGES)
def test_the_page_is_whole_and_sound(open_as: Open, who: str, path: str) -> None:
    visit = open_as(who)
    visit.page.add_init_script(script())
    page = visit.open("/cohorts/" if path.startswith("a cohort") else path)
    if path.startswith("a cohort"):
        page.get_by_role("link", name=COHORT).click()
    if path == "a cohort to delete":
        page.get_by_role("link", name="Delete this cohort").click()
    page.get_by_role("heading", level=1).wait_for()
    assert page.title().endswith("Chest archive")
    assert (page.title() == "Chest archive") is (path == "/")
    assert page.locator("h1").count() == 1
    faults = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        for scheme in SCHEMES:
            page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
            faults += [f"{width} {scheme}: {fault}" for fault in grave_faults(page)]
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"the page is {wide} pixels wide"
    assert faults == []
    visit.require_clean()


def test_a_page_of_what_went_wrong_is_sound_too(open_as: Open) -> None:
    visit = open_as()
    visit.page.add_init_script(script())
    page = visit.open("/nothing/here/")
    page.get_by_role("heading", level=1, name="Not here").wait_for()
    assert grave_faults(page) == []
    page = visit.open("/accounts/login/")
    visit.page.context.clear_cookies()
    page.get_by_label("Email").fill(READER)
    page.get_by_label("Password").fill("x")
    page.get_by_role("main").get_by_role("button").click()
    page.get_by_role("heading", level=1, name="Refused").wait_for()
    assert grave_faults(page) == []


def test_the_admin_opens_without_a_fault(open_as: Open) -> None:
    visit = open_as(STEWARD)
    for path in ("/admin/", "/admin/access/accessrequest/", "/admin/access/datauseagreement/add/"):
        page = visit.open(path)
        page.wait_for_load_state("networkidle")
        assert page.title().endswith("· Chest archive")
    visit.require_clean()


def test_what_is_wrong_with_a_field_is_said_at_it(open_as: Open) -> None:
    visit = open_as(READER)
    visit.page.add_init_script(script())
    page = visit.open("/requests/new")
    page.locator("main form").evaluate("form => form.noValidate = true")
    page.get_by_role("button", name="Save and go on").click()
    page.locator("#id_aims[aria-invalid=true]").wait_for()
    said = page.locator("#id_aims").evaluate(
        "(field) => field.getAttribute('aria-describedby').split(' ')"
        ".map((id) => document.getElementById(id).textContent)"
    )
    assert any("required" in text for text in said)
    assert grave_faults(page) == []


def test_counts_stay_in_sight_on_a_phone(open_as: Open) -> None:
    page = open_as(READER, width=390).open("/cohorts/new")
    for legend in ("Collection", "Scanner maker"):
        page.get_by_role("group", name=legend, exact=True).scroll_into_view_if_needed()
        box = page.locator(".totals").bounding_box()
        assert box is not None
        assert 0 <= box["y"] <= 900 - box["height"], legend


def test_nothing_moves_for_who_asked_for_that(open_as: Open) -> None:
    page = open_as(READER).open("/")
    moving = "getComputedStyle(document.querySelector('.card')).transitionDuration"
    page.emulate_media(reduced_motion="no-preference")
    assert page.evaluate(moving) != "0s"
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate(moving) == "0s"


def test_the_checker_finds_what_is_wrong(open_as: Open) -> None:
    visit = open_as()
    visit.page.add_init_script(script())
    page = visit.open("/accounts/login/")
    page.evaluate("document.body.append(document.createElement('button'))")
    assert any(fault.startswith("button-name") for fault in grave_faults(page))


def test_the_first_key_leads_past_the_navigation(open_as: Open) -> None:
    page = open_as().open("/collections/nodes/")
    page.keyboard.press("Tab")
    assert _focused(page) == "Skip to the content"
    assert page.get_by_role("link", name="Skip to the content").bounding_box()["y"] >= 0  # type: ignore[index]
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


def test_every_control_that_keys_reach_shows_that_it_has_them(open_as: Open) -> None:
    page = open_as(READER).open("/cohorts/new")
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.append(page.evaluate(FOCUSED))
    assert len({html for html, _ in reached}) > 35
    assert [html for html, outline in reached if outline == "none"] == []


def test_a_cohort_is_chosen_without_a_mouse(open_as: Open) -> None:
    visit = open_as(READER)
    page = visit.open("/cohorts/new?chosen=1&collections=nodes")
    page.get_by_role("checkbox", name=re.compile(r"^SEG\b")).focus()
    with page.expect_response(lambda answer: "modalities=SEG" in answer.url):
        page.keyboard.press("Space")
    page.wait_for_function("document.activeElement.id === 'modalities-SEG' && document.activeElement.checked")
    page.get_by_label("Name of the cohort").focus()
    page.keyboard.type("With keys alone")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_role("heading", level=1, name="With keys alone").wait_for()
    visit.require_clean()


def _focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.textContent.trim() || document.activeElement.outerHTML"))
