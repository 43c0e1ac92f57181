"""The contract of every format of findings, run on each; and how the list of formats is used."""

from __future__ import annotations

import hashlib
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pydicom
import pytest

from builders import SHARED_DATA, CtSeries, dicom_errors, needs_shared_data
from hilum.errors import FormatError
from hilum.findings.format import DESCRIPTIONS, Format
from hilum.findings.formats import format_named, format_of_name, formats, read_findings, recognise, write_findings
from hilum.findings.losses import PLACED
from hilum.findings.masks import lesions_from_mask, on_grid
from hilum.findings.segment_items import Algorithm, AlgorithmType
from hilum.model.codes import Code
from hilum.model.findings import FindingSet, Lesion, Mark
from hilum.model.masks import LabelMask, Segment
from hilum.volume.source import read_series

if TYPE_CHECKING:
    from hilum.model.series import Series
CT = CtSeries(
    shape=(6, 16, 20), spacing_mm=(2.5, 0.75, 0.75), origin_mm=(-10.0, 20.0, -30.0), participant="MED_LYMPH_001"
)
NODE = Code("59441001", "SCT", "Lymph node")
PRECISION_MM = 1e-3

WRITTEN = [one.name for one in formats() if one.write]
READ_AND_WRITTEN = [one.name for one in formats() if one.read and one.write]
MASKS = [one.name for one in formats() if one.has_voxels and one.read and one.write]
POINTS = [name for name in READ_AND_WRITTEN if name not in MASKS]

UNKEPT = {"nih": {"long_axis_mm"}, "sr": {"kind", "site", "tracking_uid"}}
"""What a format keeps of abdominal patients alone, or states itself where a lesion does not."""

OVERLAPPING = {"seg.nrrd", "seg"}
"""Formats of masks that keep overlapping segments."""

ATTRIBUTES = {each.name for each in fields(Lesion)} - PLACED
LESIONS_SAY = ATTRIBUTES - {"kind", "site", "tracking_uid"}
SEGMENT_SAYS = set(DESCRIPTIONS) - {"site"}
"""What the lesions and segments of the contract say."""

BY_INDEX = {"nih"}
"""Formats that place their findings in any grid of the right size: they hold indices, and warn."""

SCORED = {"sr", "table", "luna16"}
"""Formats whose marks are marks when they are read again; others show them as points."""

NAMES = {"nih": "annotations", "luna16": "a.luna16.csv", "nifti": "a.nii.gz"}

MALFORMED: dict[str, bytes] = {
    "sr": b"\x08\0\x16\0UI\x1e\x001.2.840.10008.5.1.4.1.1.88.33\0" + b"\x40\0\x30\xa7SQ\0\0\x10\0\0\0bad",
    "rtstruct": b"\x08\0\x16\0UI\x1e\x001.2.840.10008.5.1.4.1.1.481.3\0" + b"\x06\x30\x20\0SQ\0\0\x10\0\0\0bad",
    "seg.nrrd": b"NRRD0005\nSegment0_LabelValue:=none\ntype: uint8\ndimension: 3\nsizes: 1 1 1\nencoding: raw\n"
    b"space: lps\nspace directions: (1,0,0) (0,1,0) (0,0,1)\nspace origin: (0,0,0)\n\n\x01",
    "seg": bytes(128) + b"DICM" + b"\x02\0\x02\0UI\x1c\x001.2.840.10008.5.1.4.1.1.66.4\0" + b"\xff" * 64,
    "seg-labelmap": bytes(128) + b"DICM" + b"\x02\0\x02\0UI\x1c\x001.2.840.10008.5.1.4.1.1.66.7\0",
    "nrrd": b"NRRD0005\ntype: uint8\ndimension: 3\nsizes: 9999999 9999999 9999999\nencoding: gzip\n\n",
    "nifti": b"\x5c\x01\0\0" + bytes(400),
    "mrk.json": b'{"@schema": "markups-schema", "markups": [{"type": "Line", "controlPoints": [{"position": [1]}]}]}',
    "fcsv": b"# Markups fiducial file version = 4.11\n# CoordinateSystem = LPS\n1,2,nan,3\n",
    "coco": b'{"images": [], "annotations": [{"image_id": 7}]}',
    "mps": b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><point_set_file>&b;</point_set_file>",
    "luna16": b"seriesuid,coordX,coordY,coordZ,diameter_mm\n1.2,3,4\n",
    "table": b"exam_id,x_mm,y_mm,z_mm\n1.2,3,4,inf\n",
}


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Series:
    folder = tmp_path_factory.mktemp("ct")
    CT.write(folder)
    return read_series(folder)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Series:
    """The same series, were its slices 40 mm higher."""
    folder = tmp_path_factory.mktemp("elsewhere")
    replace(CT, origin_mm=(-10.0, 20.0, 10.0)).write(folder)
    return read_series(folder)


@pytest.fixture(scope="module")
def real() -> Series:
    return read_series(SHARED_DATA / "cmb_crc_chest")


def mask_of(target: Series) -> LabelMask:
    labels = np.zeros(target.geometry.shape, np.uint8)
    labels[1:4, 3:9, 2:7], labels[4, 12, 15], labels[0, 0, 0] = 3, 7, 1
    segments = {
        3: Segment("hilar node", (10, 200, 30), Code("123037004", "SCT", "Anatomical Structure"), NODE),
        7: Segment("small one", (250, 0, 0), Code("49755003", "SCT", "Morphologically Abnormal Structure"), NODE),
        1: Segment("corner", (0, 0, 255), Code("123037004", "SCT", "Anatomical Structure"), NODE),
    }
    tracked = {
        label: replace(segment, tracking_id=f"N{label}", tracking_uid=f"1.2.{label}")
        for label, segment in segments.items()
    }
    return LabelMask(labels, target.geometry, tracked)


def masked(target: Series) -> FindingSet:
    return FindingSet(target.uid, target.uid, target["FrameOfReferenceUID"], mask=mask_of(target))


def pointed(target: Series) -> FindingSet:
    first, second, third = target.geometry.to_mm([(1, 2, 3), (4, 10, 12), (5, 15, 19)]).tolist()
    long = (tuple(target.geometry.to_mm((1, 2, 0)).tolist()), tuple(target.geometry.to_mm((1, 2, 6)).tolist()))
    short = (tuple(target.geometry.to_mm((1, 1, 3)).tolist()), tuple(target.geometry.to_mm((1, 3, 3)).tolist()))
    lesions = (
        Lesion(target.uid, "N1", tuple(first), short_axis_mm=1.5, long_axis_mm=4.5, label="mediastinal lymph node",
               series_uid=target.uid, long_ends_mm=long, short_ends_mm=short, diameter_mm=4.25, mask_label=2),
        Lesion(target.uid, "N 2", tuple(second), short_axis_mm=8.25, label='a "quoted", node', series_uid=target.uid,
               box_mm=(4.0, 6.0, 2.5), is_excluded=True),
        Lesion(target.uid, "3", tuple(third), series_uid=target.uid),
    )  # fmt: skip
    return FindingSet(target.uid, target.uid, target["FrameOfReferenceUID"], lesions=lesions)


def findings_for(form: Format, target: Series) -> FindingSet:
    return masked(target) if form.has_voxels else pointed(target)


def place(folder: Path, form: Format) -> Path:
    return folder / NAMES.get(form.name, f"a{form.suffixes[0] if form.suffixes else ''}")


def content(path: Path) -> dict[str, str]:
    files = [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())
    return {one.relative_to(path.parent).as_posix(): hashlib.sha256(one.read_bytes()).hexdigest() for one in files}


class TestContract:
    """What holds for every format."""

    @pytest.mark.parametrize("name", MASKS)
    def test_voxels_come_back_where_they_were(self, name: str, target: Series, tmp_path: Path) -> None:
        form, sent = format_named(name), mask_of(target)
        write_findings(place(tmp_path, form), masked(target), target, form=form)
        found = read_findings(place(tmp_path, form), target)
        assert found.mask is not None
        assert (found.exam_id, found.series_uid) == (target.uid, target.uid)
        here = on_grid(found.mask, target.geometry, "found")
        assert np.array_equal(here.labels, sent.labels)
        assert here.geometry == target.geometry
        if form.keeps == DESCRIPTIONS:
            assert dict(found.mask.segments) == dict(sent.segments)

    @pytest.mark.parametrize("name", MASKS)
    def test_overlapping_segments_come_back_or_are_refused(self, name: str, target: Series, tmp_path: Path) -> None:
        form, sent = format_named(name), mask_of(target)
        over = np.zeros_like(sent.labels)
        over[2:5, 5:13, 4:16] = 9
        both = replace(sent, overlaid=(over,), segments={**sent.segments, 9: replace(sent.segments[3], name="over")})
        findings = replace(masked(target), mask=both)
        if name not in OVERLAPPING:
            with pytest.raises(FormatError, match="voxels have two labels"):
                write_findings(place(tmp_path, form), findings, target, form=form)
            return
        write_findings(place(tmp_path, form), findings, target, form=form)
        found = read_findings(place(tmp_path, form), target).mask
        assert found is not None
        assert found.present == both.present
        here = on_grid(found, target.geometry, "found")
        for label in sorted(both.present):
            is_sent = np.any([layer == label for layer in both.layers], axis=0)
            assert np.array_equal(np.any([layer == label for layer in here.layers], axis=0), is_sent)

    @pytest.mark.parametrize("name", POINTS)
    def test_points_come_back_with_what_the_format_keeps(self, name: str, target: Series, tmp_path: Path) -> None:
        form, sent = format_named(name), pointed(target)
        write_findings(place(tmp_path, form), sent, target, form=form)
        found = read_findings(place(tmp_path, form), target)
        assert (found.exam_id, found.series_uid) == (target.uid, target.uid)
        assert len(found.lesions) == len(sent.lesions)
        for mine, theirs in zip(sent.lesions, found.lesions, strict=True):
            assert np.linalg.norm(np.subtract(mine.position_mm, theirs.position_mm)) <= PRECISION_MM
            for kept in form.keeps & ATTRIBUTES - UNKEPT.get(name, set()):
                assert getattr(theirs, kept) == (
                    pytest.approx(getattr(mine, kept), abs=PRECISION_MM)
                    if kept.endswith("_axis_mm") and getattr(mine, kept)
                    else getattr(mine, kept)
                ), kept

    @pytest.mark.parametrize("name", POINTS)
    def test_a_mask_becomes_points_by_measuring(self, name: str, target: Series, tmp_path: Path) -> None:
        form = format_named(name)
        write_findings(place(tmp_path, form), masked(target), target, form=form)
        found = read_findings(place(tmp_path, form), target).lesions
        half_voxel_mm = np.linalg.norm(CT.spacing_mm) / 2 if name in BY_INDEX else PRECISION_MM
        for mine, theirs in zip(lesions_from_mask(mask_of(target), target.uid), found, strict=True):
            assert np.linalg.norm(np.subtract(mine.position_mm, theirs.position_mm)) <= half_voxel_mm

    @pytest.mark.parametrize("name", [name for name in WRITTEN if format_named(name).has_voxels])
    def test_points_never_become_voxels(self, name: str, target: Series, tmp_path: Path) -> None:
        form = format_named(name)
        with pytest.raises(FormatError, match="3 points without; a point does not say which voxels"):
            write_findings(place(tmp_path, form), pointed(target), target, form=form)
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize("name", READ_AND_WRITTEN)
    def test_format_is_known_by_content(self, name: str, target: Series, tmp_path: Path) -> None:
        form = format_named(name)
        path = place(tmp_path, form)
        write_findings(path, findings_for(form, target), target, form=form)
        assert recognise(path) is form
        if path.is_file() and name != "nifti":
            other = path.rename(tmp_path / "without a known name")
            assert recognise(other) is form

    @pytest.mark.parametrize("name", [name for name in READ_AND_WRITTEN if name not in BY_INDEX])
    def test_another_place_is_refused_with_the_distance(
        self, name: str, target: Series, elsewhere: Series, tmp_path: Path
    ) -> None:
        form = format_named(name)
        write_findings(place(tmp_path, form), findings_for(form, target), target, form=form)
        with pytest.raises(FormatError, match=r"\d+\.\d\d mm"):
            read_findings(place(tmp_path, form), elsewhere)

    @pytest.mark.parametrize("name", [name for name in WRITTEN if format_named(name).has_voxels])
    def test_a_mask_of_another_grid_is_not_written(
        self, name: str, elsewhere: Series, target: Series, tmp_path: Path
    ) -> None:
        form = format_named(name)
        with pytest.raises(FormatError, match=r"40\.00 mm from that of the series"):
            write_findings(place(tmp_path, form), masked(target), elsewhere, form=form)
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize("name", WRITTEN)
    def test_equal_findings_give_equal_bytes_and_nothing_else(self, name: str, target: Series, tmp_path: Path) -> None:
        form = format_named(name)
        first, second = place(tmp_path / "1", form), place(tmp_path / "2", form)
        for path in (first, second):
            write_findings(path, findings_for(form, target), target, form=form)
        assert content(first) == content(second)
        assert [one.name for one in first.parent.iterdir()] == [first.name]

    @pytest.mark.parametrize("name", MALFORMED)
    def test_malformed_files_are_refused_by_name(self, name: str, target: Series, tmp_path: Path) -> None:
        path = place(tmp_path, format_named(name))
        path.write_bytes(MALFORMED[name])
        assert recognise(path) is format_named(name)
        with pytest.raises(FormatError, match=f"{path.name}"):
            read_findings(path, target)

    @pytest.mark.parametrize("name", READ_AND_WRITTEN)
    def test_a_cut_file_is_read_or_refused_and_never_fails_otherwise(
        self, name: str, target: Series, tmp_path: Path
    ) -> None:
        form = format_named(name)
        path = place(tmp_path, form)
        write_findings(path, findings_for(form, target), target, form=form)
        files = [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())
        whole = files[0].read_bytes()
        for share in (0, 1, 8, len(whole) // 4, len(whole) // 2, len(whole) - 12):
            files[0].write_bytes(whole[:share])
            try:
                read_findings(path, target, form=form)
            except FormatError as error:
                assert path.name in str(error)  # noqa: PT017
        if form.has_voxels:
            with pytest.raises(FormatError):
                read_findings(path, target, form=form)

    @pytest.mark.parametrize("name", [one.name for one in formats() if one.read])
    def test_no_file_of_a_format_is_an_error(self, name: str, target: Series, tmp_path: Path) -> None:
        with pytest.raises(FormatError, match="cannot be read"):
            read_findings(tmp_path / "absent", target)
        (tmp_path / "other").write_bytes(b"nothing that is known")
        with pytest.raises(FormatError, match="other"):
            read_findings(tmp_path / "other", target, form=format_named(name))


@pytest.mark.parametrize("name", WRITTEN)
def test_what_a_format_does_not_hold_is_told(name: str, target: Series, tmp_path: Path) -> None:
    form, sent = format_named(name), findings_for(format_named(name), target)
    lost = write_findings(place(tmp_path, form), sent, target, form=form)
    every = SEGMENT_SAYS if form.has_voxels else LESIONS_SAY
    kept = form.keeps - UNKEPT["nih"] if name == "nih" else form.keeps
    assert set(lost) == every - kept - ({"long_axis_mm"} if "long_ends_mm" in form.keeps else set())


@pytest.mark.parametrize("name", [name for name in POINTS if format_named(name).marks != "never"])
def test_what_a_format_does_not_hold_of_marks_is_told(name: str, target: Series, tmp_path: Path) -> None:
    form = format_named(name)
    x, y, z = target.geometry.to_mm((2, 6, 8)).tolist()
    mark = Mark(target.uid, (x, y, z), 0.75, target.uid, diameter_mm=3.5, box_mm=(3.0, 4.5, 2.5))
    sent = FindingSet(target.uid, target.uid, marks=(mark,))
    lost = write_findings(place(tmp_path, form), sent, target, form=form)
    assert lost == tuple(each for each in ("score", "diameter_mm", "box_mm") if each not in form.keeps_of_marks)
    found = read_findings(place(tmp_path, form), target)
    for each in form.keeps_of_marks & {"score", "diameter_mm", "box_mm"}:
        assert [getattr(one, each) for one in found.every] == [getattr(mark, each)]
    assert ("score" in lost) == (name not in SCORED)


@pytest.mark.parametrize("name", MASKS)
def test_lesions_and_marks_that_a_mask_does_not_hold_are_told(name: str, target: Series, tmp_path: Path) -> None:
    form, point = format_named(name), pointed(target).lesions[0]
    linked = replace(point, lesion_id="N3", mask_label=3, long_ends_mm=None, short_ends_mm=None)
    others = tuple(replace(point, lesion_id=str(number), mask_label=label) for number, label in ((4, None), (5, 9)))
    mark = Mark(target.uid, point.position_mm, 0.5)
    sent = replace(masked(target), lesions=(linked, *others), marks=(mark,))
    lost = write_findings(place(tmp_path, form), sent, target, form=form)
    said = ("short_axis_mm", "long_axis_mm", "diameter_mm", "2 lesions without voxels", "1 marks")
    assert lost[-5:] == said
    assert set(lost[:-5]) == SEGMENT_SAYS - form.keeps


@pytest.mark.parametrize("name", [name for name in MASKS if format_named(name).keeps])
def test_segments_have_the_words_of_their_lesions(name: str, target: Series, tmp_path: Path) -> None:
    form = format_named(name)
    plain = LabelMask(mask_of(target).labels, target.geometry, {3: Segment("as the mask says")})
    lesions = tuple(
        Lesion(target.uid, f"N{label}", (0, 0, 0), label="node", kind=NODE, tracking_uid=f"1.2.{label}",
               mask_label=label)
        for label in (3, 7)
    )  # fmt: skip
    path = place(tmp_path, form)
    assert write_findings(path, FindingSet(target.uid, mask=plain, lesions=lesions), target, form=form) == ()
    found = read_findings(path, target).mask
    assert found is not None
    said = [(one.name, one.kind, one.tracking_id, one.tracking_uid) for one in map(found.segments.get, (3, 7)) if one]
    assert said == [("as the mask says", NODE, "N3", "1.2.3"), ("node", NODE, "N7", "1.2.7")]


@pytest.mark.parametrize("name", WRITTEN)
def test_who_drew_it_is_said_or_refused(name: str, target: Series, tmp_path: Path) -> None:
    form, algorithm = format_named(name), Algorithm(AlgorithmType.SEMIAUTOMATIC, "snake 2")
    path = place(tmp_path, form)
    if name not in {"seg", "seg-labelmap"}:
        with pytest.raises(FormatError, match="does not say who drew a mask; leave the algorithm out"):
            write_findings(path, findings_for(form, target), target, form=form, algorithm=algorithm)
        assert not path.exists()
        return
    write_findings(path, findings_for(form, target), target, form=form, algorithm=algorithm)
    said = {(item.SegmentAlgorithmType, item.SegmentAlgorithmName) for item in pydicom.dcmread(path).SegmentSequence}
    assert said == {("SEMIAUTOMATIC", "snake 2")}
    assert dicom_errors(path) == [] or name == "seg-labelmap"


@pytest.mark.parametrize("name", [name for name in READ_AND_WRITTEN if name not in {"seg", "seg-labelmap"}])
def test_a_threshold_is_of_shares_alone(name: str, target: Series, tmp_path: Path) -> None:
    form = format_named(name)
    write_findings(place(tmp_path, form), findings_for(form, target), target, form=form)
    with pytest.raises(FormatError, match="has no shares of voxels; leave the threshold out"):
        read_findings(place(tmp_path, form), target, threshold=0.5)


def test_numbers_for_names_are_no_loss(target: Series, tmp_path: Path) -> None:
    plain = LabelMask(mask_of(target).labels, target.geometry, {3: Segment("3")})
    assert write_findings(tmp_path / "a.nii", FindingSet(target.uid, mask=plain)) == ()
    lone = Lesion("e", "1", (1, 2, 3), diameter_mm=4, series_uid="1.2", source="a.csv:2")
    assert write_findings(tmp_path / "a.luna16.csv", FindingSet("e", lesions=(lone,))) == ()


def test_every_format_is_covered() -> None:
    assert set(MASKS) >= OVERLAPPING


def failing(path: Path, _findings: FindingSet, _target: Series | None) -> None:
    path.write_text("half")
    raise FormatError("the disk fell down")


def test_writing_that_fails_leaves_what_was_there(target: Series, tmp_path: Path) -> None:
    path = tmp_path / "a.x"
    path.write_text("before")
    form = Format("x", "a format that fails", (".x",), lambda path, start: False, write=failing)
    with pytest.raises(FormatError, match="fell down"):
        write_findings(path, pointed(target), target, form=form)
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("a.x", "before")]


def test_a_folder_that_is_not_empty_is_not_replaced(target: Series, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("keep")
    with pytest.raises(FormatError, match="not empty"):
        write_findings(tmp_path / "out", pointed(target), target, form=format_named("nih"))
    assert (tmp_path / "out" / "mine").read_text() == "keep"


def test_name_decides_the_format_written_by_its_longest_end() -> None:
    assert format_of_name(Path("A.SEG.NRRD")).name == "seg.nrrd"
    assert format_of_name(Path("a.nrrd")).name == "nrrd"
    assert format_of_name(Path("a.luna16.csv")).name == "luna16"
    assert format_of_name(Path("a.csv")).name == "table"
    with pytest.raises(FormatError, match=r"a\.doc: its name does not say .* \.seg\.nrrd"):
        format_of_name(Path("a.doc"))
    with pytest.raises(FormatError, match=r"expected one of .*seg\.nrrd"):
        format_named("nonesuch")


@pytest.mark.parametrize("name", POINTS)
def test_marks_travel_where_the_format_holds_them_and_are_refused_elsewhere(
    name: str, target: Series, tmp_path: Path
) -> None:
    positions = target.geometry.to_mm([(1, 2, 3), (4, 10, 12)]).tolist()
    marks = tuple(
        Mark(target.uid, (x, y, z), score, target.uid) for (x, y, z), score in zip(positions, (0.75, 0.25), strict=True)
    )
    form = format_named(name)
    sent = FindingSet(target.uid, target.uid, marks=marks)
    if form.marks == "never":
        with pytest.raises(FormatError, match="holds lesions, and there are 0 lesions and 2 marks"):
            write_findings(place(tmp_path, form), sent, target, form=form)
        return
    write_findings(place(tmp_path, form), sent, target, form=form)
    found = read_findings(place(tmp_path, form), target)
    assert [one.position_mm for one in found.marks or found.lesions] == [mark.position_mm for mark in marks]
    if name in SCORED:
        assert [mark.score for mark in found.marks] == [0.75, 0.25]


@pytest.mark.parametrize("name", POINTS)
def test_lesions_and_marks_together_lose_neither(name: str, target: Series, tmp_path: Path) -> None:
    form = format_named(name)
    marks = tuple(Mark(target.uid, one.position_mm, 0.5, target.uid) for one in pointed(target).lesions)
    both = replace(pointed(target), marks=marks)
    if form.marks == "beside lesions":
        write_findings(place(tmp_path, form), both, target, form=form)
        found = read_findings(place(tmp_path, form), target)
        assert (len(found.lesions), len(found.marks)) == (3, 3)
        return
    with pytest.raises(FormatError, match="there are 3 lesions and 3 marks; write a structured report"):
        write_findings(place(tmp_path, form), both, target, form=form)
    assert not list(tmp_path.iterdir())


@needs_shared_data
@pytest.mark.parametrize("name", MASKS)
def test_masks_on_a_real_ct_come_back_voxel_for_voxel(name: str, real: Series, tmp_path: Path) -> None:
    labels = np.zeros(real.geometry.shape, np.uint8)
    labels[40:46, 200:220, 150:190], labels[60, 300, 300] = 1, 2
    form, kind = (
        format_named(name),
        Segment("node", category=Code("123037004", "SCT", "Anatomical Structure"), kind=NODE),
    )
    sent = FindingSet(real.uid, real.uid, mask=LabelMask(labels, real.geometry, {1: kind, 2: kind}))
    write_findings(place(tmp_path, form), sent, real, form=form)
    found = read_findings(place(tmp_path, form), real).mask
    assert found is not None
    assert np.array_equal(on_grid(found, real.geometry, "found").labels, labels)


@needs_shared_data
@pytest.mark.parametrize("name", [name for name in POINTS if name not in BY_INDEX | {"sr", "table", "luna16"}])
def test_real_annotations_travel_unmoved(name: str, tmp_path: Path) -> None:
    patients = sorted((SHARED_DATA / "ct_lymph_nodes" / "MED_ABD_LYMPH_ANNOTATIONS").iterdir())[:20]
    form = format_named(name)
    for patient in patients:
        sent = read_findings(patient)
        path = place(tmp_path, form).with_name(f"{patient.name}{form.suffixes[0]}")
        write_findings(path, sent)
        found = read_findings(path)
        assert found.exam_id == patient.name
        assert [one.position_mm for one in found.lesions] == [one.position_mm for one in sent.lesions]


@pytest.mark.parametrize("name", POINTS)
def test_no_findings_are_a_file_without_findings(name: str, target: Series, tmp_path: Path) -> None:
    form = format_named(name)
    write_findings(place(tmp_path, form), FindingSet(target.uid, target.uid), target, form=form)
    if name in ("table", "luna16"):
        with pytest.raises(FormatError, match="no findings of series"):
            read_findings(place(tmp_path, form), target)
    else:
        assert read_findings(place(tmp_path, form), target).lesions == ()


def test_a_file_of_many_exams_needs_the_series(target: Series, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("exam_id,x_mm,y_mm,z_mm\na,1,2,3\nb,1,2,3\n")
    with pytest.raises(FormatError, match="has 2 exams; expected one, or name the series"):
        read_findings(path)
    with pytest.raises(FormatError, match=r"no findings of series .*; its exams are 'a', 'b' \(2 in all\)"):
        read_findings(path, target)
