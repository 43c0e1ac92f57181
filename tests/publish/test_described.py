"""What a steward writes about a collection: it wins, and mistakes in it are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hilum.errors import ConfigError
from hilum.publish.described import description_path, read_description
from hilum.publish.sources import Author, Publication

if TYPE_CHECKING:
    from pathlib import Path


def write(archive: Path, text: str) -> None:
    path = description_path(archive, "trial")
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")


def test_without_a_file_nothing_is_said(tmp_path: Path) -> None:
    assert read_description(tmp_path, "trial").given() == {}


def test_every_key_is_read(tmp_path: Path) -> None:
    write(
        tmp_path,
        """
        title = "Chest CT"
        authors = ["Steward, Anna B.", "Trial Team"]
        year = 2026
        publisher = "Hospital"
        doi = "10.1234/abc"
        licence = "CC BY 4.0"
        citation = "Say this."
        description = "What it is."
        [[publications]]
        citation = "A paper."
        doi = "10.1/x"
        purpose = "the publication"
        """,
    )
    assert read_description(tmp_path, "trial").given() == {
        "title": "Chest CT",
        "authors": (Author("Steward", "Anna B."), Author("Trial Team")),
        "year": 2026,
        "publisher": "Hospital",
        "doi": "10.1234/abc",
        "licence": "CC BY 4.0",
        "citation": "Say this.",
        "description": "What it is.",
        "publications": (Publication("A paper.", "10.1/x", "the publication"),),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title = ", "correct the file"),
        ('tittle = "x"', "unknown tittle; expected some of"),
        ("title = 5", "title 5: expected text"),
        ('doi = "https://doi.org/10.1234/abc"', "without https"),
        ("year = 26", "year of four digits"),
        ("authors = [1]", "authors 1: expected text"),
        ("authors = 1", "expected a list"),
        ('publications = ["x"]', "expected tables"),
    ],
)
def test_mistakes_are_told_with_the_file(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path, text)
    with pytest.raises(ConfigError, match=message) as told:
        read_description(tmp_path, "trial")
    assert "trial.toml" in str(told.value)
