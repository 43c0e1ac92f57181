"""What a steward writes about a collection or cohort: ``collections/NAME.toml`` in the archive.

::

    title = "Chest CT of the trial"
    authors = ["Steward, A. B.", "Trial Research Team"]   # family, initials; or the name of an entity
    year = 2026
    publisher = "University Hospital"
    doi = "10.1234/abc"
    licence = "CC BY 4.0"
    citation = "..."                                      # in words, if not made from the above
    description = "..."

    [[publications]]
    citation = "..."
    doi = "10.1056/NEJMoa1102873"
    purpose = "the publication"

Every key may be left out; those that are there win over all else that is known.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from hilum.catalog.layout import Layout
from hilum.errors import ConfigError
from hilum.publish.sources import Author, Publication, author_of

if TYPE_CHECKING:
    from pathlib import Path

_DOI = re.compile(r"10\.[0-9]{4,9}/\S+")
"""A DOI without resolver; ISO 26324 asks for ``10.``, a registrant and a suffix."""

_YEARS = range(1900, 2200)


@dataclass(frozen=True, slots=True)
class Description:
    """What a steward wrote; None for what was left out."""

    title: str | None = None
    authors: tuple[Author, ...] | None = None
    year: int | None = None
    publisher: str | None = None
    doi: str | None = None
    licence: str | None = None
    citation: str | None = None
    description: str | None = None
    publications: tuple[Publication, ...] | None = None

    def given(self) -> dict[str, Any]:
        """What was written, by name."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: value for name, value in values.items() if value is not None}


def description_path(archive: Path, name: str) -> Path:
    """Where the steward writes about a collection or cohort."""
    return Layout(archive).descriptions / f"{name}.toml"


def read_description(archive: Path, name: str) -> Description:
    """Read what the steward wrote about a collection or cohort; nothing where there is no such file.

    Raises
    ------
    ConfigError
        The file is no TOML, has a key that means nothing, or a value of the wrong form.
    """
    path = description_path(archive, name)
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Description()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}; correct the file") from error
    known = {one.name for one in fields(Description)}
    if unknown := sorted(set(values) - known):
        raise ConfigError(f"{path}: unknown {', '.join(unknown)}; expected some of {', '.join(sorted(known))}")
    try:
        return _description(values)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{path}: {error}") from error


def _description(values: dict[str, Any]) -> Description:
    texts: dict[str, Any] = {name: _text(name, values[name]) for name in _TEXTS if name in values}
    if "doi" in texts and not _DOI.fullmatch(texts["doi"]):
        raise ValueError(f"doi {texts['doi']!r}: expected 10.NUMBER/NAME, without https://doi.org/")
    return Description(**texts, **_others(values))


_TEXTS = ("title", "publisher", "doi", "licence", "citation", "description")


def _others(values: dict[str, Any]) -> dict[str, Any]:
    others: dict[str, Any] = {}
    if "year" in values:
        if values["year"] not in _YEARS:
            raise ValueError(f"year {values['year']!r}: expected a year of four digits, such as 2026")
        others["year"] = values["year"]
    if "authors" in values:
        others["authors"] = tuple(author_of(_text("authors", one)) for one in _list("authors", values["authors"]))
    if "publications" in values:
        others["publications"] = tuple(map(_publication, _list("publications", values["publications"])))
    return others


def _publication(values: Any) -> Publication:
    if not isinstance(values, dict):
        raise TypeError(f"publications {values!r}: expected tables [[publications]] with citation, doi and purpose")
    names = ("citation", "doi", "purpose")
    return Publication(*(_text(f"publications: {name}", values.get(name, "")) for name in names))


def _list(name: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{name} {value!r}: expected a list in brackets")
    return value


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name} {value!r}: expected text in quotes")
    return value.strip()
