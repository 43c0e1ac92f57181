"""Licences: every spelling that occurs is understood, and what is not understood is never free."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum.model.licences import LICENCES, Restriction, licence_of, most_restrictive, unknown

if TYPE_CHECKING:
    from hilum.model.licences import Licence


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("CC BY 4.0", "CC BY 4.0"),
        ("cc-by-4.0", "CC BY 4.0"),
        ("Creative Commons Attribution 4.0 International", "CC BY 4.0"),
        ("Creative Commons Attribution 4.0 International License", "CC BY 4.0"),
        ("Creative Commons Attribution 3.0 Unported License", "CC BY 3.0"),
        ("CC BY \n3.0", "CC BY 3.0"),
        ("https://creativecommons.org/licenses/by/3.0/", "CC BY 3.0"),
        ("http://creativecommons.org/licenses/by-nc/4.0/legalcode", "CC BY-NC 4.0"),
        ("Creative Commons Attribution-NonCommercial 3.0 Unported License", "CC BY-NC 3.0"),
        ("CC BY-NC-SA 4.0", "CC BY-NC-SA 4.0"),
        ("Creative Commons Attribution-NonCommercial-ShareAlike 4.0 International", "CC BY-NC-SA 4.0"),
        ("Attribution-NoDerivatives 4.0", "Attribution-NoDerivatives 4.0"),
        ("CC0", "CC0 1.0"),
        ("CC0 1.0 Universal", "CC0 1.0"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0 1.0"),
        ("TCIA Restricted License Agreement", "TCIA Restricted"),
        ("TCIA Restricted", "TCIA Restricted"),
        ("TCIA Limited Access License", "TCIA Limited Access"),
        ("TCIA Data Usage Policy and Restrictions", "TCIA Data Usage Policy"),
        ("NIH Controlled Data Access Policy", "NIH Controlled Data Access"),
        ("NCTN/NCORP Data Archive", "NCTN/NCORP Data Archive"),
    ],
)
def test_spellings_that_occur(text: str, name: str) -> None:
    assert licence_of(text).name == name


@pytest.mark.parametrize(
    "text", [None, "", "CC BY", "CC BY 9.0", "CC BY-SA-ND 4.0", "free", "CC BY 4.0 or so", "by nc"]
)
def test_what_is_not_surely_known_is_not_known(text: str | None) -> None:
    found = licence_of(text)
    assert not found.is_known
    assert found.needs_agreement
    assert found.spdx is None


def test_every_licence_of_the_idc_index_is_known() -> None:
    import duckdb
    import idc_index_data

    assert idc_index_data.IDC_INDEX_PARQUET_FILEPATH is not None
    folder = idc_index_data.IDC_INDEX_PARQUET_FILEPATH.parent
    index = str(folder / "idc_index.parquet")
    collections = str(folder / "collections_index.parquet")
    sql = """
        SELECT DISTINCT license_short_name FROM read_parquet(?) UNION
        SELECT DISTINCT s.license.license_long_name FROM (SELECT unnest(sources) AS s FROM read_parquet(?))"""
    names = [row[0] for row in duckdb.execute(sql, [index, collections]).fetchall()]
    assert len(names) > 5
    assert [name for name in names if not licence_of(name).is_known] == []


@pytest.mark.parametrize("licence", LICENCES, ids=lambda licence: licence.name)
def test_a_licence_is_found_by_each_of_its_own_names(licence: Licence) -> None:
    assert licence_of(licence.name) == licence
    assert licence_of(licence.title) == licence
    if licence.spdx:
        assert licence_of(licence.spdx) == licence
        assert licence_of(licence.url) == licence


def test_the_most_restrictive_decides() -> None:
    names = ["CC BY 3.0", "CC0", "CC BY 4.0"]
    assert most_restrictive(map(licence_of, names)).name == "CC BY 3.0"
    assert most_restrictive(map(licence_of, [*names, "CC BY-NC 4.0"])).name == "CC BY-NC 4.0"
    assert most_restrictive(map(licence_of, [*names, "CC BY-NC 4.0", "TCIA Restricted"])).name == "TCIA Restricted"


def test_one_unknown_licence_stands_above_all() -> None:
    assert most_restrictive([*LICENCES, unknown("house rules")]).name == "house rules"
    assert not most_restrictive([]).is_known


@given(st.lists(st.sampled_from(LICENCES), min_size=1))
def test_none_of_a_mixture_holds_back_more(licences: list[Licence]) -> None:
    decides = most_restrictive(licences)
    assert decides in licences
    assert all(licence.restriction <= decides.restriction for licence in licences)


@given(st.text())
def test_any_text_gives_a_licence(text: str) -> None:
    assert licence_of(text).name


def test_demands_are_told() -> None:
    assert licence_of("CC0").demands == "nothing"
    assert licence_of("CC BY 4.0").demands == "citation"
    assert licence_of("CC BY-NC-SA 4.0").demands == ("no commercial use; citation; derived data under the same licence")
    assert licence_of("TCIA Restricted").demands == "signed agreement or granted access; citation"
    assert licence_of("whatever").demands.startswith("not known")
    assert licence_of("whatever").restriction is Restriction.UNKNOWN
