"""Segmentations as 3D Slicer itself writes them: cut to a box, in layers, in any space."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nibabel
import numpy as np
import pytest
import SimpleITK

from builders import CtSeries
from hilum.errors import FormatError
from hilum.findings.formats import read_findings, recognise, write_findings
from hilum.findings.mask_folder import mask_of_file, measure_masks
from hilum.findings.seg_nrrd import read_segmentation, write_segmentation
from hilum.findings.slicer_terms import terms_of, terms_text
from hilum.model.codes import Code
from hilum.model.findings import FindingSet
from hilum.model.geometry import Geometry
from hilum.model.masks import LabelMask, Segment
from hilum.volume.source import read_series

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from hilum.model.series import Series

CT = CtSeries(shape=(6, 16, 20), spacing_mm=(2.5, 0.75, 0.5), origin_mm=(-10.0, 20.0, -30.0))

TAGS = (
    "Segmentation.Status:inprogress|TerminologyEntry:Segmentation category and type - 3D Slicer General Anatomy list~"
    "SCT^123037004^Anatomical Structure~SCT^59441001^Lymph node~^^~Anatomic codes - DICOM master list~"
    "SCT^72410000^Mediastinum~^^|"
)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Series:
    folder = tmp_path_factory.mktemp("ct")
    CT.write(folder)
    return read_series(folder)


def slicer_file(path: Path, layers: NDArray[np.uint8], *, low: tuple[int, int, int], **pairs: str) -> Path:
    """Write voxels (layer, slice, row, column) as 3D Slicer does, in RAS, from the voxel `low` of the CT on."""
    origin = np.multiply(CT.origin_mm, (-1, -1, 1)) + np.multiply(low[::-1], (-0.5, -0.75, 2.5))
    is_list = len(layers) > 1
    data = np.moveaxis(layers, 0, -1) if is_list else layers[0]
    lines = [
        "NRRD0004",
        "# Complete NRRD file format specification at:",
        "# http://teem.sourceforge.net/nrrd/format.html",
        "type: unsigned char",
        f"dimension: {data.ndim}",
        "space: right-anterior-superior",
        f"sizes: {' '.join(map(str, data.shape[::-1]))}",
        f"space directions: {'none ' * is_list}(-0.5,0,0) (0,-0.75,0) (0,0,2.5)",
        f"kinds: {'list ' * is_list}domain domain domain",
        "encoding: raw",
        f"space origin: ({','.join(map(str, origin))})",
        *(f"Segment{key}:={value}" for key, value in pairs.items()),
        f"Segmentation_ReferenceImageExtentOffset:={' '.join(map(str, low[::-1]))}",
    ]
    path.write_bytes("\n".join(lines).encode() + b"\n\n" + data.tobytes())
    return path


def test_a_file_cut_to_its_box_is_placed_in_the_series(target: Series, tmp_path: Path) -> None:
    box = np.zeros((1, 2, 3, 4), np.uint8)
    box[0, :, 1:, :2] = 4
    path = slicer_file(
        tmp_path / "a.seg.nrrd", box, low=(3, 5, 7),
        **{"0_ID": "s", "0_LabelValue": "4", "0_Layer": "0", "0_Name": "node", "0_Color": "0.5 1 0", "0_Tags": TAGS},
    )  # fmt: skip
    mask = read_findings(path, target).mask
    assert mask is not None
    expected = np.zeros(CT.shape, np.uint8)
    expected[3:5, 6:8, 7:9] = 4
    assert np.array_equal(mask.labels, expected)
    assert mask.segments[4] == Segment(
        "node", (128, 255, 0), Code("123037004", "SCT", ""), Code("59441001", "SCT", ""), Code("72410000", "SCT", "")
    )
    assert mask.segments[4].kind is not None
    assert mask.segments[4].kind.meaning == "Lymph node"


@pytest.mark.parametrize("low", [(3, 5, 17), (5, 5, 7), (-1, 5, 7)])
def test_a_box_beyond_the_series_is_refused(target: Series, tmp_path: Path, low: tuple[int, int, int]) -> None:
    path = slicer_file(tmp_path / "a.seg.nrrd", np.ones((1, 2, 3, 4), np.uint8), low=low, **{"0_LabelValue": "1"})
    with pytest.raises(FormatError, match=r"a\.seg\.nrrd: its grid .* mm from that of the series"):
        read_findings(path, target)


def test_layers_that_share_a_label_value_are_numbered_anew(tmp_path: Path) -> None:
    layers = np.zeros((2, 4, 5, 6), np.uint8)
    layers[0, 1:3, 1:3, 1:3] = 1
    layers[1, 2:4, 2:4, 2:4] = 1
    layers[1, 0, 0, 0] = 2
    described = {
        "0_LabelValue": "1", "0_Layer": "0", "0_Name": "a", "1_LabelValue": "1", "1_Layer": "1", "1_Name": "b",
        "2_LabelValue": "2", "2_Layer": "1", "2_Name": "c",
    }  # fmt: skip
    mask = read_segmentation(slicer_file(tmp_path / "a.seg.nrrd", layers, low=(0, 0, 0), **described))
    assert [mask.segments[label].name for label in (1, 2, 3)] == ["a", "b", "c"]
    assert np.array_equal(mask.labels == 1, layers[0] == 1)
    assert np.array_equal(mask.overlaid[0] == 2, layers[1] == 1)
    assert np.array_equal(mask.overlaid[0] == 3, layers[1] == 2)
    assert [region.volume_mm3 for region in measure_masks(tmp_path).exams["a"]] == pytest.approx([7.5, 7.5, 0.9375])


@pytest.mark.parametrize(
    ("described", "message"),
    [
        ({"0_LabelValue": "0"}, "segment 0: label 0, layer 0 of 2"),
        ({"0_LabelValue": "1", "0_Layer": "2"}, "segment 0: label 1, layer 2 of 2"),
        ({"0_LabelValue": "x"}, "LabelValue 'x'; expected a whole number"),
        ({"0_Name": "a"}, "LabelValue ''"),
        ({"0_LabelValue": "1", "0_Color": "1 2"}, "colour '1 2'"),
        ({"0_LabelValue": "1", "0_Color": "9 0 0"}, "colour '9 0 0'"),
        ({"0_LabelValue": "1", "0_Color": "inf 0 0"}, "colour 'inf 0 0'"),
        ({"0_LabelValue": "1", "0_Layer": "0"}, "layer 1 has label 7, which no segment describes"),
    ],
)
def test_malformed_segments_are_refused(tmp_path: Path, described: dict[str, str], message: str) -> None:
    layers = np.ones((2, 2, 2, 2), np.uint8)
    layers[1] = 7
    with pytest.raises(FormatError, match=message):
        read_segmentation(slicer_file(tmp_path / "a.seg.nrrd", layers, low=(0, 0, 0), **described))


def test_simpleitk_reads_what_is_written(tmp_path: Path) -> None:
    grid = Geometry((3, 4, 5), (2.5, 0.75, 0.5), (-10.0, 20.0, -30.0))
    labels = np.arange(60, dtype=np.uint16).reshape(grid.shape) * 100
    write_segmentation(tmp_path / "a.seg.nrrd", LabelMask(labels, grid, {100: Segment("one\ntwo", (1, 2, 3))}))
    image = SimpleITK.ReadImage(str(tmp_path / "a.seg.nrrd"))
    assert np.array_equal(SimpleITK.GetArrayFromImage(image), labels)
    assert (image.GetOrigin(), image.GetSpacing()) == (grid.origin_mm, grid.spacing_mm[::-1])
    assert image.GetMetaData("Segment0_Name") == "one two"
    assert image.GetMetaData("Segment0_Extent") == "1 1 0 0 0 0"


def test_no_segments_are_a_segmentation_of_nothing(target: Series, tmp_path: Path) -> None:
    path = tmp_path / "a.seg.nrrd"
    empty = FindingSet(target.uid, mask=LabelMask(np.zeros(CT.shape, np.uint8), target.geometry))
    write_findings(path, empty, target)
    assert recognise(path).name == "seg.nrrd"  # type: ignore[union-attr]
    mask = read_findings(path, target).mask
    assert mask is not None
    assert (mask.present, mask.segments) == (frozenset(), {})


def test_terms_are_kept_and_unknown_tags_passed_over() -> None:
    node = Segment("n", None, None, Code("1", "SCT", "a~b^c"), Code("2", "99X", "d"), "N|1", "1.2.3")
    found = terms_of(terms_text(node))
    assert (found["category"], found["kind"], found["site"]) == (None, node.kind, node.site)
    assert (found["tracking_id"], found["tracking_uid"]) == ("N 1", "1.2.3")
    assert terms_text(Segment("n")) == ""
    assert terms_of("no tags|at:all|TerminologyEntry:x")["kind"] is None


def test_a_nifti_header_that_promises_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.nii"
    image = nibabel.Nifti1Image(np.zeros((2, 2, 2), np.uint8), np.eye(4))
    nibabel.save(image, path)
    raw = bytearray(path.read_bytes())
    raw[42:48] = np.array([30000, 30000, 30000], "<i2").tobytes()
    path.write_bytes(raw)
    with pytest.raises(FormatError, match=r"27000000000000 bytes of voxels \(30000 x 30000 x 30000\)"):
        mask_of_file(path)
