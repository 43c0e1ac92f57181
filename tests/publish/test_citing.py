"""Citations of known and unknown works, held against the rules of each form."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hilum.errors import ConfigError
from hilum.model.licences import LICENCES, licence_of, unknown
from hilum.publish.citing import apa, bibtex, bundle, cff
from hilum.publish.datacite import SCHEMA_VERSION, datacite_json, datacite_xml
from hilum.publish.known_sources import CT_LYMPH_NODES, NLST
from hilum.publish.metadata import FILE_NAMES, FORMS, metadata_files
from hilum.publish.sources import Author, Source
from hilum.publish.work import Work, released

CT_CITATION = (
    "Roth, H., Lu, L., Seff, A., Cherry, K. M., Hoffman, J., Wang, S., Liu, J., Turkbey, E., & Summers, R. M. (2015). "
    "A new 2.5 D representation for lymph node detection in CT [Data set]. The Cancer Imaging Archive. "
    "https://doi.org/10.7937/K9/TCIA.2015.AQIIDCNM"
)
"""Word for word as on the collection's page at TCIA."""


def work_of_source(source: Source, *others: Source) -> Work:
    return Work(
        source.collection_id,
        "collection",
        source.title,
        source.authors,
        source.year,
        source.publisher,
        source.doi,
        source.licence,
        (source, *others),
        Path("collections/x.toml"),
        publications=source.publications,
    )


CT = work_of_source(CT_LYMPH_NODES)
RELEASED = released(
    CT, version="5", released_on=date(2023, 3, 31), notes="DICOM SEG", size_bytes=58_400_000_000, file_count=110_179
)
COHORT = replace(
    work_of_source(replace(CT_LYMPH_NODES, series_count=10), replace(NLST, series_count=20)),
    name="nodes",
    kind="cohort",
    title="Nodes & nodules of 50% size_limit",
    authors=(Author("Steward", "A. B."), Author("Trial Team")),
    doi="10.1234/abc",
    publications=(),
)


class TestApa:
    def test_ct_lymph_nodes_word_for_word(self) -> None:
        assert apa(CT) == CT_CITATION

    def test_a_release_names_its_version(self) -> None:
        assert apa(RELEASED) == CT_CITATION.replace(" [Data set]", " (Version 5) [Data set]")

    def test_a_team_and_nobody(self) -> None:
        assert apa(work_of_source(NLST)).startswith("National Lung Screening Trial Research Team. (2013). Data from")
        assert apa(replace(CT, authors=(), year=0, publisher="", doi="")) == f"{CT.title} [Data set]. (n.d.)."

    def test_of_more_than_twenty_authors_the_first_nineteen_and_the_last(self) -> None:
        authors = tuple(Author(f"A{number}", "X.") for number in range(25))
        assert "A18, X., … A24, X. (2015)" in apa(replace(CT, authors=authors))
        assert "A18, X., & A19, X. (2015)" in apa(replace(CT, authors=authors[:20]))


class TestBibtex:
    def test_one_entry_a_work_and_source_with_special_characters_escaped(self) -> None:
        text = bibtex(COHORT)
        assert re.findall(r"^@misc\{(.+),$", text, re.MULTILINE) == ["nodes", "nodes-source-1", "nodes-source-2"]
        assert r"title = {{Nodes \& nodules of 50\% size\_limit}}" in text
        assert "author = {Steward, A. B. and {Trial Team}}" in text
        assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")


CFF_KEYS = {
    "abstract", "authors", "cff-version", "commit", "contact", "date-released", "doi", "identifiers", "keywords",
    "license", "license-url", "message", "preferred-citation", "references", "repository", "repository-artifact",
    "repository-code", "title", "type", "url", "version",
}  # fmt: skip
CFF_REFERENCE_KEYS = {"type", "title", "authors", "year", "version", "doi", "url", "license", "notes"}
"""Those we write, all of them in the schema."""
CFF_DOI = r"10\.\d{4,9}(\.\d+)?/[A-Za-z0-9:/_;\-\.\(\)\[\]\\]+"


def check_cff(text: str) -> dict[str, Any]:
    """Hold a CITATION.cff against the rules of its schema, 1.2.0."""
    values: dict[str, Any] = yaml.safe_load(text)
    assert set(values) <= CFF_KEYS
    assert values["cff-version"] == "1.2.0"
    assert values["type"] == "dataset"
    for item in (values, *values.get("references", ())):
        assert item["title"]
        assert item["authors"]
        assert all(set(author) in ({"family-names", "given-names"}, {"name"}) for author in item["authors"])
        assert all(name for author in item["authors"] for name in author.values())
        assert re.fullmatch(CFF_DOI, item.get("doi", "10.1234/x"))
        assert item.get("license") in {None, *(licence.spdx for licence in LICENCES)}
    for reference in values.get("references", ()):
        assert set(reference) <= CFF_REFERENCE_KEYS
        assert reference["type"] in {"data", "article"}
        assert isinstance(reference.get("year", 2000), int)
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", values.get("date-released", "2000-01-01"))
    return values


class TestCff:
    def test_a_release(self) -> None:
        values = check_cff(cff(RELEASED))
        assert values["version"] == "5"
        assert values["date-released"] == "2023-03-31"
        assert values["license"] == "CC-BY-3.0"
        assert [reference["type"] for reference in values["references"]] == ["article"] * 4

    def test_a_cohort_refers_to_its_sources(self) -> None:
        values = check_cff(cff(COHORT))
        assert [reference["doi"] for reference in values["references"]] == [CT_LYMPH_NODES.doi, NLST.doi]

    def test_a_licence_without_spdx_is_named_by_its_address(self) -> None:
        values = check_cff(cff(replace(CT, licence=licence_of("TCIA Restricted"))))
        assert "license" not in values
        assert values["license-url"].startswith("https://")

    @given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1))
    def test_any_title_survives(self, title: str) -> None:
        assert yaml.safe_load(cff(replace(CT, title=title)))["title"] == title

    def test_without_authors_it_says_where_to_write_them(self) -> None:
        with pytest.raises(ConfigError, match=r"needs authors; write it into collections/x\.toml"):
            cff(replace(CT, authors=()))


RELATIONS = {
    "IsCitedBy", "Cites", "IsSupplementTo", "IsSupplementedBy", "IsContinuedBy", "Continues", "IsNewVersionOf",
    "IsPreviousVersionOf", "IsPartOf", "HasPart", "IsPublishedIn", "IsReferencedBy", "References", "IsDocumentedBy",
    "Documents", "IsCompiledBy", "Compiles", "IsVariantFormOf", "IsOriginalFormOf", "IsIdenticalTo", "HasMetadata",
    "IsMetadataFor", "Reviews", "IsReviewedBy", "IsDerivedFrom", "IsSourceOf", "Describes", "IsDescribedBy",
    "HasVersion", "IsVersionOf", "Requires", "IsRequiredBy", "Obsoletes", "IsObsoletedBy", "Collects", "IsCollectedBy",
}  # fmt: skip
DATE_TYPES = {
    "Accepted", "Available", "Collected", "Copyrighted", "Created", "Issued", "Other", "Submitted", "Updated", "Valid",
    "Withdrawn",
}  # fmt: skip
DATACITE_KEYS = {
    "doi", "types", "creators", "titles", "publisher", "publicationYear", "subjects", "contributors", "dates",
    "language", "alternateIdentifiers", "relatedIdentifiers", "relatedItems", "sizes", "formats", "version",
    "rightsList", "descriptions", "geoLocations", "fundingReferences", "schemaVersion", "container",
}  # fmt: skip
DESCRIPTION_TYPES = {"Abstract", "Methods", "SeriesInformation", "TableOfContents", "TechnicalInfo", "Other"}


def check_datacite(values: dict[str, Any]) -> None:
    """Hold DataCite JSON against the mandatory properties and controlled lists of schema 4.5."""
    assert re.fullmatch(r"10\.\d{4,9}/\S+", values["doi"])
    assert set(values) <= DATACITE_KEYS
    assert all(creator["name"] for creator in values["creators"])
    assert {creator["nameType"] for creator in values["creators"]} <= {"Personal", "Organizational"}
    assert values["titles"][0]["title"]
    assert values["publisher"]["name"]
    assert re.fullmatch(r"[0-9]{4}", values["publicationYear"])
    assert values["types"]["resourceTypeGeneral"] == "Dataset"
    assert values["schemaVersion"] == SCHEMA_VERSION
    assert {one["dateType"] for one in values.get("dates", ())} <= DATE_TYPES
    assert {one["relationType"] for one in values.get("relatedIdentifiers", ())} <= RELATIONS
    assert {one["relatedIdentifierType"] for one in values.get("relatedIdentifiers", ())} <= {"DOI"}
    assert {one["descriptionType"] for one in values.get("descriptions", ())} <= DESCRIPTION_TYPES


class TestDatacite:
    @pytest.mark.parametrize("work", [CT, RELEASED, COHORT], ids=["collection", "release", "cohort"])
    def test_json_has_what_the_schema_demands(self, work: Work) -> None:
        check_datacite(json.loads(datacite_json(work)))

    def test_a_release_and_its_relations(self) -> None:
        values = json.loads(datacite_json(RELEASED))
        assert values["version"] == "5"
        assert values["dates"] == [{"date": "2023-03-31", "dateType": "Updated"}]
        assert values["sizes"] == ["58400000000 bytes", "110179 files"]
        assert values["rightsList"][0]["rightsIdentifier"] == "CC-BY-3.0"
        derived = json.loads(datacite_json(COHORT))["relatedIdentifiers"]
        assert [(one["relationType"], one["relatedIdentifier"]) for one in derived] == [
            ("IsDerivedFrom", CT_LYMPH_NODES.doi),
            ("IsDerivedFrom", NLST.doi),
        ]

    @pytest.mark.parametrize("work", [CT, RELEASED, COHORT], ids=["collection", "release", "cohort"])
    def test_xml_says_the_same_as_json(self, work: Work) -> None:
        values = json.loads(datacite_json(work))
        root = ET.fromstring(datacite_xml(work))
        name = f"{{{SCHEMA_VERSION}}}"

        def texts(path: str) -> list[str | None]:
            return [element.text for element in root.findall("/".join(name + part for part in path.split("/")))]

        assert root.tag == f"{name}resource"
        assert texts("identifier") == [values["doi"]]
        assert texts("creators/creator/creatorName") == [creator["name"] for creator in values["creators"]]
        assert texts("titles/title") == [values["titles"][0]["title"]]
        assert texts("publisher") == [values["publisher"]["name"]]
        assert texts("publicationYear") == [values["publicationYear"]]
        assert texts("version") == ([values["version"]] if "version" in values else [])
        assert texts("sizes/size") == values.get("sizes", [])
        related = root.findall(f"{name}relatedIdentifiers/{name}relatedIdentifier")
        expected = values.get("relatedIdentifiers", [])
        assert [{**one.attrib, "relatedIdentifier": one.text} for one in related] == expected
        (rights,) = root.findall(f"{name}rightsList/{name}rights")
        assert rights.attrib["rightsURI"] == values["rightsList"][0]["rightsUri"]
        # The schema is an xs:all: each of its children stands once.
        tags = [child.tag for child in root]
        assert len(tags) == len(set(tags))

    def test_without_doi_it_says_where_to_write_it(self) -> None:
        with pytest.raises(ConfigError, match="needs doi, publisher; write it into"):
            datacite_json(replace(CT, doi="", publisher=""))


class TestBundle:
    def test_every_source_with_citation_and_licence_and_the_one_that_decides(self) -> None:
        text = bundle(COHORT)
        assert "Licence of the whole: **CC BY 3.0**" in text
        for source in COHORT.sources:
            assert f"### {source.title}" in text
            assert source.licence.url in text
            for publication in source.publications:
                assert publication.citation in text
        assert CT_CITATION in text
        assert "nlst, 20 series" in text

    def test_an_unknown_licence_is_said_to_be_unknown(self) -> None:
        text = bundle(replace(COHORT, licence=unknown("house rules")))
        assert "Licence of the whole: **house rules**." in text
        assert "not known to hilum" in text


def test_forms_that_cannot_be_written_are_told_and_the_others_are_there() -> None:
    files, remarks = metadata_files(replace(CT, authors=(), doi=""))
    assert sorted(files) == ["LICENCES.md", "citation.bib", "citation.txt"]
    assert [remark.split(":")[0] for remark in remarks] == ["no CITATION.cff", "no datacite.json", "no datacite.xml"]
    assert set(FILE_NAMES) == set(FORMS)
