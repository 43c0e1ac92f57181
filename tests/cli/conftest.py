"""Tables that the tests of assessment start from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cli.assessing import LESIONS, MARKS
from hilum.findings.tables import write_lesion_table, write_mark_table

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    write_lesion_table(tmp_path / "lesions.csv", LESIONS)
    write_mark_table(tmp_path / "marks.csv", MARKS)
    return tmp_path
