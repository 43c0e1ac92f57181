"""What is cited: which data sets a collection or cohort is made of, and which licence decides."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from hilum.catalog import Archive
from hilum.cohort import Criteria, build_cohort
from hilum.errors import ConfigError
from hilum.model.tables import SERIES
from hilum.publish.citing import apa, cff
from hilum.publish.contents import choose
from hilum.publish.described import description_path
from hilum.publish.work import Work, released, work_of

if TYPE_CHECKING:
    from pathlib import Path

CT_DOI = "10.7937/k9/tcia.2015.aqiidcnm"


def archive_of(folder: Path, **collections: list[dict[str, Any]]) -> Archive:
    """An archive whose series have the given columns."""
    archive = Archive.create(folder / "archive")
    for collection_id, series in collections.items():
        rows = [
            {
                "collection_id": collection_id,
                "PatientID": "P1",
                "StudyInstanceUID": "1.1",
                "SeriesInstanceUID": f"1.{len(collection_id)}.{number}",
                "Modality": "CT",
                "image_kind": "axial",
                "instance_count": 1,
                "size_bytes": 1,
            }
            | columns
            for number, columns in enumerate(series)
        ]
        table = pa.Table.from_pylist(rows, schema=SERIES.arrow_schema())
        archive.update(collection_id, lambda _, table=table: {"series": table}, note="test")  # type: ignore[misc]
    return archive


def describe(archive: Archive, name: str, text: str) -> None:
    path = description_path(archive.path, name)
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def work(archive: Archive, name: str) -> Work:
    return work_of(archive, choose(archive, name))


def mixture(folder: Path, **columns: Any) -> Archive:
    """A cohort ``mix`` of NLST, CT Lymph Nodes, and a collection ``own`` with the given columns."""
    archive = archive_of(
        folder,
        nlst=[{"licence": "CC BY 4.0", "source_doi": "10.7937/tcia.hmq8-j677"}] * 1,
        ct_lymph_nodes=[{"licence": "CC BY 3.0", "source_doi": CT_DOI}, {}],
        own=[columns],
    )
    build_cohort(archive, "mix", Criteria()).save(archive)
    return archive


def test_a_collection_hilum_knows_needs_no_word(tmp_path: Path) -> None:
    found = work(archive_of(tmp_path, ct_lymph_nodes=[{}]), "ct_lymph_nodes")
    assert found.doi == "10.7937/K9/TCIA.2015.AQIIDCNM"
    assert found.licence.name == "CC BY 3.0"
    assert len(found.publications) == 4
    assert found.derived_from == ()


def test_a_collection_of_the_public_index_is_cited_as_the_index_says(tmp_path: Path) -> None:
    found = work(archive_of(tmp_path, lidc_idri=[{}]), "lidc_idri")
    assert found.citation.endswith("https://doi.org/10.7937/K9/TCIA.2015.LO9QL9SX")
    assert found.publisher == "The Cancer Imaging Archive"


def test_a_cohort_has_every_source_and_the_licence_that_holds_back_most(tmp_path: Path) -> None:
    found = work(mixture(tmp_path, licence="CC BY-NC 4.0"), "mix")
    counts = [(source.collection_id, source.series_count, source.licence.name) for source in found.sources]
    assert counts == [("ct_lymph_nodes", 2, "CC BY 3.0"), ("nlst", 1, "CC BY 4.0"), ("own", 1, "CC BY-NC 4.0")]
    assert found.licence.name == "CC BY-NC 4.0"
    assert found.title == "Cohort mix"
    assert len(found.derived_from) == 3


def test_a_licence_nobody_stated_decides_over_all(tmp_path: Path) -> None:
    found = work(mixture(tmp_path), "mix")
    assert not found.licence.is_known
    assert found.licence.demands.startswith("not known")


def test_what_the_steward_wrote_about_a_collection_holds_in_a_cohort(tmp_path: Path) -> None:
    archive = mixture(tmp_path)
    describe(archive, "own", 'title = "Own scans"\nauthors = ["We, A."]\nlicence = "CC0"\ndoi = "10.1234/own"\n')
    found = work(archive, "mix")
    own = next(source for source in found.sources if source.collection_id == "own")
    assert (own.title, own.doi, own.licence.name) == ("Own scans", "10.1234/own", "CC0 1.0")
    assert found.licence.name == "CC BY 3.0"


def test_a_steward_may_make_a_cohort_stricter_never_freer(tmp_path: Path) -> None:
    archive = mixture(tmp_path, licence="CC BY-NC 4.0")
    describe(archive, "mix", 'licence = "CC0"\n')
    assert work(archive, "mix").licence.name == "CC BY-NC 4.0"
    describe(archive, "mix", 'licence = "TCIA Restricted"\n')
    assert work(archive, "mix").licence.name == "TCIA Restricted"


def test_a_described_cohort_can_be_cited_an_undescribed_one_says_what_is_missing(tmp_path: Path) -> None:
    archive = mixture(tmp_path, licence="CC BY 4.0")
    with pytest.raises(ConfigError, match=r"collections/mix\.toml"):
        cff(work(archive, "mix"))
    describe(archive, "mix", 'title = "Nodes"\nauthors = ["We, A."]\n')
    assert 'title: "Nodes"' in cff(work(archive, "mix"))


def test_an_index_citation_gives_way_to_what_the_steward_wrote(tmp_path: Path) -> None:
    archive = archive_of(tmp_path, lidc_idri=[{}])
    describe(archive, "lidc_idri", 'title = "LIDC, our part"\n')
    found = work(archive, "lidc_idri")
    assert (found.title, found.citation) == ("LIDC, our part", "")


def test_series_of_one_data_set_under_two_licences_are_two_sources(tmp_path: Path) -> None:
    rows = [{"licence": "CC BY 3.0", "source_doi": CT_DOI}, {"licence": "CC BY-NC 3.0", "source_doi": CT_DOI}]
    found = work(archive_of(tmp_path, ct_lymph_nodes=rows), "ct_lymph_nodes")
    assert [source.licence.name for source in found.sources] == ["CC BY 3.0", "CC BY-NC 3.0"]
    assert found.licence.name == "CC BY-NC 3.0"


def test_a_stewards_words_mean_the_original_data_not_what_was_derived_from_it(tmp_path: Path) -> None:
    rows = [{"source_doi": "10.7937/tcia.hmq8-j677"}, {"source_doi": "10.5281/zenodo.15643334"}]
    archive = archive_of(tmp_path, nlst=rows)
    describe(archive, "nlst", 'title = "NLST, our part"\n')
    titles = {source.doi.lower(): source.title for source in work(archive, "nlst").sources}
    assert titles["10.7937/tcia.hmq8-j677"] == "NLST, our part"
    assert titles["10.5281/zenodo.15643334"].startswith("NLST-Sybil")


def test_a_release_is_cited_with_its_version_or_in_the_stewards_own_words(tmp_path: Path) -> None:
    archive = archive_of(tmp_path, lidc_idri=[{}])
    version = partial(released, version="7", released_on=date(2026, 1, 1), notes="", size_bytes=1, file_count=1)
    assert "(Version 7)" in apa(version(work(archive, "lidc_idri")))
    describe(archive, "lidc_idri", 'citation = "Cite us so."\n')
    assert apa(version(work(archive, "lidc_idri"))) == "Cite us so."
