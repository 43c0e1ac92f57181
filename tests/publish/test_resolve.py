"""What became of an object: releases, the catalog as it is, versions of the public index."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import duckdb
import pytest

from builders import DECLARED, UID_ROOT, CtSeries
from hilum.catalog.idc import index_folder
from hilum.errors import NotFoundError
from hilum.publish.resolve import resolve
from publish.releasing import index_images, make_archive, release, write_series

if TYPE_CHECKING:
    from hilum.catalog import Archive

SERIES = f"{UID_ROOT}.1.1"


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """Three releases: participant 1's series is replaced in the third, participant 2 comes in the second."""
    tmp_path = tmp_path_factory.mktemp("versions")
    archive = make_archive(tmp_path, participants=1)
    release(archive, "1")
    write_series(tmp_path / "images", 2)
    (tmp_path / "images" / "P1" / "000002.dcm").unlink()
    index_images(archive, tmp_path / "images")
    release(archive, "2")
    shutil.rmtree(tmp_path / "images" / "P1")
    new = CtSeries((3, 8, 8), study_uid=f"{UID_ROOT}.1", series_uid=f"{UID_ROOT}.1.7", override=DECLARED)
    new.write(tmp_path / "images" / "P1")
    index_images(archive, tmp_path / "images")
    release(archive, "3")
    return archive


def states(archive: Archive, uid: str) -> list[tuple[str, str, str]]:
    return [(fate.place, fate.kind, fate.state) for fate in resolve(archive, uid)]


def test_a_series_that_changed_and_went(versions: Archive) -> None:
    fates = resolve(versions, SERIES)
    assert [(fate.place, fate.state) for fate in fates] == [
        ("trial@1", "came"),
        ("trial@2", "changed"),
        ("trial@3", "gone"),
        ("catalog", "absent"),
    ]
    assert fates[1].detail == "2 files of P1, before 3"
    assert fates[2].detail == f"new series of P1 then: {UID_ROOT}.1.7"


def test_an_instance_a_study_and_a_participant(versions: Archive) -> None:
    assert states(versions, f"{SERIES}.3") == [
        ("trial@1", "instance", "came"),
        ("trial@2", "", "gone"),
        ("trial@3", "", "absent"),
        ("catalog", "", "absent"),
    ]
    assert states(versions, f"{UID_ROOT}.1")[2:] == [("trial@3", "study", "changed"), ("catalog", "study", "there")]
    assert states(versions, "P2") == [
        ("trial@1", "", "absent"),
        ("trial@2", "participant", "came"),
        ("trial@3", "participant", "same"),
        ("catalog", "participant", "there"),
    ]


def test_what_was_never_there_is_told(versions: Archive) -> None:
    with pytest.raises(NotFoundError, match="in no release"):
        resolve(versions, "1.2.3.4.5")


def test_the_public_index_tells_of_its_older_versions(archive: Archive) -> None:
    prior, current = (str(index_folder() / f"{name}.parquet") for name in ("prior_versions_index", "idc_index"))
    sql = """
        SELECT "SeriesInstanceUID", max_idc_version FROM read_parquet(?)
        WHERE "SeriesInstanceUID" NOT IN (SELECT "SeriesInstanceUID" FROM read_parquet(?)) ORDER BY 1, 2 DESC LIMIT 1"""
    uid, last = duckdb.execute(sql, [prior, current]).fetchall()[0]
    fates = resolve(archive, uid)
    assert [fate.state for fate in fates] == ["absent", *["there"] * (len(fates) - 2), "absent"]
    assert fates[-2].place.endswith(f" to v{last}")
    assert fates[-2].detail.endswith("then dropped")
    assert fates[-2].kind == "series"
