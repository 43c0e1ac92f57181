"""QIDO-RS: what is asked for is found, once, and nothing else."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serve.dicomweb.conftest import STUDIES, series_uid, study_uid

if TYPE_CHECKING:
    from serve.dicomweb.conftest import Asker

EVERY_KEY = {
    "/studies": (
        *("00080020", "00080030", "00080050", "00080056", "00080061", "00080090", "00081190", "00100010"),
        *("00100020", "00100030", "00100040", "0020000D", "00200010", "00201206", "00201208"),
    ),
    "/series": ("00080060", "0020000E", "00200011", "00201209", "00081190", "0020000D"),
    "/instances": ("00080016", "00080018", "00200013", "00280010", "00280011", "00280100", "00081190", "00083002"),
}
"""Attributes that PS3.18 tables 10.6.3-3 to 10.6.3-5 require of every answer."""


@pytest.mark.parametrize("path", EVERY_KEY)
def test_answers_hold_what_the_standard_requires(ask: Asker, path: str) -> None:
    answer = ask(path, accept="application/dicom+json")
    assert answer.header("Content-Type") == "application/dicom+json"
    assert len(answer.json()) == {"/studies": 5, "/series": 10, "/instances": 30}[path]
    for found in answer.json():
        assert set(EVERY_KEY[path]) <= found.keys()
        assert list(found) == sorted(found), "in ascending order of tag"


def test_counts_and_modalities_are_told(ask: Asker) -> None:
    found = ask("/studies", {"StudyInstanceUID": study_uid(1)}).json()[0]
    assert found["00080061"]["Value"] == ["CT", "PT"]
    assert (found["00201206"]["Value"], found["00201208"]["Value"]) == ([2], [6])
    assert found["00100010"]["Value"] == [{"Alphabetic": "Adams^Ann"}]
    assert found["00081190"]["Value"][0].endswith(f"/dicom-web/studies/{study_uid(1)}")


@pytest.mark.parametrize(
    ("query", "studies"),
    [
        ({"PatientID": "P1"}, [1]),
        ({"00100020": "P?"}, [1, 2, 3, 4, 5]),
        ({"PatientName": "adams*"}, [1, 2]),
        ({"PatientName": "*^B*"}, [2]),
        ({"AccessionNumber": "A1"}, [1]),
        ({"AccessionNumber": "A[?]"}, [2]),
        ({"AccessionNumber": "?_3%"}, [3]),
        ({"AccessionNumber": "*"}, [1, 2, 3, 4, 5]),
        ({"StudyDate": "20000102"}, [2]),
        ({"StudyDate": "19990102-20000102"}, [1, 2]),
        ({"StudyDate": "20000103-"}, [3, 5]),
        ({"StudyDate": "-19991231"}, [1]),
        ({"StudyTime": "08-1011"}, [1, 2]),
        ({"StudyTime": "1200"}, [5]),
        ({"StudyInstanceUID": f"{study_uid(1)},{study_uid(3)}"}, [1, 3]),
        ({"StudyInstanceUID": f"{study_uid(1)}\\{study_uid(3)}"}, [1, 3]),
        ({"ModalitiesInStudy": "PT"}, [1, 2, 3, 4, 5]),
        ({"ModalitiesInStudy": "MR"}, []),
        ({"ModalitiesInStudy": "MR,CT", "PatientID": "P2"}, [2]),
        ({"PatientName": ""}, [1, 2, 3, 4, 5]),
        ({"StudyID": "1", "PatientSex": "O", "ReferringPhysicianName": "*"}, [1, 2, 3, 4, 5]),
    ],
)
def test_studies_are_matched(ask: Asker, query: dict[str, str], studies: list[int]) -> None:
    answer = ask("/studies", query)
    assert answer.values("0020000D") == [study_uid(study) for study in studies]
    assert answer.header("X-Total-Count") == str(len(studies))


@pytest.mark.parametrize(
    ("path", "query", "expected"),
    [
        ("/series", {"Modality": "PT", "PatientID": "P1"}, [(1, 2)]),
        ("/series", {"SeriesInstanceUID": series_uid(2, 1)}, [(2, 1)]),
        ("/series", {"SeriesDescription": "study 3*"}, [(3, 1), (3, 2)]),
        (f"/studies/{study_uid(4)}/series", {}, [(4, 1), (4, 2)]),
        (f"/studies/{study_uid(4)}/series", {"SeriesNumber": "2"}, [(4, 2)]),
        (f"/studies/{study_uid(4)}/series", {"RequestAttributesSequence.ScheduledProcedureStepID": "x"}, []),
        (f"/studies/{study_uid(9)}/series", {}, []),
    ],
)
def test_series_are_matched(ask: Asker, path: str, query: dict[str, str], expected: list[tuple[int, int]]) -> None:
    assert ask(path, query).values("0020000E") == [series_uid(*each) for each in expected]


def test_instances_are_matched_at_every_level(ask: Asker) -> None:
    inside = f"/studies/{study_uid(2)}/series/{series_uid(2, 1)}/instances"
    uid = f"{series_uid(2, 1)}.3"
    assert ask(inside).values("00080018") == [f"{series_uid(2, 1)}.{number}" for number in (1, 2, 3)]
    for path in (inside, f"/studies/{study_uid(2)}/instances", "/instances"):
        assert ask(path, {"SOPInstanceUID": uid}).values("00080018") == [uid]
    third = ask("/instances", {"InstanceNumber": "3"})
    assert len(third.json()) == 10
    assert ask("/instances", {"Rows": "8", "Modality": "CT", "PatientID": "P1"}).header("X-Total-Count") == "3"


def test_included_attributes_are_given_and_all_gives_everything(ask: Asker) -> None:
    path = f"/studies/{study_uid(1)}/series/{series_uid(1, 1)}/instances"
    assert "00180050" not in ask(path).json()[0]
    assert ask(path, {"includefield": "SliceThickness,00180060"}).values("00180050") == [2.0] * 3
    assert len(ask(path, {"includefield": "all"}).json()[0]) > 40
    assert "00081090" not in ask("/series").json()[0]
    assert "00080070" in ask("/series", {"includefield": "all"}).json()[0]
    assert "00081030" not in ask("/studies").json()[0]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=12)
@given(limit=st.integers(1, 12), path=st.sampled_from(["/studies", "/series", "/instances", "/instances?Modality=CT"]))
def test_paging_covers_each_once(ask: Asker, limit: int, path: str) -> None:
    tag = {"/studies": "0020000D", "/series": "0020000E"}.get(path, "00080018")
    path, _, query = path.partition("?")
    wanted = dict([query.split("=")]) if query else {}
    whole = ask(path, wanted).values(tag)
    found: list[Any] = []
    answer = ask(path, wanted | {"limit": str(limit)})
    for _ in range(len(whole) + 1):
        found += answer.values(tag)
        assert answer.header("X-Total-Count") == str(len(whole))
        following = re.search(r'<([^>]*)>; rel="next"', answer.header("Link"))
        if following is None:
            break
        parts = urlsplit(following[1])
        answer = ask(f"{parts.path.removeprefix('/dicom-web')}?{parts.query}")
    assert found == whole
    assert len(set(found)) == len(found)


_PATTERNS = st.text(alphabet="AaBb[]1_%*?^ 2", min_size=1, max_size=5).map(str.strip).filter(bool)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(pattern=_PATTERNS, keyword=st.sampled_from(["AccessionNumber", "PatientName"]))
def test_matching_equals_a_naive_matcher(ask: Asker, pattern: str, keyword: str) -> None:
    def covers(value: str) -> bool:
        if not pattern.strip("*"):
            return True
        own, wanted = (value.lower(), pattern.lower()) if keyword == "PatientName" else (value, pattern)
        return fnmatchcase(own, wanted.replace("[", "[[]"))

    expected = [study_uid(number) for number, one in enumerate(STUDIES, 1) if covers(str(one[keyword]))]
    assert ask("/studies", {keyword: pattern}).values("0020000D") == expected


def test_limits_are_told(ask: Asker) -> None:
    answer = ask("/studies", {"limit": "2", "fuzzymatching": "true"})
    assert "fuzzymatching" in answer.header("Warning")
    assert len(answer.json()) == 2
    assert ask("/studies", {"offset": "4"}).values("0020000D") == [study_uid(5)]
    assert ask("/studies", {"offset": "99"}).json() == []
    assert ask("/studies", {"limit": "0"}).json() == []


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "-1"},
        {"limit": "x"},
        {"offset": "9" * 30},
        {"NoSuchKeyword": "1"},
        {"Modality": "CT"},
        {"StudyDate": "2000"},
        {"StudyTime": "99x"},
        {"StudyInstanceUID": "1' OR 1=1"},
        {"PatientID": "a\0b"},
        {"includefield": "NoSuchKeyword"},
    ],
)
def test_what_cannot_be_asked_is_refused(ask: Asker, query: dict[str, str]) -> None:
    answer = ask("/studies", query)
    assert answer.status == 400
    assert "error" in answer.json()


def test_answers_are_compressed_only_where_that_is_accepted(ask: Asker) -> None:
    assert ask("/instances", Accept_Encoding="gzip").header("Content-Encoding") == "gzip"
    assert ask("/instances", Accept_Encoding="gzip;q=0").header("Content-Encoding") == ""
    assert "Accept-Encoding" in ask("/instances").header("Vary")


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"ModalitiesInStudy": "PT"}, 5),
        ({"ModalitiesInStudy": "CT,PT"}, 5),
        ({"ModalitiesInStudy": "MR"}, 0),
        ({"ModalitiesInStudy": "PT", "StudyDate": "20000101-"}, 3),
        ({"StudyDate": "20000101-"}, 3),
    ],
)
def test_a_page_tells_how_many_match_in_all(ask: Asker, query: dict[str, str], count: int) -> None:
    answer = ask("/studies", query | {"limit": "1"})
    assert len(answer.json()) == min(1, count)
    assert answer.header("X-Total-Count") == str(count)


def test_other_media_types_are_refused(ask: Asker) -> None:
    assert ask("/studies", accept="multipart/related; type=application/dicom+xml").status == 406
