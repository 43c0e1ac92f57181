from __future__ import annotations

import os
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import pydicom.data
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from builders import SHARED_DATA, CtSeries, needs_shared_data
from hilum.errors import HeaderError
from hilum.index import fallback
from hilum.index.header import Header, read_header
from hilum.index.walk import READ_BYTES
from hilum.model.attributes import ATTRIBUTES, KEYWORDS

PYDICOM_FILES = Path(pydicom.data.__file__).parent / "test_files"

CUT_FILES = {"rtplan_truncated.dcm"}
"""Test files of pydicom that end inside their header: pydicom reads what is there, hilum refuses them."""


def plain(value: Any) -> Any:
    """A scalar of pydicom's as Python's own type."""
    for kind in (int, float):
        if isinstance(value, kind):
            return kind(value)
    return "" if value is None else str(value)


def by_pydicom(path: Path) -> dict[str, Any]:
    """The wanted attributes as pydicom reads them: the reference."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(path, stop_before_pixels=True, force=True)
        values: dict[str, Any] = {}
        for keyword in KEYWORDS:
            try:
                value = (dataset.file_meta if keyword == "TransferSyntaxUID" else dataset).get(keyword)
            except (OverflowError, pydicom.errors.BytesLengthException):
                continue
            if isinstance(value, list | pydicom.multival.MultiValue):
                values[keyword] = tuple(plain(item) for item in value)
            elif value is not None and not isinstance(value, bytes) and plain(value) != "":
                values[keyword] = plain(value)
        return {keyword: value for keyword, value in values.items() if value != ()}


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether values and their types agree; NaN agrees with NaN."""
    return repr(sorted(one.items())) == repr(sorted(other.items()))


def is_dicom(path: Path) -> bool:
    try:
        read_header(path)
    except HeaderError as error:
        return error.check not in {"not-dicom", "empty-file"}
    return True


def files_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


WHOLE_FILES = [path for path in files_below(PYDICOM_FILES) if is_dicom(path) and path.name not in CUT_FILES]


def write(path: Path, dataset: Dataset, syntax: str = ExplicitVRLittleEndian, *, preamble: bool = True) -> Path:
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = "1.2.3"
    if preamble:
        dataset.save_as(path, enforce_file_format=True)
    else:
        del dataset.file_meta
        dcmwrite(
            path,
            dataset,
            implicit_vr=syntax == ImplicitVRLittleEndian,
            little_endian=syntax != ExplicitVRBigEndian,
            enforce_file_format=False,
        )
    return path


def image(**values: Any) -> Dataset:
    dataset = CtSeries().datasets()[0]
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def element(tag: int, vr: bytes, value: bytes) -> bytes:
    """An explicit element of a short VR."""
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value


class TestEqualToPydicom:
    @pytest.mark.parametrize("path", files_below(PYDICOM_FILES), ids=lambda path: str(path.relative_to(PYDICOM_FILES)))
    def test_on_each_of_its_test_files(self, path: Path) -> None:
        if path.name in CUT_FILES:
            with pytest.raises(HeaderError) as caught:
                read_header(path)
            assert caught.value.check == "truncated-header"
        elif is_dicom(path):
            assert same(read_header(path).values, by_pydicom(path))
        else:
            assert not by_pydicom(path)

    @needs_shared_data
    def test_on_every_real_file(self) -> None:
        seen = 0
        for path in files_below(SHARED_DATA):
            if path.stat().st_size and is_dicom(path):
                seen += 1
                assert same(read_header(path).values, by_pydicom(path)), path
        assert seen > 200

    @needs_shared_data
    def test_the_usual_file_is_read_directly(self) -> None:
        for path in files_below(SHARED_DATA / "cmb_crc_chest") + files_below(SHARED_DATA / "codecs_wg04"):
            if is_dicom(path):
                assert read_header(path).reader == "direct"

    def test_every_attribute_has_been_compared(self) -> None:
        seen = {keyword for path in files_below(PYDICOM_FILES) if is_dicom(path) for keyword in by_pydicom(path)}
        assert {"GantryDetectorTilt", "PixelPaddingValue", "NumberOfFrames", "SpecificCharacterSet"} <= seen
        assert set(KEYWORDS) - seen <= {"BurnedInAnnotation", "SeriesDate", "ReconstructionDiameter"}


class TestPixelRange:
    @pytest.mark.parametrize("path", WHOLE_FILES, ids=lambda path: str(path.relative_to(PYDICOM_FILES)))
    def test_is_that_of_the_bytes_that_pydicom_gives(self, path: Path) -> None:
        header = read_header(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(path, force=True)
        name = next((name for name in ("PixelData", "FloatPixelData", "DoubleFloatPixelData") if name in dataset), None)
        if name is None or header.values.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
            assert header.pixel_offset == -1
        elif dataset[name].is_undefined_length:
            assert header.pixel_length == -1
            assert path.read_bytes()[header.pixel_offset :][:4] == b"\xfe\xff\x00\xe0"
        else:
            value = path.read_bytes()[header.pixel_offset :][: header.pixel_length]
            assert value == dataset.get_item(name).value

    def test_an_object_without_pixels_has_none(self, tmp_path: Path) -> None:
        dataset = image()
        del dataset.PixelData
        header = read_header(write(tmp_path / "a", dataset))
        assert (header.pixel_offset, header.pixel_length) == (-1, -1)


class TestForms:
    @pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
    @pytest.mark.parametrize("preamble", [True, False])
    def test_little_endian_is_read_directly(self, tmp_path: Path, syntax: str, preamble: bool) -> None:
        path = write(tmp_path / "a", image(), syntax, preamble=preamble)
        header = read_header(path)
        assert header.reader == "direct"
        assert same(header.values, by_pydicom(path))
        assert header.values["Rows"] == 16
        assert path.read_bytes()[header.pixel_offset :] == image().PixelData

    @pytest.mark.parametrize(
        ("syntax", "preamble"),
        [(ExplicitVRBigEndian, True), (ExplicitVRBigEndian, False), (DeflatedExplicitVRLittleEndian, True)],
    )
    def test_the_rest_is_left_to_pydicom(self, tmp_path: Path, syntax: str, preamble: bool) -> None:
        dataset = image()
        dataset["PixelData"].VR = "OW"
        path = write(tmp_path / "a", dataset, syntax, preamble=preamble)
        header = read_header(path)
        assert header.reader == "pydicom"
        assert same(header.values, by_pydicom(path))
        assert (header.pixel_offset > 0) == (syntax == ExplicitVRBigEndian)

    @pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
    def test_sequences_of_undefined_length_are_skipped(self, tmp_path: Path, syntax: str) -> None:
        inner = Dataset()
        inner.SeriesInstanceUID = "6.6.6"
        inner.PixelData = b"\0\0"
        inner["PixelData"].VR = "OW"
        middle = Dataset()
        middle.ReferencedSeriesSequence = Sequence([inner, inner])
        middle["ReferencedSeriesSequence"].is_undefined_length = True
        middle.is_undefined_length_sequence_item = True
        inner.is_undefined_length_sequence_item = True
        dataset = image(ReferencedStudySequence=Sequence([middle, Dataset()]))
        dataset["ReferencedStudySequence"].is_undefined_length = True
        path = write(tmp_path / "a", dataset, syntax)
        header = read_header(path)
        assert header.reader == "direct"
        assert header.values["SeriesInstanceUID"] == CtSeries().series_uid
        assert same(header.values, by_pydicom(path))

    def test_an_implicit_sequence_in_un_of_undefined_length_is_skipped(self, tmp_path: Path) -> None:
        item = struct.pack("<HHI", 0x0020, 0x000E, 4) + b"6.6\0" + struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
        sequence = struct.pack("<HH2sHI", 0x0009, 0x1010, b"UN", 0, 0xFFFFFFFF)
        sequence += struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF) + item + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
        path = tmp_path / "a"
        path.write_bytes(bare(sequence + element(0x00100020, b"LO", b"P7")))
        header = read_header(path)
        assert (header.reader, header.values["PatientID"]) == ("direct", "P7")
        assert "SeriesInstanceUID" not in header.values

    @pytest.mark.parametrize("length", range(READ_BYTES - 480, READ_BYTES - 440))
    def test_an_element_may_lie_across_the_end_of_the_first_read(self, tmp_path: Path, length: int) -> None:
        dataset = image(PatientID="someone with a name of some length")
        dataset.private_block(0x0009, "hilum", create=True).add_new(1, "OB", bytes(length))
        path = write(tmp_path / "a", dataset)
        header = read_header(path)
        assert header.reader == "direct"
        assert same(header.values, by_pydicom(path))
        assert path.read_bytes()[header.pixel_offset :] == dataset.PixelData

    def test_a_large_value_is_skipped_without_reading_it(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        dataset = image()
        dataset.private_block(0x0009, "hilum", create=True).add_new(1, "OB", bytes(5_000_000))
        path = write(tmp_path / "a", dataset)
        amounts = []

        def pread(descriptor: int, count: int, offset: int, read: Any = os.pread) -> bytes:
            amounts.append(count)
            return read(descriptor, count, offset)  # type: ignore[no-any-return]

        monkeypatch.setattr(os, "pread", pread)
        assert read_header(path).values["PatientID"] == "P1"
        assert amounts == [READ_BYTES, READ_BYTES]

    def test_elements_out_of_order_are_read(self, tmp_path: Path) -> None:
        path = tmp_path / "a"
        path.write_bytes(
            bare(
                element(0x00280010, b"US", b"\x10\0")
                + element(0x00100020, b"LO", b"P1")
                + element(0x00080060, b"CS", b"CT")
            )
        )
        assert same(read_header(path).values, by_pydicom(path))
        assert set(read_header(path).values) == {"TransferSyntaxUID", "Rows", "PatientID", "Modality"}


def bare(dataset: bytes, syntax: str = ExplicitVRLittleEndian) -> bytes:
    """A file of a data set's bytes, with preamble and the least of a file meta group."""
    uid = syntax.encode()
    meta = element(0x00020010, b"UI", uid + b"\0" * (len(uid) % 2))
    return bytes(128) + b"DICM" + element(0x00020000, b"UL", struct.pack("<I", len(meta))) + meta + dataset


class TestValues:
    @pytest.mark.parametrize(
        ("vr", "raw", "tag"),
        [
            (b"DS", b" 1.50 ", 0x00180050),
            (b"DS", b"1.5\\2.5\\", 0x00280030),
            (b"DS", b"\\", 0x00280030),
            (b"DS", b"nan ", 0x00180050),
            (b"DS", b"1e400 ", 0x00180050),
            (b"DS", b"1,5 ", 0x00180050),
            (b"DS", b"1.5\0", 0x00180050),
            (b"IS", b" 12 ", 0x00200013),
            (b"IS", b"12\0\0", 0x00200013),
            (b"IS", b"1.0 ", 0x00200013),
            (b"IS", b"1.5 ", 0x00200013),
            (b"IS", b"inf ", 0x00200013),
            (b"IS", b"1\\2", 0x00200013),
            (b"US", b"\x01\0\x02\0", 0x00280010),
            (b"SS", b"\xff\xff", 0x00280120),
            (b"UL", b"\x01\0\0\0", 0x00280010),
            (b"US", b"\x01\0\x02", 0x00280010),
            (b"CS", b" A\\ B \\C ", 0x00080008),
            (b"LO", b" A \\B  \\", 0x0008103E),
            (b"LO", b"\xe9t\xe9 ", 0x0008103E),
            (b"UI", b"1.2\0", 0x0020000E),
            (b"UI", b"1.2\\1.3\0", 0x0020000E),
            (b"PN", b"A^B=\xe9=", 0x00100010),
            (b"PN", b"A^B\\C^D ", 0x00100010),
            (b"LT", b"text\\with ", 0x0008103E),
            (b"LO", b"    ", 0x0008103E),
            (b"LO", b"\x1b$B;3ED", 0x0008103E),
        ],
    )
    def test_odd_values_are_as_pydicom_gives_them(self, tmp_path: Path, vr: bytes, raw: bytes, tag: int) -> None:
        path = tmp_path / "a"
        path.write_bytes(bare(element(tag, vr, raw)))
        for _ in range(2):  # the second time from the memo
            assert same(read_header(path).values, by_pydicom(path))

    @pytest.mark.parametrize(
        ("terms", "name"),
        [
            ("ISO_IR 100", "Müller^Jörg"),
            ("ISO_IR 192", "山田^太郎"),
            ("ISO_IR 144", "Люкceмбypг"),
            ("GB18030", "王^小东"),
            (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎"),
        ],
    )
    def test_character_sets_are_decoded(self, tmp_path: Path, terms: Any, name: str) -> None:
        dataset = image(SpecificCharacterSet=terms, PatientName=name)
        path = write(tmp_path / "a", dataset)
        assert read_header(path).values["PatientName"] == name
        assert same(read_header(path).values, by_pydicom(path))

    def test_the_same_bytes_mean_another_text_in_another_character_set(self, tmp_path: Path) -> None:
        names = {}
        for terms in (b"ISO_IR 100", b"ISO_IR 144"):
            path = tmp_path / terms.decode()
            path.write_bytes(bare(element(0x00080005, b"CS", terms) + element(0x00100010, b"PN", b"\xc0\xe0")))
            names[terms] = read_header(path).values["PatientName"]
            assert same(read_header(path).values, by_pydicom(path))
        assert len(set(names.values())) == 2

    def test_an_unknown_character_set_goes_to_pydicom(self, tmp_path: Path) -> None:
        path = tmp_path / "a"
        path.write_bytes(bare(element(0x00080005, b"CS", b"KLINGON ") + element(0x00100010, b"PN", b"A^B ")))
        assert read_header(path).reader == "pydicom"
        assert same(read_header(path).values, by_pydicom(path))

    @pytest.mark.parametrize(("representation", "padding"), [(0, 63536), (1, -2000), (None, 63536)])
    def test_implicit_padding_takes_its_sign_from_pixel_representation(
        self, tmp_path: Path, representation: int | None, padding: int
    ) -> None:
        elements = b"" if representation is None else struct.pack("<HHIH", 0x0028, 0x0103, 2, representation)
        elements += struct.pack("<HHIH", 0x0028, 0x0120, 2, 63536)
        path = tmp_path / "a"
        path.write_bytes(bare(elements, ImplicitVRLittleEndian))
        assert read_header(path).values["PixelPaddingValue"] == padding
        assert same(read_header(path).values, by_pydicom(path))

    def test_a_value_that_fits_no_vr_is_named(self, tmp_path: Path) -> None:
        path = tmp_path / "a"
        path.write_bytes(bare(element(0x00280010, b"US", b"\x01\0\x02")))
        assert read_header(path) == Header({"TransferSyntaxUID": ExplicitVRLittleEndian}, unreadable=("Rows",))


class TestRefusals:
    def refused(self, path: Path, content: bytes) -> str:
        path.write_bytes(content)
        with pytest.raises(HeaderError) as caught:
            read_header(path)
        return caught.value.check

    def test_an_empty_file(self, tmp_path: Path) -> None:
        assert self.refused(tmp_path / "a", b"") == "empty-file"

    @pytest.mark.parametrize("content", [b"\0", b"hello", bytes(1000), b"\x08\0", b"PK\x03\x04" + bytes(200), b"DICM"])
    def test_what_is_no_dicom(self, tmp_path: Path, content: bytes) -> None:
        assert self.refused(tmp_path / "a", content) in {"not-dicom", "truncated-header"}

    def test_a_file_cut_anywhere_in_its_header_is_refused_or_lacks_its_pixels(self, tmp_path: Path) -> None:
        whole = write(tmp_path / "whole", image()).read_bytes()
        end = read_header(tmp_path / "whole").pixel_offset
        path = tmp_path / "cut"
        headers, refusals = [], []
        for size in range(133, end):
            path.write_bytes(whole[:size])
            try:
                headers.append(read_header(path))  # cut exactly between two elements
            except HeaderError as error:
                refusals.append((error.check, f"ends at byte {size} " in str(error)))
        assert set(refusals) == {("truncated-header", True)}
        assert len(refusals) > 10 * len(headers) > 0
        assert {header.pixel_offset for header in headers} == {-1}

    @pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
    @pytest.mark.parametrize("keep", [b"TransferSyntaxUID", b"PatientID"])
    def test_a_file_of_which_zeros_were_written_for_the_rest(self, tmp_path: Path, syntax: str, keep: bytes) -> None:
        path = write(tmp_path / "whole", image(), syntax)
        place = path.read_bytes().index(b"\x08\0\x08\0" if keep == b"TransferSyntaxUID" else b"\x10\0\x20\0")
        with path.open("r+b") as file:
            file.truncate(place)
            file.truncate(300_000_000)  # a hole: no byte of it is on disk
        with pytest.raises(HeaderError, match=f"zeros from byte {place} on") as caught:
            read_header(path)
        assert caught.value.check == "truncated-header"

    def test_a_big_endian_file_cut_inside_an_element(self, tmp_path: Path) -> None:
        dataset = image()
        dataset["PixelData"].VR = "OW"
        whole = write(tmp_path / "whole", dataset, ExplicitVRBigEndian).read_bytes()
        place = whole.index(b"STANDARD")
        assert self.refused(tmp_path / "a", whole[: place + 3]) == "truncated-header"

    def test_a_deflated_bomb_is_refused_before_it_is_held(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(fallback, "DEFLATED_LIMIT_BYTES", 5_000_000)
        deflate = zlib.compressobj(wbits=-15)
        bomb = deflate.compress(bytes(6_000_000)) + deflate.flush()
        path = tmp_path / "bomb.dcm"
        path.write_bytes(bare(bomb, DeflatedExplicitVRLittleEndian))
        with pytest.raises(HeaderError, match="larger than 5,000,000 bytes"):
            read_header(path)

    def test_deflated_bytes_that_do_not_inflate(self, tmp_path: Path) -> None:
        content = bare(b"no deflate stream", DeflatedExplicitVRLittleEndian)
        assert self.refused(tmp_path / "a", content) == "unreadable-header"

    def test_sequences_nested_beyond_all_sense_end(self, tmp_path: Path) -> None:
        start = struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF)
        start += struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
        path = tmp_path / "a"
        path.write_bytes(bare(start * 5000))
        with pytest.raises(HeaderError):
            read_header(path)

    def test_no_such_file_is_an_os_error(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            read_header(tmp_path / "none")


def test_attributes_of_nested_items_are_not_taken_for_the_data_sets_own(tmp_path: Path) -> None:
    item = Dataset()
    for attribute in ATTRIBUTES[1:]:
        if attribute.vr == "UI":
            setattr(item, attribute.keyword, "9.9.9")
    path = write(tmp_path / "a", image(ReferencedImageSequence=Sequence([item])))
    assert "9.9.9" not in read_header(path).values.values()


def test_a_dicomdir_is_told_by_its_media_class() -> None:
    header = read_header(PYDICOM_FILES / "dicomdirtests" / "DICOMDIR")
    assert header.media_class_uid == "1.2.840.10008.1.3.10"


def test_the_file_is_closed_whatever_happens(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"nothing of the kind")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        with pytest.raises(HeaderError):
            read_header(path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
