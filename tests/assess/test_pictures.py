"""The pictures of the documentation are what the library draws today."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from generate_pictures import FOLDER, PICTURES


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_what_the_worked_cases_give(name: str) -> None:
    kept = (FOLDER / name).read_text(encoding="utf-8")
    assert kept == PICTURES[name](), "run: python docs/generate_pictures.py"
    assert ET.fromstring(kept).tag.endswith("svg")
