"""WADO-RS: bytes as they lie in the files, metadata as prepared, pixels as they decode."""

from __future__ import annotations

import gzip
import json
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.encaps import get_frame

from builders import needs_shared_data
from hilum.serve.dicomweb.multipart import Reader
from serve.dicomweb.conftest import files_of, series_uid, study_uid

if TYPE_CHECKING:
    from hilum.catalog import Archive
    from serve.dicomweb.conftest import Answer, Asker

OBJECTS = 'multipart/related; type="application/dicom"'
OHIF_FRAMES = "multipart/related; type=application/octet-stream; transfer-syntax=*"
UNCOMPRESSED = 'multipart/related; type="application/octet-stream"'
SERIES = f"/studies/{study_uid(1)}/series/{series_uid(1, 1)}"
INSTANCE = f"{SERIES}/instances/{series_uid(1, 1)}.2"


def parts(answer: Answer, status: int = 200) -> list[tuple[str, bytes]]:
    """Content type and bytes of each part."""
    assert answer.status == status, answer.body[:300]
    boundary = answer.header("Content-Type").rpartition("boundary=")[2]
    reader = Reader(BytesIO(answer.body).read, boundary)
    return [(part.headers["content-type"], b"".join(part.pieces())) for part in reader.parts()]


@pytest.mark.parametrize(("path", "count"), [(f"/studies/{study_uid(1)}", 6), (SERIES, 3), (INSTANCE, 1)])
def test_objects_are_their_files(ask: Asker, lab: Archive, path: str, count: int) -> None:
    files = {file.read_bytes() for file in files_of(lab, "lab").values()}
    found = parts(ask(path, accept=OBJECTS))
    assert len({content for _, content in found}) == count
    assert {content for _, content in found} <= files
    assert {kind for kind, _ in found} == {"application/dicom; transfer-syntax=1.2.840.10008.1.2.1"}


def test_one_object_can_be_had_without_parts_and_is_known_again(ask: Asker, lab: Archive) -> None:
    answer = ask(INSTANCE, accept="application/dicom")
    assert answer.body == files_of(lab, "lab")[f"{series_uid(1, 1)}.2"].read_bytes()
    assert ask(INSTANCE, accept="application/dicom", If_None_Match=answer.header("ETag")).status == 304


@pytest.mark.parametrize("skipped", [132, None], ids=["without-preamble", "without-meta-group"])
def test_a_bare_file_is_given_as_a_whole_one(ask: Asker, lab: Archive, skipped: int | None) -> None:
    file = files_of(lab, "lab")[f"{series_uid(1, 1)}.2"]
    content = file.read_bytes()
    dataset = pydicom.dcmread(file)
    start = skipped or content.index(b"\x08\x00\x05\x00CS")
    try:
        file.write_bytes(content[start:])
        given = pydicom.dcmread(BytesIO(ask(INSTANCE, accept="application/dicom").body))
        assert given == dataset
    finally:
        file.write_bytes(content)


def test_metadata_of_series_instance_and_study_agree(ask: Asker) -> None:
    whole = ask(f"{SERIES}/metadata")
    assert ask(f"{INSTANCE}/metadata").json() == [whole.json()[1]]
    packed = ask(f"{SERIES}/metadata", Accept_Encoding="gzip")
    assert packed.header("Content-Encoding") == "gzip"
    assert gzip.decompress(packed.body) == whole.body
    study = ask(f"/studies/{study_uid(1)}/metadata").json()
    assert study[:3] == whole.json()
    assert len(study) == 6
    zipped = ask(f"/studies/{study_uid(1)}/metadata", Accept_Encoding="gzip")
    assert json.loads(gzip.decompress(zipped.body)) == study
    assert ask(f"{SERIES}/metadata", If_None_Match=whole.header("ETag")).status == 304
    assert whole.json()[0]["7FE00010"]["BulkDataURI"].startswith("/dicom-web/studies/")


def test_frames_and_bulk_data_are_the_stored_bytes(ask: Asker, lab: Archive) -> None:
    pixels = pydicom.dcmread(files_of(lab, "lab")[f"{series_uid(1, 1)}.2"]).PixelData
    [(kind, data)] = parts(ask(f"{INSTANCE}/frames/1", accept=OHIF_FRAMES))
    assert kind == "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1"
    assert data == pixels
    assert ask(f"{INSTANCE}/frames/1", accept="application/octet-stream").body == pixels
    bulk = f"{INSTANCE}/bulkdata/7FE00010"
    assert parts(ask(bulk)) == [("application/octet-stream", pixels)]
    part = ask(bulk, accept="application/octet-stream", Range="bytes=10-19")
    assert (part.status, part.body, part.header("Content-Range")) == (206, pixels[10:20], "bytes 10-19/96")
    assert parts(ask(bulk, Range="bytes=10-19"), 206) == [("application/octet-stream", pixels[10:20])]
    behind = ask(bulk, accept="application/octet-stream", Range="bytes=96-")
    assert (behind.status, behind.header("Content-Range")) == (416, "bytes */96")
    assert ask(bulk, accept="application/octet-stream", Range="bytes=nonsense").body == pixels


@pytest.mark.parametrize("tag", ["7FE00010", "0020000E"])
def test_a_part_of_a_value_goes_on_where_it_ended(ask: Asker, tag: str) -> None:
    bulk = f"{INSTANCE}/bulkdata/{tag}"
    whole = ask(bulk, accept="application/octet-stream")
    state = whole.header("ETag")
    rest: dict[str, Any] = {"accept": "application/octet-stream", "Range": "bytes=4-"}
    assert state
    assert ask(bulk, **rest, If_Range=state).body == whole.body[4:]
    assert ask(bulk, **rest, If_Range='"another"').body == whole.body
    assert ask(bulk, **rest, If_Range=f"W/{state}").body == whole.body
    assert ask(bulk, accept="application/octet-stream", If_None_Match=state).status == 304

    in_parts = ask(bulk, Range="bytes=4-", If_Range=state)
    assert not in_parts.header("ETag"), "what divides its parts is drawn by lot"
    assert parts(in_parts) == [("application/octet-stream", whole.body)]


@pytest.mark.parametrize(
    "path",
    [
        f"{INSTANCE}/frames/2",
        f"{INSTANCE}/bulkdata/00280010/0/00280010",
        f"{INSTANCE}/bulkdata/../../../../etc/passwd",
        f"{INSTANCE}/bulkdata/0042GGGG",
        f"{SERIES}/instances/1.2.3",
        f"/studies/{study_uid(2)}/series/{series_uid(1, 1)}",
        f"{INSTANCE}/frames/0",
        "/studies/..%2f..%2fetc/passwd",
    ],
)
def test_what_is_not_there_is_not_found(ask: Asker, path: str) -> None:
    assert ask(path).status == 404


def test_a_file_that_went_away_is_not_found(ask: Asker, lab: Archive) -> None:
    file = files_of(lab, "lab")[f"{series_uid(5, 2)}.1"]
    hidden = file.rename(file.with_suffix(".away"))
    try:
        path = f"/studies/{study_uid(5)}/series/{series_uid(5, 2)}/instances/{series_uid(5, 2)}.1"
        answer = ask(f"{path}/frames/1")
        assert answer.status == 404
        assert str(file) not in answer.body.decode()
    finally:
        hidden.rename(file)


@pytest.mark.parametrize("media_type", ["image/png", "image/jpeg"])
def test_pictures_have_window_and_viewport(ask: Asker, media_type: str) -> None:
    answer = ask(f"{INSTANCE}/rendered", accept=media_type)
    assert answer.header("Content-Type") == media_type
    assert Image.open(BytesIO(answer.body)).size == (6, 8)
    small = ask(f"{INSTANCE}/rendered", {"viewport": "30,30"}, accept=media_type)
    assert Image.open(BytesIO(small.body)).size == (22, 30)
    cropped = ask(f"{INSTANCE}/frames/1/rendered", {"viewport": "4,4,1,1,2,2"}, accept=media_type)
    assert Image.open(BytesIO(cropped.body)).size == (4, 4)
    for path in (f"/studies/{study_uid(1)}", SERIES, INSTANCE):
        assert max(Image.open(BytesIO(ask(f"{path}/thumbnail", accept=media_type).body)).size) == 200


def test_a_window_is_applied_as_the_standard_says(ask: Asker, lab: Archive) -> None:
    dataset = pydicom.dcmread(files_of(lab, "lab")[f"{series_uid(1, 1)}.2"])
    hu = dataset.pixel_array.astype(float) + float(dataset.RescaleIntercept)
    shown = np.asarray(Image.open(BytesIO(ask(f"{INSTANCE}/rendered", {"window": "0,1000"}, accept="image/png").body)))
    expected = np.clip((hu - (0 - 0.5)) / (1000 - 1) + 0.5, 0, 1) * 255
    assert np.abs(shown - expected).max() <= 0.5
    own = np.asarray(Image.open(BytesIO(ask(f"{INSTANCE}/rendered", accept="image/png").body)))
    named = np.asarray(
        Image.open(BytesIO(ask(f"{INSTANCE}/rendered", {"window": "40,400,LINEAR"}, accept="image/png").body))
    )
    assert (own == named).all(), "the header's window where none is asked for"


@pytest.mark.parametrize(
    "query",
    [
        {"window": "1"},
        {"window": "1,0"},
        {"window": "1,2,cubic"},
        {"window": "nan,2"},
        {"viewport": "0,0"},
        {"viewport": "9999999,1"},
        {"viewport": "4,4,100,100,5,5"},
        {"quality": "0"},
        {"quality": "x"},
    ],
)
def test_wrong_parameters_are_refused(ask: Asker, query: dict[str, str]) -> None:
    assert ask(f"{INSTANCE}/rendered", query).status == 400


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        (INSTANCE, "image/png"),
        (INSTANCE, f"{OBJECTS}; transfer-syntax=1.2.840.10008.1.2.4.90"),
        (f"{INSTANCE}/frames/1", "multipart/related; type=image/jp2"),
        (f"{INSTANCE}/rendered", "image/gif"),
        (f"{SERIES}/metadata", "application/dicom+xml"),
    ],
)
def test_forms_that_cannot_be_had_are_refused(ask: Asker, path: str, accept: str) -> None:
    assert ask(path, accept=accept).status == 406


def test_methods_are_told(ask: Asker) -> None:
    response = ask.client.delete(f"/dicom-web{INSTANCE}")
    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS"
    assert ask.client.options(f"/dicom-web{INSTANCE}").status_code == 204
    assert ask("/capabilities").json()["standard"] == "DICOM PS3.18"
    assert ask("/").json() == ask("/capabilities").json()


def real_instances(ask: Asker, collection: Archive, name: str) -> list[tuple[str, pydicom.Dataset]]:
    """Path of each object of a real collection, and what pydicom reads of it."""
    found: list[tuple[str, pydicom.Dataset]] = []
    for series in collection.series_where('"collection_id" = ?', [name]):
        for uid, file in zip(series.instances.column("SOPInstanceUID"), series.instances.paths(), strict=True):
            found.append((f"/studies/{series.study_uid}/series/{series.uid}/instances/{uid}", pydicom.dcmread(file)))
    return found


@needs_shared_data
def test_every_codec_decodes_to_what_pydicom_says(ask_real: Asker, real_archive: Archive) -> None:
    checked = set()
    for path, dataset in real_instances(ask_real, real_archive, "codecs_wg04"):
        syntax = dataset.file_meta.TransferSyntaxUID
        [(kind, stored)] = parts(ask_real(f"{path}/frames/1", accept=OHIF_FRAMES))
        [(plain_kind, plain)] = parts(ask_real(f"{path}/frames/1", accept=UNCOMPRESSED))
        assert kind.endswith(f"transfer-syntax={syntax}")
        assert plain_kind.endswith("transfer-syntax=1.2.840.10008.1.2.1")
        assert plain == dataset.pixel_array.tobytes()
        if syntax.is_compressed:
            assert stored == get_frame(dataset.PixelData, 0, number_of_frames=1)
            asked = f"{OBJECTS}; transfer-syntax=1.2.840.10008.1.2.1"
            [(_, decompressed)] = parts(ask_real(path, accept=asked))
            assert (pydicom.dcmread(BytesIO(decompressed)).pixel_array == dataset.pixel_array).all()
        assert ask_real(f"{path}/rendered", accept="image/png").status == 200
        checked.add(syntax)
    assert len(checked) >= 5


@needs_shared_data
def test_frames_of_segmentations_and_slides(ask_real: Asker, real_archive: Archive) -> None:
    kinds = set()
    for name in ("seg_sr_highdicom", "slides"):
        for path, dataset in real_instances(ask_real, real_archive, name):
            if "PixelData" not in dataset or dataset.file_meta.TransferSyntaxUID.is_deflated:
                continue
            count = int(dataset.get("NumberOfFrames", 1))
            numbers = [1] if count == 1 else [1, count]
            found = parts(ask_real(f"{path}/frames/{','.join(map(str, numbers))}", accept=OHIF_FRAMES))
            assert len(found) == len(numbers)
            if not dataset.file_meta.TransferSyntaxUID.is_compressed and dataset.SamplesPerPixel == 1:
                _check_native(dataset, numbers, [data for _, data in found])
            kinds.add((dataset.SOPClassUID.keyword, dataset.get("BitsAllocated")))
    assert ("SegmentationStorage", 1) in kinds
    assert any(name.startswith("VLWholeSlide") for name, _ in kinds)


def _check_native(dataset: Any, numbers: list[int], found: list[bytes]) -> None:
    pixels = dataset.pixel_array.reshape(-1, dataset.Rows, dataset.Columns)
    for number, data in zip(numbers, found, strict=True):
        if dataset.BitsAllocated == 1:
            bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")[: dataset.Rows * dataset.Columns]
            assert (bits == pixels[number - 1].ravel()).all()
        else:
            assert data == pixels[number - 1].tobytes()
