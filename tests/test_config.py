"""Settings from the environment: each documented, a wrong one refused."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path

import pytest

from hilum.config import Settings
from hilum.errors import ConfigError

PAGE = Path(__file__).resolve().parents[1] / "docs" / "settings.md"


def test_nothing_set_gives_the_defaults() -> None:
    assert Settings.from_environment({"PATH": "/bin"}) == Settings(archive="", workers=0, dask="")


def test_every_setting_is_read() -> None:
    environment = {"HILUM_ARCHIVE": "/data/a", "HILUM_WORKERS": "3", "HILUM_DASK": "tcp://127.0.0.1:8786"}
    assert Settings.from_environment(environment) == Settings("/data/a", 3, "tcp://127.0.0.1:8786")


def test_workers_zero_means_one_a_core() -> None:
    assert Settings(workers=0).worker_count == len(os.sched_getaffinity(0))
    assert Settings(workers=5).worker_count == 5


@pytest.mark.parametrize("text", ["two", "-1", "1.5", ""])
def test_a_count_that_is_none_is_refused_with_its_name_and_value(text: str) -> None:
    with pytest.raises(ConfigError, match=f"HILUM_WORKERS='{text}'"):
        Settings.from_environment({"HILUM_WORKERS": text})


def test_a_misspelt_setting_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(ConfigError, match=r"HILUM_WORKER;.*HILUM_WORKERS"):
        Settings.from_environment({"HILUM_WORKER": "2"})


def test_every_setting_is_documented() -> None:
    page = PAGE.read_text()
    for field in fields(Settings):
        assert f"`HILUM_{field.name.upper()}`" in page
