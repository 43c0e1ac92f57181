"""What is cited: a collection, a cohort or a release of one, with every data set it is made of."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from hilum.catalog.idc import index_sources
from hilum.errors import ConfigError
from hilum.model.licences import licence_of, most_restrictive
from hilum.publish.described import description_path, read_description
from hilum.publish.known_sources import known_source
from hilum.publish.sources import Source, source_of_citation, with_licence

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date
    from pathlib import Path

    from hilum.catalog import Archive
    from hilum.model.licences import Licence
    from hilum.publish.contents import Subject
    from hilum.publish.described import Description
    from hilum.publish.sources import Author, Publication


@dataclass(frozen=True, slots=True)
class Work:
    """What is cited.

    Attributes
    ----------
    name, kind
        Collection or cohort, and which of the two.
    title, authors, year, publisher, doi
        As a citation has them; empty (year 0) where nobody said.
    licence
        The licence that decides over the whole.
    sources
        The data sets it is made of; those with the most series first.
    citation
        Its citation in words where its publisher or the steward gives one; empty otherwise.
    is_own_citation
        The words are the steward's: every version is cited by them.
    version, released_on, notes
        Of a release; empty and None where none is meant.
    description
        What the steward wrote.
    publications
        What is to be cited beside it.
    size_bytes, file_count
        Of a release; 0 otherwise.
    described_in
        File in which the steward can say what is missing.
    """

    name: str
    kind: str
    title: str
    authors: tuple[Author, ...]
    year: int
    publisher: str
    doi: str
    licence: Licence
    sources: tuple[Source, ...]
    described_in: Path
    citation: str = ""
    is_own_citation: bool = False
    version: str = ""
    released_on: date | None = None
    notes: str = ""
    description: str = ""
    publications: tuple[Publication, ...] = field(default=())
    size_bytes: int = 0
    file_count: int = 0

    @property
    def url(self) -> str:
        """Address of its DOI; empty without."""
        return f"https://doi.org/{self.doi}" if self.doi else ""

    @property
    def derived_from(self) -> tuple[Source, ...]:
        """The data sets that are not the work itself."""
        return tuple(source for source in self.sources if not self.doi or source.doi.lower() != self.doi.lower())

    def require(self, form: str, *names: str) -> None:
        """Refuse a form of citation that needs what nobody said.

        Raises
        ------
        ConfigError
            One of the attributes is empty.
        """
        if missing := [name for name in names if not getattr(self, name)]:
            raise ConfigError(
                f"{self.kind} {self.name}: {form} needs {', '.join(missing)}; write it into {self.described_in} "
                "(docs/publish-a-collection.md)"
            )


def work_of(archive: Archive, subject: Subject) -> Work:
    """Say what a collection or cohort is as a work, and what data sets it is made of.

    Raises
    ------
    ConfigError
        A file that the steward wrote is not as it should be.
    """
    sources = _sources(archive, subject)
    written = read_description(archive.path, subject.name)
    whole = _own_source(archive, subject, sources)
    work = Work(
        subject.name,
        subject.kind,
        whole.title if whole else f"Cohort {subject.name}",
        whole.authors if whole else (),
        whole.year if whole else 0,
        whole.publisher if whole else "",
        whole.doi if whole else "",
        most_restrictive(source.licence for source in sources),
        sources,
        description_path(archive.path, subject.name),
        citation=whole.citation if whole else "",
        publications=whole.publications if whole else (),
    )
    return _as_written(work, written)


def released(work: Work, *, version: str, released_on: date, notes: str, size_bytes: int, file_count: int) -> Work:
    """Give the work as a version of it; its year is that of the version where nobody said another."""
    return replace(
        work,
        version=version,
        released_on=released_on,
        notes=notes,
        size_bytes=size_bytes,
        file_count=file_count,
        year=work.year or released_on.year,
        citation=work.citation if work.is_own_citation else "",
    )


def _as_written(work: Work, written: Description) -> Work:
    """Let a steward's words win; a licence may be stricter than that of the sources, never laxer."""
    given = written.given()
    if "licence" in given:
        given["licence"] = most_restrictive([licence_of(given["licence"]), work.licence])
    if given.keys() & {"title", "authors", "year", "publisher", "doi"} and "citation" not in given:
        given["citation"] = ""
    return replace(work, is_own_citation=bool(given.get("citation")), **given)


def _own_source(archive: Archive, subject: Subject, sources: tuple[Source, ...]) -> Source | None:
    """The data set that a collection is as a whole; a cohort is none."""
    if subject.kind == "cohort":
        return None
    return find_source(archive, subject.name, None) or (sources[0] if len(sources) == 1 else None)


_GROUPS_SQL = """
SELECT source_doi, licence, count(*) AS n FROM series
WHERE collection_id = $collection AND ($all OR "SeriesInstanceUID" IN (SELECT unnest($uids)))
GROUP BY ALL ORDER BY n DESC, source_doi, licence
"""


def _sources(archive: Archive, subject: Subject) -> tuple[Source, ...]:
    """Every data set of the series, under each licence they state."""
    counts: dict[Source, int] = {}
    for collection_id in subject.series_uids:
        for group in subject.ask(_GROUPS_SQL, collection_id):
            source = _source(archive, collection_id, group)
            counts[source] = counts.get(source, 0) + group["n"]
    found = [replace(source, series_count=count) for source, count in counts.items()]
    return tuple(sorted(found, key=lambda one: (-one.series_count, one.collection_id, one.doi, one.licence.name)))


def _source(archive: Archive, collection_id: str, group: Mapping[str, Any]) -> Source:
    found = find_source(archive, collection_id, group["source_doi"])
    if found is None:
        found = source_of_citation("", collection_id=collection_id, doi=group["source_doi"] or "")
    found = with_licence(found, group["licence"])
    written = read_description(archive.path, collection_id)
    return _described(found, written) if _is_original(archive, collection_id, group["source_doi"], written) else found


def _is_original(archive: Archive, collection_id: str, doi: str | None, written: Description) -> bool:
    """Whether a steward's words about a collection mean the data set: not what an analysis derived from it."""
    if doi is None:
        return True
    original = find_source(archive, collection_id, None)
    return doi.lower() in {(written.doi or "").lower(), original.doi.lower() if original else ""}


def _described(source: Source, written: Description) -> Source:
    given = written.given()
    given.pop("description", None)
    if "licence" in given:
        given["licence"] = licence_of(given["licence"])
    return replace(source, **given)


def find_source(archive: Archive, collection_id: str, doi: str | None) -> Source | None:
    """Look a data set up by its DOI, or, without one, a collection's original data."""
    return (
        known_source(collection_id, doi)
        or _of_rows(archive.snapshot().table("sources", collection_id).to_pylist(), doi)
        or _of_rows(index_sources(collection_id), doi)
    )


def _of_rows(rows: Iterable[dict[str, Any]], doi: str | None) -> Source | None:
    for row in rows:
        is_it = row["source_doi"].lower() == doi.lower() if doi else row["analysis_result_id"] is None
        if is_it:
            return source_of_citation(
                row["citation"] or "",
                collection_id=row["collection_id"],
                doi=row["source_doi"],
                title=row["title"] or "",
                licence=row["licence"],
            )
    return None
