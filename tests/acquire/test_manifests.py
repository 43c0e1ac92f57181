"""Manifests of every dialect: one cohort through each and back, real forms, and lines that are refused by number."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquire.strategies import cohorts, identifiers
from hilum.acquire.layouts import TemplateLayout
from hilum.acquire.manifests import Dialect, read_manifest, write_manifest
from hilum.acquire.manifests.reading import recognise
from hilum.acquire.manifests.s5cmd import read_s5cmd
from hilum.acquire.manifests.tcia import api_url
from hilum.acquire.wanted import WantedFile, WantedSeries
from hilum.errors import FormatError

if TYPE_CHECKING:
    from pathlib import Path

    from hilum.acquire.manifests import Manifest

UID = "1.3.6.1.4.1.14519.5.2.1.6834.5010.155488857019753544209698582121"
OTHER_UID = "61.7.148285309764165720604230158474"
UUID = "085e85b3-3780-47f6-8538-585bcca95336"
OTHER_UUID = "6079cc3b-4b0f-41ec-bdbb-c6e754e88229"

TCIA = f"""downloadServerUrl=https://nbia.cancerimagingarchive.net/nbia-download/servlet/DownloadServlet
includeAnnotation=true
noOfrRetry=4
databasketId=manifest-1599750808610.tcia
manifestVersion=3.0
ListOfSeriesToDownload=
{UID}
{OTHER_UID}
"""


def _read(folder: Path, text: str, name: str = "named-for-nothing.txt") -> Manifest:
    path = folder / name
    path.write_bytes(text.encode())
    return read_manifest(path)


def _told_by(dialect: Dialect, series: WantedSeries) -> object:
    """What a manifest of the dialect keeps of a series."""
    match dialect:
        case Dialect.TCIA:
            return series.series_uid
        case Dialect.S5CMD:
            return series.location
        case Dialect.IDC:
            return series.series_uid, series.attributes["crdc_series_uuid"]
        case _:
            return replace(series, attributes={}), series.attributes["crdc_series_uuid"]


@pytest.mark.parametrize("dialect", [Dialect.TCIA, Dialect.S5CMD, Dialect.CSV, Dialect.TSV, Dialect.IDC])
@given(cohort=cohorts)
def test_a_cohort_comes_back_from_each_dialect(
    dialect: Dialect, cohort: list[WantedSeries], tmp_path_factory: pytest.TempPathFactory
) -> None:
    written = write_manifest(cohort, dialect)
    found = _read(tmp_path_factory.mktemp("manifest"), written.text)
    assert (found.dialect, written.series, written.refusals) == (dialect, len(cohort), ())
    assert (found.refusals, found.repeated) == ((), 0)
    assert [_told_by(dialect, one) for one in found.series] == [_told_by(dialect, one) for one in cohort]


@given(cohort=cohorts, name=identifiers, sizes=st.lists(st.none() | st.integers(0, 10**12), min_size=1, max_size=4))
def test_a_cohort_comes_back_from_a_bag(
    cohort: list[WantedSeries], name: str, sizes: list[int | None], tmp_path_factory: pytest.TempPathFactory
) -> None:
    name = name.replace("/", "_")
    files = {
        one.key: tuple(
            WantedFile(f"{i}{name}", size, location=f"{one.location}{i}.dcm") for i, size in enumerate(sizes)
        )
        for one in cohort
    }
    written = write_manifest(cohort, Dialect.BAGIT, files=files)
    found = _read(tmp_path_factory.mktemp("bag"), written.text)
    assert found.dialect == Dialect.BAGIT
    assert not found.refusals
    assert [(one.series_uid, one.modality, one.instance_count) for one in found.series] == [
        (one.series_uid, one.modality, len(sizes)) for one in cohort
    ]
    for one in cohort:
        assert [(file.name, file.size_bytes) for file in found.files[one.key]] == [
            (f"{i}{name}", size) for i, size in enumerate(sizes)
        ]


@given(cohort=cohorts)
def test_translations_agree(cohort: list[WantedSeries], tmp_path_factory: pytest.TempPathFactory) -> None:
    """CSV holds all there is: what is written from it is what is written from the cohort."""
    folder = tmp_path_factory.mktemp("translated")
    table = _read(folder, write_manifest(cohort, Dialect.CSV).text)
    for dialect in (Dialect.TCIA, Dialect.S5CMD, Dialect.IDC, Dialect.TSV):
        assert write_manifest(table.series, dialect).text == write_manifest(cohort, dialect).text


@given(text=st.text(max_size=300))
def test_any_text_is_a_manifest_or_refused_plainly(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("any") / "any"
    path.write_bytes(text.encode())
    with suppress(FormatError):
        assert read_manifest(path).series


@given(cohort=cohorts, cut=st.integers(0, 200), insert=st.text(st.characters(exclude_characters="\ufeff"), max_size=20))
def test_a_damaged_manifest_loses_no_line(
    cohort: list[WantedSeries], cut: int, insert: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    text = write_manifest(cohort, Dialect.S5CMD).text
    place = len(text) - min(cut, len(text))
    text = text[:place] + insert + text[place:]
    path = tmp_path_factory.mktemp("damaged") / "damaged"
    try:
        found = read_s5cmd(path, text)
    except FormatError:
        return
    lines = [line for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#")]
    assert len(found.series) + len(found.refusals) + found.repeated == len(lines)


def test_tcia_as_the_portal_writes_it(tmp_path: Path) -> None:
    found = _read(tmp_path, TCIA)
    assert [one.series_uid for one in found.series] == [UID, OTHER_UID]
    assert api_url(found.server_url) == "https://nbia.cancerimagingarchive.net/nbia-api/"


@pytest.mark.parametrize("change", [("\n", "\r\n"), (f"{UID}\n", f" {UID},\n\n"), ("downloadS", "\ufeffdownloadS")])
def test_tcia_as_editors_leave_it(tmp_path: Path, change: tuple[str, str]) -> None:
    found = _read(tmp_path, TCIA.replace(*change))
    assert [one.series_uid for one in found.series] == [UID, OTHER_UID]
    assert not found.refusals


@pytest.mark.parametrize(
    "text",
    [
        TCIA.replace("=", " = "),
        TCIA.replace("manifestVersion", "manifestversion").replace("downloadServerUrl", "DOWNLOADSERVERURL"),
        TCIA.replace("ListOfSeries", "listofseries").replace("Version=3.0", "Version=3"),
        TCIA.replace(f"{UID}\n{OTHER_UID}", f"{UID},{OTHER_UID}"),
        TCIA.replace(f"{UID}\n{OTHER_UID}", f",{UID} , {OTHER_UID},"),
    ],
)
def test_tcia_as_programs_write_it(tmp_path: Path, text: str) -> None:
    found = _read(tmp_path, text)
    assert [one.series_uid for one in found.series] == [UID, OTHER_UID]
    assert found.server_url == TCIA.partition("\n")[0].partition("=")[2]
    assert found.refusals == ()


def test_tcia_lines_are_refused_by_number(tmp_path: Path) -> None:
    found = _read(tmp_path, f"{TCIA}P-0001\n{UID}\n", "list.tcia")
    assert [(refusal.item, refusal.check) for refusal in found.refusals] == [
        (f"{tmp_path}/list.tcia:9", "malformed-line")
    ]
    assert "'P-0001', expected a SeriesInstanceUID" in found.refusals[0].reason
    assert (len(found.series), found.repeated) == (2, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TCIA.replace("3.0", "1.0"), "manifestVersion 1.0"),
        (TCIA.replace("manifestVersion=3.0\n", ""), "manifestVersion is not given"),
        (TCIA.partition(UID)[0], "no series in this tcia manifest"),
    ],
)
def test_tcia_that_cannot_be_used(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        _read(tmp_path, text)


def test_an_api_needs_its_servlet() -> None:
    with pytest.raises(FormatError, match="expected https://HOST/nbia-download"):
        api_url("https://example.org/elsewhere")


@pytest.mark.parametrize(
    "line",
    [
        "cp s3://idc-open-data/{uuid}/* .",
        "cp s3://idc-open-data/{uuid}/*  .",
        'cp --concurrency 10 -n "s3://idc-open-data/{uuid}/*" "a folder/of mine/"',
        "sync s3://idc-open-data/{uuid}/* out",
        "s5cmd --no-sign-request --endpoint-url https://s3.amazonaws.com cp 's3://idc-open-data/{uuid}/*' . # one",
        "--endpoint-url=https://s3.amazonaws.com cp s3://idc-open-data/{uuid}/* .\r",
    ],
)
def test_s5cmd_as_tools_write_it(tmp_path: Path, line: str) -> None:
    found = _read(tmp_path, f"# run with s5cmd\n\n{line.format(uuid=UUID)}\n")
    (series,) = found.series
    assert found.dialect == Dialect.S5CMD
    assert series.location == f"s3://idc-open-data/{UUID}/"
    assert series.attributes == {"crdc_series_uuid": UUID}


def test_a_number_sign_is_a_letter_of_a_folder(tmp_path: Path) -> None:
    found = _read(tmp_path, "cp s3://b/x/a#1/* .\ncp s3://b/y/* . # the second\ncp 's3://b/z #2/*' .\n")
    assert [one.location for one in found.series] == ["s3://b/x/a#1/", "s3://b/y/", "s3://b/z #2/"]
    assert (found.files, found.refusals) == ({}, ())


def test_s5cmd_names_its_endpoint_in_a_comment(tmp_path: Path) -> None:
    text = f"# s5cmd --no-sign-request --endpoint-url https://storage.googleapis.com run x\ncp s3://a/{UUID}/* .\n"
    assert _read(tmp_path, text).server_url == "https://storage.googleapis.com"


def test_s5cmd_of_single_files(tmp_path: Path) -> None:
    found = _read(tmp_path, f"cp s3://b/{UUID}/1.dcm .\ncp s3://b/{UUID}/2.dcm .\n")
    assert [file.name for file in found.files[f"s3://b/{UUID}/"]] == ["1.dcm", "2.dcm"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("rm s3://b/c/*", "command 'rm'"),
        ("cp s3://b/c/*.dcm .", "chooses among the files of a folder"),
        ("cp --exclude '*.txt' s3://b/c/* .", "flag --exclude"),
        ("cp s3://b/* .", "expected s3://BUCKET/FOLDER"),
        ("cp s3://b/*/c/* .", "expected s3://BUCKET/FOLDER"),
        ("cp 's3://b/c/* .", "is no command"),
        ("cp here there", "no s3:// URL"),
        ("cp --endpoint-url https://other.example s3://b/c/* .", "endpoint https://other.example"),
    ],
)
def test_s5cmd_lines_are_refused_by_number(tmp_path: Path, line: str, reason: str) -> None:
    endpoint = "# s5cmd --endpoint-url https://s3.amazonaws.com run\n"
    found = _read(tmp_path, f"{endpoint}cp s3://idc-open-data/{UUID}/* .\n{line}\n")
    (refusal,) = found.refusals
    assert refusal.item.endswith(":3")
    assert reason in refusal.reason


IDC_PORTAL = f"""Manifest for cohort 'lung, all'
User: someone@example.org
Filters: (collection_id = nlst)
Date generated: 05/04/2023 08:07 UTC
Total records found: 1
IDC Data Version(s): Version 14
PatientID,collection_id,source_DOI,StudyInstanceUID,SeriesInstanceUID,crdc_study_uuid,crdc_series_uuid,idc_version
100_HM10395,4d_lung,10.7937/k9/tcia.2016.eln8ygle,1.2.3,{UID},{OTHER_UUID},{UUID},14
"""
TCIA_CART = f"""Patient ID,Study UID,Study Date,Study Description,Series ID,\
Series Description,Number of images,File Size,Annotation File Size
100_HM10395,1.2.3,01/02/2000,"chest, routine",{UID},"lung",50,26405988,0
"""


def test_csv_of_the_idc_portal(tmp_path: Path) -> None:
    (series,) = _read(tmp_path, IDC_PORTAL).series
    assert series == WantedSeries("4d_lung", "100_HM10395", "1.2.3", UID)
    assert series.attributes["crdc_series_uuid"] == UUID
    assert series.attributes["source_DOI"] == "10.7937/k9/tcia.2016.eln8ygle"


def test_csv_of_the_tcia_portal(tmp_path: Path) -> None:
    (series,) = _read(tmp_path, TCIA_CART).series
    assert series == WantedSeries(
        participant_id="100_HM10395", study_uid="1.2.3", series_uid=UID, instance_count=50, size_bytes=26405988
    )
    assert series.attributes["StudyDescription"] == "chest, routine"


@pytest.mark.parametrize(
    "text", [f"{UID}\n{OTHER_UID}\n", f"SeriesInstanceUID\n{UID}\n{OTHER_UID}", f'"{UID}",\n{OTHER_UID},']
)
def test_a_plain_list(tmp_path: Path, text: str) -> None:
    found = _read(tmp_path, text)
    assert found.dialect == Dialect.CSV
    assert [one.series_uid for one in found.series] == [UID, OTHER_UID]


def test_csv_with_bucket_and_uuid_has_a_location(tmp_path: Path) -> None:
    (series,) = _read(tmp_path, f"aws_bucket,crdc_series_uuid\nidc-open-data,{UUID}\n").series
    assert series.location == f"s3://idc-open-data/{UUID}/"


@pytest.mark.parametrize(
    "person", ["a\u2028b", "a\x0bb", "a\x85b", "a\x1cb", "a\nb", "a\tb", 'a"b', "a#b", "'", "=1+1"]
)
@pytest.mark.parametrize("dialect", [Dialect.CSV, Dialect.TSV])
def test_odd_letters_of_a_participant_break_no_row(tmp_path: Path, person: str, dialect: Dialect) -> None:
    series = [
        WantedSeries(participant_id=person, series_uid=UID),
        WantedSeries(participant_id="b", series_uid=OTHER_UID),
    ]
    found = _read(tmp_path, write_manifest(series, dialect).text)
    assert ([one.participant_id for one in found.series], found.refusals) == ([person, "b"], ())


def test_a_quote_that_is_never_closed_swallows_no_row(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="is a quote not closed"):
        _read(tmp_path, f'SeriesInstanceUID,PatientID\n{UID},"P1\n{OTHER_UID},P2\n')


def test_csv_lines_are_refused_by_number(tmp_path: Path) -> None:
    text = f"x\tSeriesInstanceUID\n1\t{UID}\n2\tno uid\n3\n\n4\t\n5\t{OTHER_UID}\n"
    found = _read(tmp_path, text)
    assert found.dialect == Dialect.TSV
    assert [refusal.item.rpartition(":")[2] for refusal in found.refusals] == ["3", "4", "6"]
    assert [one.series_uid for one in found.series] == [UID, OTHER_UID]


def test_names_of_columns_in_a_comment(tmp_path: Path) -> None:
    (series,) = _read(tmp_path, f"# SeriesInstanceUID,PatientID\n{UID},P1\n").series
    assert (series.series_uid, series.participant_id) == (UID, "P1")


def test_rounded_sizes_are_no_sizes(tmp_path: Path) -> None:
    """Nothing can be checked against ``163.31 KB``."""
    (series,) = _read(tmp_path, f"Series UID,File Size\n{UID},163.31 KB\n").series
    assert series.size_bytes is None


@pytest.mark.parametrize(
    "text",
    [
        f'{{"SeriesInstanceUID": "{UID}", "crdc_series_uuid": "{UUID}"}}\n{{"crdc_series_uuid": "{OTHER_UUID}"}}\n',
        json.dumps([{"SeriesInstanceUID": UID, "crdc_series_uuid": UUID}, {"crdc_series_uuid": OTHER_UUID}]),
        json.dumps([UUID, OTHER_UUID], indent=2),
        json.dumps({"crdc_series_uuid": [UUID, OTHER_UUID]}),
    ],
)
def test_selections_of_idc(tmp_path: Path, text: str) -> None:
    found = _read(tmp_path, text)
    assert found.dialect == Dialect.IDC
    assert [one.attributes["crdc_series_uuid"] for one in found.series] == [UUID, OTHER_UUID]


def test_a_selection_of_one(tmp_path: Path) -> None:
    (series,) = _read(tmp_path, json.dumps({"seriesInstanceUID": UID})).series
    assert series.series_uid == UID


def test_selection_lines_are_refused_by_number(tmp_path: Path) -> None:
    text = f'[\n "{UUID}",\n 7,\n "no uuid"\n]\n'
    assert [refusal.item.rpartition(":")[2] for refusal in _read(tmp_path, text).refusals] == ["3", "4"]
    text = f'{{"crdc_series_uuid": "{UUID}"}}\n{{"crdc_ser\n'
    assert [refusal.item.rpartition(":")[2] for refusal in _read(tmp_path, text).refusals] == ["2"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"collection_id": ["nlst"]}', "selects by collection_id"),
        (json.dumps({"crdc_series_uuid": [UUID], "seriesInstanceUID": [UID, OTHER_UID]}), "unequal length"),
        ("{", ":1: no JSON"),
        ("# only\n# comments\n", "nothing but comments"),
        ("PatientID,age\nP1,60\n", "begins no manifest that is known"),
        ("", "nothing but comments"),
        ("SeriesInstanceUID\n" + '"' + "x" * 200_000, "is a quote not closed"),
        ("[" * 100_000, "arrays in arrays without end|no JSON"),
        ('{"crdc_series_uuid": "x"}\n' + "[" * 100_000, ":1: found 'x', expected"),
    ],
)
def test_what_is_no_manifest(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        _read(tmp_path, text)


def test_a_manifest_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"absent.tcia: cannot be read \(No such file"):
        read_manifest(tmp_path / "absent.tcia")


def test_a_manifest_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\xff\xfe\x00" * 10)
    with pytest.raises(FormatError, match="no text in UTF-8"):
        read_manifest(tmp_path / "x")


def test_fetch_as_rfc_8493_has_it(tmp_path: Path) -> None:
    found = _read(
        tmp_path,
        f"https://example.org/a/1.dcm 512 data/nlst/P%25 1/1.2.3/CT_{UID}/1.dcm\n"
        f"https://example.org/a/2.dcm - data/nlst/P%25 1/1.2.3/CT_{UID}/two parts.dcm\n"
        f"https://example.org/b/{UUID}/3.dcm 7 data/odd/3.dcm\n",
    )
    first, second = found.series
    assert (first.collection_id, first.participant_id, first.study_uid) == ("nlst", "P% 1", "1.2.3")
    assert (first.series_uid, first.modality, first.instance_count, first.size_bytes) == (UID, "CT", 2, None)
    assert [file.name for file in found.files[UID]] == ["1.dcm", "two parts.dcm"]
    assert (second.location, second.size_bytes) == (f"https://example.org/b/{UUID}/", 7)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("https://example.org/1 5 data/../../etc/passwd", "does not leave it"),
        ("https://example.org/1 5 metadata/1.dcm", "expected one below data/"),
        ("https://example.org/1 five data/a/1.dcm", "length 'five'"),
        ("https://example.org/1 data/a/1.dcm", "expected a URL, a length and a path"),
        ("https://example.org/2 5 data/a/1.dcm", "from elsewhere"),
    ],
)
def test_fetch_lines_are_refused_by_number(tmp_path: Path, line: str, reason: str) -> None:
    found = _read(tmp_path, f"https://example.org/1 5 data/a/1.dcm\n{line}\n")
    (refusal,) = found.refusals
    assert refusal.item.endswith(":2")
    assert reason in refusal.reason


@pytest.mark.parametrize("dialect", list(Dialect))
def test_series_that_a_dialect_cannot_hold_are_refused(dialect: Dialect) -> None:
    unknown = WantedSeries(location="https://example.org/files/")
    written = write_manifest([unknown], dialect)
    assert written.series == 0
    assert [(refusal.item, refusal.check) for refusal in written.refusals] == [(unknown.key, "not-in-dialect")]


def test_blanks_of_every_kind_in_an_address_are_encoded(tmp_path: Path) -> None:
    series = WantedSeries(location="s3://b/a\u2028b \x1c\t/")
    written = write_manifest([series], Dialect.BAGIT, files={series.key: [WantedFile("1.dcm", 5)]})
    found = _read(tmp_path, written.text)
    assert [one.location for one in found.series] == ["https://s3.amazonaws.com/b/a%E2%80%A8b%20%1C%09/"]


def test_s5cmd_into_the_folders_of_a_layout(tmp_path: Path) -> None:
    series = WantedSeries("nlst", "P 1", "1.2.3", UID, "CT", location=f"s3://idc-open-data/{UUID}/")
    text = write_manifest([series], Dialect.S5CMD, layout=TemplateLayout("%PatientID/%SeriesInstanceUID")).text
    assert text.splitlines()[-1] == f"cp s3://idc-open-data/{UUID}/* 'P 1/{UID}/'"
    assert recognise(tmp_path, text) == Dialect.S5CMD
