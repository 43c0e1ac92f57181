"""The site as it starts and stops."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.request import urlopen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from serve.conftest import RunningSite


def test_an_empty_folder_is_served_and_stops_when_told(tmp_path: Path, start_site: Callable[..., RunningSite]) -> None:
    site = start_site(tmp_path / "archive", workers=2)

    with urlopen(f"{site.url}/accounts/login/") as answer:
        assert answer.status == 200
    assert len(site.admin_password) >= 16
    assert site.stop() == 0


def test_the_password_is_printed_at_the_first_start_only(
    tmp_path: Path, start_site: Callable[..., RunningSite]
) -> None:
    start_site(tmp_path / "archive").stop()

    assert "password" not in start_site(tmp_path / "archive").log.read_text()
