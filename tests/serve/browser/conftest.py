"""A browser, and a site in it: both started once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from chromium import open_chromium
from serve.browser.people import PASSWORD, READER, STEWARD
from serve.browser.watched import Watched
from serve.conftest import RunningSite, sites

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, BrowserContext

    Open = Callable[..., Watched]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let these tests come last: a browser keeps an event loop running in this process until it is closed."""
    items.sort(key=lambda item: item.path.parent == Path(__file__).parent)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSite]:
    """The real server on the archive of `site_example`; its log holds the mails."""
    root = tmp_path_factory.mktemp("browsed")
    tests = Path(__file__).parents[2]
    subprocess.run(
        [sys.executable, str(Path(__file__).with_name("site_example.py")), str(root)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tests), os.environ.get("PYTHONPATH", "")])},
        check=True,
    )
    with sites(root) as start:
        yield start(root / "archive", site_name="Chest archive")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    with open_chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def logged_in(site: RunningSite, browser: Browser) -> Callable[[str], str]:
    """Give a function that logs somebody in, once, and gives the file with their session."""
    kept: dict[str, str] = {}

    def log_in(email: str) -> str:
        if email not in kept:
            context = browser.new_context()
            visit = Watched(context, site.url)
            visit.log_in(email, PASSWORD)
            kept[email] = str(site.log.with_name(f"{email}.json"))
            context.storage_state(path=kept[email])
            visit.require_clean()
            context.close()
        return kept[email]

    return log_in


@pytest.fixture
def open_as(site: RunningSite, browser: Browser, logged_in: Callable[[str], str]) -> Iterator[Open]:
    """Give a function that opens a window for somebody with an account or for a stranger; all are closed at the end."""
    contexts: list[BrowserContext] = []

    def open_window(email: str = "", *, width: int = 1400) -> Watched:
        state = logged_in(email) if email else None
        context = browser.new_context(viewport={"width": width, "height": 900}, storage_state=state)
        contexts.append(context)
        return Watched(context, site.url)

    yield open_window
    for context in contexts:
        context.close()


@pytest.fixture
def steward(open_as: Open) -> Watched:
    """A steward's window."""
    return open_as(STEWARD)


@pytest.fixture
def reader(open_as: Open) -> Watched:
    """The window of somebody with an account and no grant."""
    return open_as(READER)
