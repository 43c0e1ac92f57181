"""Archives of annotations, candidates and masks: unpacked beside their collection, where findings reads them."""

from __future__ import annotations

import hashlib
import threading
import zipfile
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from builders import SHARED_DATA, needs_shared_data
from hilum.acquire import archives
from hilum.acquire.answers import open_client
from hilum.acquire.archives import COLLECTION_ZIPS, ZipSource, folder_of, wanted_zips
from hilum.acquire.pace import Pace, Patience
from hilum.acquire.pull import pull
from hilum.errors import ConfigError
from hilum.findings.reading import read_lesions, read_marks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from hilum.acquire.report import PullReport
    from hilum.acquire.wanted import WantedSeries

ANNOTATIONS = "MED_ABD_LYMPH_ANNOTATIONS"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """Folder and URL of a web server."""
    folder = tmp_path / "site"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def _zip(path: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return path


def _pull(wanted: tuple[WantedSeries, ...], folder: Path) -> PullReport:
    with open_client() as client:
        pace = Pace(patience=Patience(3, 0.001, 0.002))
        return pull(wanted, ZipSource(client), folder, folder_of=folder_of, pace=pace)


@needs_shared_data
def test_real_annotations_and_candidates_are_found_by_findings(tmp_path: Path) -> None:
    places = []
    for name in (ANNOTATIONS, "MED_ABD_LYMPH_CANDIDATES"):
        paths = sorted((SHARED_DATA / "ct_lymph_nodes" / name).glob("MED_LYMPH_00*/*"))
        files = {f"{name}/{path.parent.name}/{path.name}": path.read_bytes() for path in paths}
        places.append(str(_zip(tmp_path / f"{name}.zip", {f"{name}/": b"", "__MACOSX/._x": b"y", **files})))
    report = _pull(wanted_zips("ct_lymph_nodes", places), tmp_path / "out")
    assert not report.refusals
    collection = tmp_path / "out" / "ct_lymph_nodes"
    assert sorted(path.name for path in collection.iterdir()) == [ANNOTATIONS, "MED_ABD_LYMPH_CANDIDATES"]
    real = SHARED_DATA / "ct_lymph_nodes" / ANNOTATIONS
    lesions = [one for one in read_lesions(real).lesions if one.exam_id.startswith("MED_LYMPH_00")]
    found = read_lesions(collection / ANNOTATIONS).lesions
    assert [(one.exam_id, one.position_mm) for one in found] == [(one.exam_id, one.position_mm) for one in lesions]
    assert read_marks(collection / "MED_ABD_LYMPH_CANDIDATES").marks


def test_by_url_and_not_twice(site: tuple[Path, str], tmp_path: Path) -> None:
    folder, url = site
    made = _zip(folder / f"{ANNOTATIONS}.zip", {f"{ANNOTATIONS}/P1/a.txt": b"1 2 3\n", f"{ANNOTATIONS}/P1/b.txt": b""})
    wanted = wanted_zips("ct_lymph_nodes", [f"{url}/{ANNOTATIONS}.zip?version=1"])
    assert not _pull(wanted, tmp_path / "out").refusals
    unpacked = tmp_path / "out" / "ct_lymph_nodes" / ANNOTATIONS / "P1"
    assert {path.name: path.read_bytes() for path in unpacked.iterdir()} == {"a.txt": b"1 2 3\n", "b.txt": b""}
    made.unlink()
    assert not _pull(wanted, tmp_path / "out").refusals
    (unpacked / "a.txt").unlink()
    assert [refusal.check for refusal in _pull(wanted, tmp_path / "out").refusals] == ["not-found"]


def test_a_zip_without_the_folder_around_it(tmp_path: Path) -> None:
    place = _zip(tmp_path / "MY_MASKS.zip", {"P1_mask.nii.gz": b"x"})
    assert not _pull(wanted_zips("mine", [str(place)]), tmp_path / "out").refusals
    assert (tmp_path / "out" / "mine" / "MY_MASKS" / "P1_mask.nii.gz").read_bytes() == b"x"


@pytest.mark.parametrize("name", ["../escaped.txt", "/escaped.txt", "a/../../escaped.txt", "a\\..\\escaped.txt"])
def test_members_never_leave_their_folder(tmp_path: Path, name: str) -> None:
    place = _zip(tmp_path / "A.zip", {"ok.txt": b"1", name: b"2"})
    (refusal,) = _pull(wanted_zips("c", [str(place)]), tmp_path / "deep" / "out").refusals
    assert refusal.check == "bad-name"
    assert not list(tmp_path.rglob("*escaped*"))


def test_a_cut_file_is_refused_and_taken_up_later(tmp_path: Path) -> None:
    place = _zip(tmp_path / "A.zip", {f"{n}.txt": bytes(range(256)) * 40 for n in range(5)})
    whole = place.read_bytes()
    place.write_bytes(whole[: len(whole) // 2])
    (refusal,) = _pull(wanted_zips("c", [str(place)]), tmp_path / "out").refusals
    assert refusal.check in {"cut-zip", "bad-zip"}
    place.write_bytes(whole)
    assert not _pull(wanted_zips("c", [str(place)]), tmp_path / "out").refusals
    assert len(list((tmp_path / "out").rglob("*.txt"))) == 5


def test_empty_masks_are_no_bomb(tmp_path: Path) -> None:
    place = _zip(tmp_path / "A.zip", {"P1.nii": bytes(100_000_000)})
    assert not _pull(wanted_zips("c", [str(place)]), tmp_path / "out").refusals


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "LIMITS", replace(archives.LIMITS, ratio_from_bytes=1 << 20))
    place = _zip(tmp_path / "A.zip", {"bomb": bytes(100_000_000)})
    (refusal,) = _pull(wanted_zips("c", [str(place)]), tmp_path / "out").refusals
    assert refusal.check == "zip-bomb"


@pytest.mark.parametrize("is_same", [True, False])
def test_a_known_digest_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_same: bool) -> None:
    place = _zip(tmp_path / "A.zip", {"a.txt": b"1"})
    digest = hashlib.sha256(place.read_bytes()).hexdigest() if is_same else "0" * 64
    known = (archives.CollectionZip("A", "https://example.org/A.zip", "CC BY 3.0", digest),)
    monkeypatch.setitem(COLLECTION_ZIPS, "c", known)
    checks = [refusal.check for refusal in _pull(wanted_zips("c", [str(place)]), tmp_path / "out").refusals]
    assert checks == ([] if is_same else ["wrong-hash"])


def test_what_tcia_has_of_ct_lymph_nodes() -> None:
    wanted = wanted_zips("ct_lymph_nodes")
    assert [folder_of(one) for one in wanted] == [
        "ct_lymph_nodes/MED_ABD_LYMPH_ANNOTATIONS",
        "ct_lymph_nodes/MED_ABD_LYMPH_CANDIDATES",
        "ct_lymph_nodes/MED_ABD_LYMPH_MASKS",
    ]
    assert all(one.location.startswith("https://") and one.licence == "CC BY 3.0" for one in wanted)


@pytest.mark.parametrize(
    ("collection", "places", "message"),
    [
        ("nlst", [], "no archives are known of 'nlst', only of ct_lymph_nodes"),
        ("nlst", ["a.tar"], "expected the folder it becomes and .zip"),
        ("nlst", ["https://example.org/%2e%2e.zip"], "expected the folder it becomes"),
        ("c", ["https://me:secret@host/A.zip"], "^https://host/A.zip: found a user or password"),
    ],
)
def test_what_cannot_be_asked_for(collection: str, places: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        wanted_zips(collection, places)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    (refusal,) = _pull(wanted_zips("c", [str(tmp_path / "A.zip")]), tmp_path / "out").refusals
    assert refusal.check == "not-found"


def test_what_stands_behind_a_zip_has_an_end(tmp_path: Path) -> None:
    place = _zip(tmp_path / "A.zip", {"a.txt": b"1"})
    place.write_bytes(place.read_bytes() + bytes(3 << 20))
    assert [refusal.check for refusal in _pull(wanted_zips("c", [str(place)]), tmp_path / "out").refusals] == [
        "bad-zip"
    ]
    assert not list((tmp_path / "out").rglob("a.txt"))


def test_a_file_that_is_the_folder_of_another_is_refused(tmp_path: Path) -> None:
    place = _zip(tmp_path / "A.zip", {"A/x": b"1", "x/y": b"2"})
    assert [one.check for one in _pull(wanted_zips("c", [str(place)]), tmp_path / "out").refusals] == ["name-taken"]
