"""Published data sets that series come from: who made them, how they are cited, what their licence asks.

What is known of one is looked for, in this order, in what the steward wrote (`hilum.publish.described`), in the data
sets hilum knows, in the catalog's sources table (from ``hilum catalog import-idc``), in the public index on this
machine. Nothing is asked of the network.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from hilum.model.licences import licence_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hilum.model.licences import Licence


@dataclass(frozen=True, slots=True)
class Author:
    """A person, or an entity such as a research team, which has no given names."""

    family: str
    given: str = ""

    @property
    def text(self) -> str:
        """As APA writes it: ``Roth, H.``; an entity as it is."""
        return f"{self.family}, {self.given}" if self.given else self.family


@dataclass(frozen=True, slots=True)
class Publication:
    """Something that is to be cited beside the data: its words, its DOI, and what it is for."""

    citation: str
    doi: str
    purpose: str


@dataclass(frozen=True, slots=True)
class Source:
    """A published data set.

    Attributes
    ----------
    collection_id
        Collection it is in.
    doi
        Its DOI, without ``https://doi.org/``; empty where it has none.
    title, authors, year, publisher
        As its citation has them; year 0 and no publisher where they are not known.
    version
        Version its citation names; empty where it names none.
    licence
        Licence of the data.
    citation
        Its citation in words, as its publisher gives it; empty where nobody knows it.
    publications
        What is to be cited beside it.
    series_count
        Series of the work that come from it.
    """

    collection_id: str
    doi: str
    title: str
    authors: tuple[Author, ...]
    year: int
    publisher: str
    licence: Licence
    version: str = ""
    citation: str = ""
    publications: tuple[Publication, ...] = ()
    series_count: int = field(default=0, compare=False)

    @property
    def url(self) -> str:
        """Address of its DOI; empty without."""
        return f"https://doi.org/{self.doi}" if self.doi else ""


_APA = re.compile(
    r"(?P<authors>.+?)\s*\((?P<year>\d{4})[^)]*\)\.?\s*(?P<title>.+?)"
    r"(?:\s*\([Vv]ersion\s*(?P<version>[^)]+)\))?(?:\s*\[[Dd]ata ?[Ss]et[^\]]*\])?\.\s*"
    r"(?P<publisher>[^.]+?)\.?\s*(?:https?://(?:dx\.)?doi\.org/|doi:\s*)(?P<doi>\S+?)\.?"
)
"""Authors (year). Title (Version n) [Data set]. Publisher. Address: the form of TCIA and Zenodo."""

_PERSON = re.compile(r"(?P<family>[^,]+), (?P<given>[^\W\d_]\.(?:[ -]*[^\W\d_]\.)*)")


def source_of_citation(
    citation: str, *, collection_id: str, doi: str = "", title: str = "", licence: str | None = None
) -> Source:
    """Take a citation in words apart; what it does not tell is taken from the other values.

    A citation in another form keeps its words; its authors are then not known.
    """
    words = " ".join(citation.split())
    found = _APA.fullmatch(words)
    parts: Mapping[str, Any] = found.groupdict() if found else {}
    return Source(
        collection_id,
        _spelled(doi, parts.get("doi") or doi),
        parts.get("title") or title or collection_id,
        parse_authors(parts.get("authors", "")),
        int(parts.get("year", 0)),
        parts.get("publisher", ""),
        licence_of(licence),
        parts.get("version") or "",
        words,
    )


def parse_authors(text: str) -> tuple[Author, ...]:
    """Take the authors of a citation apart: ``Roth, H., Lu, L., & Summers, R. M.``; what is no person is an entity."""
    if ";" in text:
        return tuple(author_of(piece) for piece in re.split(r"[;&]", text) if piece.strip(" ,"))
    authors: list[Author] = []
    rest = re.sub(r",?\s*(?:&|…|\.\.\.)\s*", ", ", text).strip(" ,")
    while rest:
        person = _PERSON.match(rest)
        if person:
            authors.append(Author(person["family"].strip(), person["given"].strip()))
            rest = rest[person.end() :].lstrip(" ,")
        else:
            entity, _, rest = rest.partition(", ")
            authors.append(Author(entity.strip().rstrip(".")))
    return tuple(author for author in authors if author.family)


def author_of(text: str) -> Author:
    """Give the one author that a text names: ``Family, given names``, or an entity."""
    family, _, given = text.strip(" ,").partition(", ")
    return Author(family.strip(), given.strip())


def _spelled(doi: str, in_citation: str) -> str:
    """Give a DOI, in the spelling of the citation where that names the same one: case means nothing in a DOI."""
    return in_citation if not doi or in_citation.lower() == doi.lower() else doi


def with_licence(source: Source, stated: str | None) -> Source:
    """Give the source the licence that its series state, where they state one."""
    return replace(source, licence=licence_of(stated)) if stated else source


_PUBLICATION = re.compile(r"(?P<authors>.+?)\s*\((?P<year>\d{4})[^)]*\)\.\s*(?P<title>.+?)\.\s")


def parse_publication(publication: Publication) -> Source:
    """Take the citation of a publication apart; in another form than APA, its title is all its words."""
    found = _PUBLICATION.match(publication.citation)
    parts: Mapping[str, Any] = found.groupdict() if found else {}
    return Source(
        "",
        publication.doi,
        parts.get("title", publication.citation),
        parse_authors(parts.get("authors", "")) or (Author("see notes"),),
        int(parts.get("year", 0)),
        "",
        licence_of(None),
    )
