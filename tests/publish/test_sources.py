"""Citations taken apart: authors, year, title; as the real index has them."""

from __future__ import annotations

import pytest

from hilum.catalog.idc import index_folder, index_sources
from hilum.publish.known_sources import CT_LYMPH_NODES, KNOWN_SOURCES, known_source
from hilum.publish.sources import Author, Publication, parse_authors, parse_publication, source_of_citation


@pytest.mark.parametrize(
    ("text", "authors"),
    [
        ("Roth, H.", [("Roth", "H.")]),
        ("Roth, H., Cherry, K. M., & Summers, R. M.", [("Roth", "H."), ("Cherry", "K. M."), ("Summers", "R. M.")]),
        ("Shin, H.-C., & Van Dyke, T.", [("Shin", "H.-C."), ("Van Dyke", "T.")]),
        ("Li, W., … Hylton, N. M.", [("Li", "W."), ("Hylton", "N. M.")]),
        ("National Lung Screening Trial Research Team.", [("National Lung Screening Trial Research Team", "")]),
        ("Deepa Krishnaswamy, & Andrey Fedorov.", [("Deepa Krishnaswamy", ""), ("Andrey Fedorov", "")]),
        ("Hadjiiski, Lubomir; Drukker, Karen", [("Hadjiiski", "Lubomir"), ("Drukker", "Karen")]),
        ("", []),
    ],
)
def test_authors(text: str, authors: list[tuple[str, str]]) -> None:
    assert parse_authors(text) == tuple(Author(*names) for names in authors)


def test_a_citation_taken_apart() -> None:
    found = source_of_citation(
        "National Lung Screening Trial Research Team. (2013). Data from the National Lung Screening Trial (NLST) "
        "(Version 3) [Data set]. The Cancer Imaging Archive. https://doi.org/10.7937/TCIA.HMQ8-J677",
        collection_id="nlst",
        doi="10.7937/tcia.hmq8-j677",
        licence="CC BY 4.0",
    )
    assert found.authors == (Author("National Lung Screening Trial Research Team"),)
    assert (found.year, found.version, found.publisher) == (2013, "3", "The Cancer Imaging Archive")
    assert found.title == "Data from the National Lung Screening Trial (NLST)"
    assert found.doi == "10.7937/TCIA.HMQ8-J677"
    assert found.licence.name == "CC BY 4.0"


def test_a_citation_of_another_form_keeps_its_words_and_invents_nothing() -> None:
    found = source_of_citation("Ask Bob.", collection_id="c", doi="10.1/x", title="Scans", licence=None)
    assert (found.citation, found.title, found.doi) == ("Ask Bob.", "Scans", "10.1/x")
    assert (found.authors, found.year, found.publisher) == ((), 0, "")
    assert not found.licence.is_known


def test_citations_of_the_public_index_are_understood() -> None:
    import duckdb

    path = str(index_folder() / "collections_index.parquet")
    sql = "SELECT collection_id FROM read_parquet(?) ORDER BY collection_id"
    every_eighth = duckdb.execute(sql, [path]).fetchall()[::8]
    rows = [row for (collection_id,) in every_eighth for row in index_sources(collection_id)]
    assert len(rows) > 20
    for row in rows:
        found = source_of_citation(
            row["citation"], collection_id=row["collection_id"], doi=row["source_doi"], licence=row["licence"]
        )
        assert found.authors, row["citation"]
        assert 2000 < found.year < 2100
        assert found.publisher in {"The Cancer Imaging Archive", "Zenodo"}
        assert found.doi.lower() == row["source_doi"].lower()
        assert found.licence.is_known


def test_what_hilum_knows_word_for_word_is_what_the_index_has() -> None:
    for source in KNOWN_SOURCES:
        row = next(
            row for row in index_sources(source.collection_id) if row["source_doi"].lower() == source.doi.lower()
        )
        told = source_of_citation(row["citation"], collection_id=source.collection_id, licence=row["licence"])
        assert (source.authors, source.year, source.publisher) == (told.authors, told.year, told.publisher)
        assert source.licence == told.licence
        assert told.title.startswith(source.title)


def test_a_known_data_set_is_found_by_doi_or_as_original_data() -> None:
    assert known_source("ct_lymph_nodes", None) is CT_LYMPH_NODES
    assert known_source("other", "10.7937/k9/tcia.2015.aqiidcnm") is CT_LYMPH_NODES
    assert known_source("nlst", "10.5281/zenodo.12689650") is None


def test_publications_are_taken_apart() -> None:
    titles = [parse_publication(one).title for one in CT_LYMPH_NODES.publications]
    assert titles[1] == "The Cancer Imaging Archive (TCIA): Maintaining and Operating a Public Information Repository"
    odd = parse_publication(Publication("a paper", "10.1/x", "the publication"))
    assert (odd.title, odd.year) == ("a paper", 0)
