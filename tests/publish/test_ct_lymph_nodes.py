"""The five versions of CT Lymph Nodes with their days: phantom images and masks, NIH's own other files."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import pytest

from builders import DECLARED, SHARED_DATA, CtSeries, needs_shared_data
from hilum.catalog import Archive
from hilum.config import Settings
from hilum.findings.nih import ANNOTATIONS, CANDIDATES
from hilum.phantom.collection import IMAGES, MASKS, write_collection
from hilum.publish.difference import compare
from hilum.publish.release import Release, list_releases
from hilum.publish.resolve import resolve
from hilum.publish.verify import notes_path, verify_release
from publish.releasing import index_images, release

if TYPE_CHECKING:
    from pathlib import Path

    from hilum.phantom import Participant

pytestmark = needs_shared_data

NAME = "ct_lymph_nodes"
NIH = SHARED_DATA / "ct_lymph_nodes"
VERSIONS = {
    "1": (date(2015, 3, 16), "Image data set uploaded"),
    "2": (date(2015, 6, 24), "MED_ABD_LYMPH_ANNOTATIONS.zip added"),
    "3": (date(2015, 9, 14), "MED_ABD_LYMPH_CANDIDATES.zip added"),
    "4": (date(2015, 12, 14), "MED_ABD_LYMPH_MASKS.zip added"),
    "5": (date(2023, 3, 31), "Added DICOM version of MED_ABD_LYMPH_MASKS.zip segmentations"),
}
"""As the collection's page at TCIA lists them."""

SEGMENTATION_STORAGE = "1.2.840.10008.5.1.4.1.1.66.4"


@dataclass
class Published:
    """The collection as published: its archive, participants, and releases by version."""

    archive: Archive
    participants: tuple[Participant, ...]
    releases: dict[str, Release]


def write_segmentation(folder: Path, participant: Participant) -> None:
    override = DECLARED | {
        "SOPClassUID": SEGMENTATION_STORAGE,
        "Modality": "SEG",
        "SeriesDescription": "Lymph node segmentations",
        "SeriesNumber": 300,
    }
    CtSeries(
        (1, 8, 8),
        participant=participant.participant_id,
        study_uid=participant.study_uid,
        series_uid=f"{participant.study_uid}.300",
        override=override,
    ).write(folder / participant.participant_id)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    folder = tmp_path_factory.mktemp(NAME)
    participants = write_collection(folder, participants=2, settings=Settings(workers=1))
    archive = Archive.create(folder / "archive")
    index_images(archive, folder / IMAGES, NAME)
    beside = (NIH / ANNOTATIONS, NIH / CANDIDATES, folder / MASKS)
    count = {"1": 0, "2": 1, "3": 2, "4": 3, "5": 3}
    releases = {}
    for version, (day, notes) in VERSIONS.items():
        if version == "5":
            for participant in participants:
                write_segmentation(folder / IMAGES, participant)
            index_images(archive, folder / IMAGES, NAME)
        releases[version] = release(
            archive,
            version,
            name=NAME,
            released_on=day,
            notes=notes,
            beside=beside[: count[version]],
            lesions=folder / ANNOTATIONS if version != "1" else None,
        )
    return Published(archive, participants, releases)


def came(published: Published, before: str, after: str) -> Counter[str]:
    """Number of what came by level; nothing else may differ but the participants whose files came."""
    difference = compare(published.releases[before], published.releases[after])
    assert {change.state for change in difference.changes if change.level != "participant"} == {"came"}
    assert {change.state for change in difference.changes if change.level == "participant"} <= {"changed"}
    return Counter(change.level for change in difference.changes)


def test_five_versions_in_the_order_of_their_days(published: Published) -> None:
    listed = list_releases(published.archive)
    assert [(one.version, one.released_on, one.notes) for one in listed] == [
        (version, day, notes) for version, (day, notes) in VERSIONS.items()
    ]
    assert len({one.digest for one in listed}) == 5


def test_each_version_adds_what_it_is_known_for(published: Published) -> None:
    assert came(published, "1", "2") == {"file": 176 * 4, "participant": 2}
    assert came(published, "2", "3") == {"file": 176 * 6, "participant": 2}
    assert came(published, "3", "4") == {"file": 2, "participant": 2}
    assert came(published, "4", "5") == {"file": 2, "series": 2, "participant": 2}


def test_lesions_are_a_table_from_the_second_version_on(published: Published) -> None:
    annotated = sum(node.is_annotated for one in published.participants for node in one.nodes)
    assert [one.counts.lesions for one in published.releases.values()] == [0, *[annotated] * 4]
    assert annotated > 0


def test_each_participant_has_its_own_files(published: Published) -> None:
    newest = published.releases["5"]
    for participant in published.participants:
        files = [file for file in newest.files([participant.participant_id]) if not file.sop_uid]
        assert len(files) == 4 + 6 + 1
        assert all(participant.participant_id in file.path for file in files)


def test_a_segmentation_is_resolved_to_the_version_it_came_in(published: Published) -> None:
    uid = f"{published.participants[0].study_uid}.300"
    states = [fate.state for fate in resolve(published.archive, uid)]
    assert states == ["absent", "absent", "absent", "absent", "came", "there"]


def test_every_version_is_whole_and_cited_as_its_page_demands(published: Published) -> None:
    for version, made in published.releases.items():
        with ThreadPoolExecutor(1) as executor:
            result = verify_release(made, notes=notes_path(made), executor=executor, workers=1)
        assert result.is_whole
        citation = (made.folder / "citation.txt").read_text(encoding="utf-8")
        assert citation.startswith("Roth, H., Lu, L., Seff, A.,")
        assert f"lymph node detection in CT (Version {version}) [Data set]. The Cancer Imaging Archive." in citation
        assert made.licence == "CC BY 3.0"
        assert {path.name for path in made.folder.iterdir()} >= {"CITATION.cff", "datacite.xml", "check.html"}
