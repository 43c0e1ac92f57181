"""Files of equal outlines have equal findings, whatever is written into them; slices of a series have equal ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pydicom
import pydicom.data
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from builders import DECLARED, SHARED_DATA, CtSeries, needs_shared_data
from hilum.check.header import examine_header, read_dataset
from hilum.check.outline import LARGEST_BYTES, VALUES_READ, outline_of
from hilum.errors import HeaderError
from hilum.index.header import read_header

if TYPE_CHECKING:
    from collections.abc import Callable

PYDICOM_FILES = Path(pydicom.data.__file__).parent / "test_files"

SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
VARYING = {
    "SOPInstanceUID": ("1.2.3", "2.25.4711"),
    "InstanceNumber": (1, 1000),
    "ImagePositionPatient": ([0, 0, 1], ["-1.5e2", "+.25", "12.50"]),
    "SliceLocation": ("1", "-211.375"),
    "ContentTime": ("010203", "235959.123456"),
    "AcquisitionDateTime": ("20000102030405", "2001"),
    "LargestImagePixelValue": (7, 4095),
    "FilterType": ("FLAT", "wedge 3^b"),
    "IrradiationEventUID": ("1.2", "1.2.840.113619.2.55"),
}
"""Attributes whose values differ from slice to slice, each of which has the same findings."""

TOLD = {
    "PatientID": "OTHER",
    "PatientName": "Doe",
    "PatientIdentityRemoved": "NO",
    "DeidentificationMethod": None,
    "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"],
    "ScanOptions": "SCOUT",
    "BurnedInAnnotation": "YES",
    "SpecimenLabelInImage": "YES",
    "Modality": "SM",
    "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4",
    "SeriesDescription": "seen on 2001-02-03",
    "SliceThickness": "",
    "ImagePositionPatient": None,
    "FrameOfReferenceUID": "1.02",
    "OperatorsName": "Doe",
    "ContentTime": "",
}
"""Changes of an attribute that change what is found, or may."""

WRITTEN = st.sampled_from([*b" \0\\0129.-+eAa^=/\n\t\x01\x1b\xe9\xff"])


def sliced(syntax: str = ExplicitVRLittleEndian, **changed: Any) -> Dataset:
    """A slice with nested and private elements."""
    (dataset,) = CtSeries((1, 4, 4), override=DECLARED, transfer_syntax=syntax).datasets()
    code, source, inner = Dataset(), Dataset(), Dataset()
    code.CodeValue = "113100"
    inner.CodeMeaning = "seen by Dr. Meier"
    source.ReferencedSOPInstanceUID, source.OperatorsName, source.PurposeOfReferenceCodeSequence = "1.2.4", "", [inner]
    dataset.DeidentificationMethodCodeSequence, dataset.SourceImageSequence = [code], [source, Dataset()]
    dataset["SourceImageSequence"].is_undefined_length = True
    dataset.private_block(0x0019, "GEMS_ACQU_01", create=True).add_new(0x23, "DS", "1.5")
    for keyword, (value, _) in VARYING.items():
        setattr(dataset, keyword, value)
    return altered(dataset, **changed)


def altered(dataset: Dataset, **changed: Any) -> Dataset:
    for keyword, value in changed.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    return dataset


def written(dataset: Dataset, path: Path) -> Path:
    dataset.file_meta.MediaStorageSOPClassUID = pydicom.uid.CTImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.save_as(path, enforce_file_format=True, little_endian=None)
    return path


def verdict(path: Path, kind: str = "axial") -> object:
    """What examining the file itself gives."""
    try:
        return examine_header(read_dataset(path), kind)
    except HeaderError as error:
        return error.check


@pytest.fixture(scope="module")
def slices(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("slices")
    return {syntax: written(sliced(syntax), folder / syntax).read_bytes() for syntax in SYNTAXES}


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("keyword", VARYING)
def test_what_differs_from_slice_to_slice_leaves_the_outline_as_it_is(
    keyword: str, syntax: str, tmp_path: Path
) -> None:
    first = written(sliced(syntax), tmp_path / "first")
    other = written(sliced(syntax, **{keyword: VARYING[keyword][1]}), tmp_path / "other")
    assert outline_of(first) == outline_of(other) is not None
    assert verdict(first) == verdict(other)


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("keyword", TOLD)
@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
def test_what_a_check_looks_into_makes_another_outline(keyword: str, syntax: str, tmp_path: Path) -> None:
    first = written(sliced(syntax), tmp_path / "first")
    other = written(sliced(syntax, **{keyword: TOLD[keyword]}), tmp_path / "other")
    assert None not in (outline_of(first), outline_of(other))
    assert outline_of(first) != outline_of(other)


def test_another_uid_of_the_media_makes_another_outline(tmp_path: Path) -> None:
    first, other = written(sliced(), tmp_path / "first"), written(sliced(), tmp_path / "other")
    content = first.read_bytes()
    assert content.count(b"\x06\x001.2.3\0") == 2
    other.write_bytes(content.replace(b"\x06\x001.2.3\0", b"\x06\x001.2.9\0", 1))
    assert ("other-media-uid", "MediaStorageSOPInstanceUID") in examine_header(read_dataset(other))
    assert outline_of(first) != outline_of(other) is not None


@pytest.mark.parametrize("syntax", SYNTAXES)
@settings(max_examples=400)
@given(damage=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), WRITTEN), min_size=1, max_size=3))
def test_files_of_equal_outlines_have_equal_findings(
    syntax: str, slices: dict[str, bytes], damage: list[tuple[float, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = slices[syntax]
    first, other = (tmp_path_factory.getbasetemp() / name for name in ("first", "other"))
    first.write_bytes(content)
    changed = bytearray(content)
    end = read_header(first).pixel_offset
    for place, value in damage:
        changed[132 + int(place * (end - 132))] = value
    other.write_bytes(changed)
    if outline_of(first) == outline_of(other):
        assert verdict(first) == verdict(other)


@pytest.mark.parametrize("path", sorted(PYDICOM_FILES.glob("*.dcm")), ids=lambda path: path.stem)
def test_every_digit_changed_in_a_file_of_pydicoms(path: Path, tmp_path: Path) -> None:
    """Digits stand in whatever differs from slice to slice, and in much else."""
    content = path.read_bytes()[:20_000]
    changed = content[:132] + content[132:].translate(bytes.maketrans(b"123456789", b"987654321"))
    first, other = tmp_path / "first", tmp_path / "other"
    first.write_bytes(content)
    other.write_bytes(changed)
    if (outline := outline_of(first)) is not None and outline == outline_of(other):
        assert verdict(first) == verdict(other)


@needs_shared_data
def test_real_slices_have_few_outlines_and_those_of_one_equal_findings() -> None:
    folders = ["cmb_crc_chest", "slice_gaps", "philips_ct_edge_cases", "totalsegmentator_ct"]
    paths = [path for name in folders for path in sorted((SHARED_DATA / name).rglob("*")) if path.is_file()]
    found: dict[Any, list[object]] = {}
    for path in paths:
        if (outline := outline_of(path)) is not None:
            found.setdefault(outline, []).append(verdict(path))
    assert all(one == verdicts[0] for verdicts in found.values() for one in verdicts)
    assert sum(map(len, found.values())) > 150
    assert max(map(len, found.values())) == 100


class Told(Dataset):
    """A data set that notes which attributes it is asked the value of."""

    asked: ClassVar[set[str]] = set()

    def get(self, key: Any, default: Any = None) -> Any:
        if isinstance(key, str):
            self.asked.add(key)
        return super().get(key, default)


def test_every_value_that_a_check_reads_is_in_the_outline() -> None:
    dataset, code = Told(sliced()), Told()
    code.CodeValue = "113100"
    dataset.DeidentificationMethodCodeSequence = [code]
    dataset.file_meta = Told()  # type: ignore[assignment]
    examine_header(dataset, "axial")
    compared = {"SOPInstanceUID", "MediaStorageSOPInstanceUID", "DeidentificationMethodCodeSequence"}
    assert {"PatientName", "CodeValue", "ScanOptions"} < Told.asked <= {*VALUES_READ, *compared}


@pytest.mark.parametrize("syntax", [ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_uncommon_syntaxes_have_no_outline(syntax: str, tmp_path: Path) -> None:
    dataset = sliced(syntax)
    dataset["PixelData"].VR = "OW"
    assert outline_of(written(dataset, tmp_path / "a")) is None


def private(dataset: Dataset) -> None:
    dataset.private_block(0x0029, "large", create=True).add_new(1, "OB", bytes(LARGEST_BYTES))


CHANGES: dict[str, Callable[[Dataset], None]] = {
    "large": private,
    "letters": lambda dataset: setattr(dataset, "SpecificCharacterSet", "KLINGON"),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.filterwarnings("ignore:Unknown encoding")
def test_a_header_that_is_large_or_of_unknown_letters_has_none(change: str, tmp_path: Path) -> None:
    dataset = sliced()
    CHANGES[change](dataset)
    assert outline_of(written(dataset, tmp_path / "a")) is None


def test_a_header_that_is_cut_or_none_at_all_has_none(slices: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / "a"
    whole = slices[ExplicitVRLittleEndian]
    for content in (b"", b"no DICOM at all", whole[: whole.index(b"113100") + 3], whole[:131]):
        path.write_bytes(content)
        assert outline_of(path) is None
    assert outline_of(tmp_path) is None
    assert outline_of(tmp_path / "absent") is None


def test_a_header_longer_than_the_first_read_is_read_on(tmp_path: Path) -> None:
    outlines = []
    for number in range(2):
        dataset = sliced(InstanceNumber=number)
        dataset.private_block(0x0029, "some", create=True).add_new(1, "OB", bytes([number + 1]) * 30_000)
        dataset.NumberOfSlices = 7
        outlines.append(outline_of(written(dataset, tmp_path / str(number))))
    assert outlines[0] == outlines[1]
    assert outlines[0] is not None
    assert len(outlines[0]) > 60
