"""A series without a flaw, and what checking a folder finds."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from builders import DECLARED, CtSeries
from hilum.check import Options, Report, Terms, check_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def clean() -> Callable[..., CtSeries]:
    """Make a series without a flaw, but for the fields and attributes given."""

    def make(override: dict[str, Any] | None = None, **fields: Any) -> CtSeries:
        return CtSeries(override=DECLARED | (override or {}), **fields)

    return make


@pytest.fixture
def checked() -> Callable[..., Report]:
    """Check a folder on a thread."""

    def check(folder: Path, **keywords: Any) -> Report:
        with ThreadPoolExecutor(1) as executor:  # what a process does: warnings are caught a thread at a time
            options = keywords.pop("options", Options())
            return check_folder(folder, Terms(executor, 1, options, **keywords))

    return check
