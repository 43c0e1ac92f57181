import contextlib
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import highdicom
import imagecodecs
import numpy as np
import pydicom
import pytest
import SimpleITK
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sr.codedict import codes
from pydicom.uid import (
    MPEG2MPML,
    DeflatedExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from builders import SHARED_DATA, needs_shared_data
from drawings import SHAPE, closed, ct, draw, two_nodes
from hilum.errors import FormatError, HilumError
from hilum.findings.formats import read_findings
from hilum.findings.segmentation import BINARY, LABELMAP, read_fractions, read_segmentation
from hilum.findings.segmentation_frames import DEFLATED_FRAMES
from hilum.findings.segmentation_header import Kind
from hilum.model.geometry import Geometry
from hilum.volume.axes import axial_grid
from hilum.volume.source import read_series

DCMQI = SHARED_DATA / "seg_sr_dcmqi" / "segmentations"
HIGHDICOM = SHARED_DATA / "seg_sr_highdicom"
SLICES = [
    *(DCMQI / name for name in ("23x38x3/seg/label.seg", "24x38x3/seg/label.seg", "liver.dcm", "partial_overlaps.dcm")),
    *(DCMQI / f"sparse-labelmap-{name}.dcm" for name in ("noppv", "ppv5")),
    SHARED_DATA / "seg_sr_dcmqi" / "sr-example" / "seg.dcm",
    *(HIGHDICOM / f"seg_image_ct_{name}.dcm" for name in ("binary", "binary_overlap", "binary_single_frame")),
]
SHARES = [HIGHDICOM / f"seg_image_ct_{name}.dcm" for name in ("binary_fractional", "true_fractional")]
SLIDES = [
    HIGHDICOM / f"seg_image_sm_{name}.dcm"
    for name in ("control", "control_labelmap", "control_labelmap_palette_color", "dots", "dots_tiled_full", "numbers")
]


def by_highdicom(path: Path) -> tuple[dict[int, NDArray[Any]], Geometry]:
    """Voxels of each segment and their grid, slices up, rows back, columns left."""
    with closed(highdicom.seg.segread(path)) as found:
        numbers = [number for number in found.segment_numbers if number > 0]
        volume = found.get_volume(combine_segments=False, allow_missing_positions=True, segment_numbers=numbers)
    grid = Geometry.from_affine(volume.affine, volume.array.shape[:3])
    segments = {number: axial_grid(volume.array[..., index], grid)[0] for index, number in enumerate(numbers)}
    return segments, axial_grid(volume.array[..., 0], grid)[1]


@needs_shared_data
@pytest.mark.parametrize("path", SLICES, ids=lambda path: path.name)
def test_real_segmentations_are_read_as_highdicom_reads_them(path: Path) -> None:
    mask = read_segmentation(path).mask
    segments, geometry = by_highdicom(path)
    assert mask is not None
    assert mask.geometry.is_close(geometry)
    assert mask.present == mask.segments.keys() == segments.keys()
    for number, voxels in segments.items():
        assert np.array_equal(sum((layer == number).astype(int) for layer in mask.layers), voxels)


@needs_shared_data
@pytest.mark.parametrize("path", SHARES, ids=lambda path: path.name)
def test_shares_are_read_as_highdicom_reads_them(path: Path) -> None:
    fractions = read_fractions(path)
    segments, geometry = by_highdicom(path)
    assert fractions.type == "PROBABILITY"
    assert fractions.geometry.is_close(geometry)
    assert np.allclose(fractions.values[1], segments[1])
    assert fractions.values[1].dtype == np.float32
    for threshold in (0.2, 0.5, 1.0):
        found = read_segmentation(path, threshold=threshold)
        assert found.mask is not None
        assert np.array_equal(found.mask.labels == 1, segments[1] >= threshold - 1e-6)
        assert f"voxels of probability {threshold:g} and more are its segment's" in found.warnings[0]


@needs_shared_data
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("liver.dcm", ["liver_seg.nrrd"]),
        ("partial_overlaps.dcm", [f"partial_overlaps-{number}.nrrd" for number in (1, 2, 3)]),
        ("sparse-labelmap-noppv.dcm", ["sparse_labelmap_noppv_seg.nrrd"]),
    ],
)
def test_layers_are_those_that_dcmqi_makes(name: str, expected: list[str]) -> None:
    mask = read_segmentation(DCMQI / name).mask
    images = [SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(DCMQI / file))) for file in expected]
    assert mask is not None
    assert len(mask.layers) == len(images)
    assert all(np.array_equal(layer, image) for layer, image in zip(mask.layers, images, strict=True))


@needs_shared_data
def test_background_of_a_label_map_is_what_its_padding_says() -> None:
    mask = read_segmentation(DCMQI / "sparse-labelmap-ppv5.dcm").mask
    image = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(DCMQI / "sparse_labelmap_ppv5_seg.nrrd")))
    assert mask is not None
    assert np.array_equal(mask.labels, image == 1)
    assert {number: segment.name for number, segment in mask.segments.items()} == {1: "Liver"}


@needs_shared_data
def test_overlap_is_named_in_voxels() -> None:
    warning = read_segmentation(DCMQI / "partial_overlaps.dcm").warnings[0]
    assert "3106 voxels belong to several segments; the mask has 3 layers" in warning
    segments = by_highdicom(DCMQI / "partial_overlaps.dcm")[0]
    assert np.count_nonzero(np.sum([voxels.astype(int) for voxels in segments.values()], axis=0) > 1) == 3106


@needs_shared_data
@pytest.mark.parametrize("size", ["23x38x3", "24x38x3"])
@pytest.mark.parametrize("images", ["image", "multiframe"])
def test_on_the_series_it_was_drawn_on_or_its_multi_frame_twin(size: str, images: str) -> None:
    series = read_series(DCMQI / size / images)
    found = read_segmentation(DCMQI / size / "seg" / "label.seg", series)
    nrrd = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(DCMQI / size / "nrrd" / "label.nrrd")))
    assert found.mask is not None
    assert found.mask.geometry == series.geometry
    assert np.array_equal(found.mask.labels != 0, nrrd != 0)
    assert (found.exam_id, found.series_uid) == (series.uid, series.uid)
    assert any("put on the equal grid" in warning for warning in found.warnings) == (images == "multiframe")


@needs_shared_data
@pytest.mark.parametrize("path", SLIDES, ids=lambda path: path.name)
def test_slides_are_refused(path: Path) -> None:
    with pytest.raises(FormatError, match="its frames are tiles of a slide"):
        read_segmentation(path)


@needs_shared_data
def test_without_positions_a_segmentation_has_no_grid_of_its_own() -> None:
    with pytest.raises(FormatError, match=r"no position, orientation, pixel spacing.*name the series"):
        read_segmentation(HIGHDICOM / "seg_image_cr_binary.dcm")


@needs_shared_data
def test_segmentations_are_recognised_and_what_refers_to_them_is_not() -> None:
    binary = [*SLICES[:4], *SLICES[6:], *SHARES]
    maps = SLICES[4:6]
    others = [HIGHDICOM / "ct_image.dcm", HIGHDICOM / "sr_document.dcm", SHARED_DATA / "seg_sr_dcmqi/sr-example/sr.dcm"]
    for form, mine, theirs in ((BINARY, binary, [*maps, *others]), (LABELMAP, maps, [*binary, *others])):
        assert all(form.recognises(path, path.read_bytes()[:4096]) for path in mine)
        assert not any(form.recognises(path, path.read_bytes()[:4096]) for path in theirs)
    with pytest.raises(FormatError, match="expected a DICOM segmentation"):
        read_segmentation(others[0])


def test_source_that_is_not_given_is_named(tmp_path: Path) -> None:
    drawing = draw(tmp_path)
    found = read_segmentation(drawing.path)
    assert (found.exam_id, found.series_uid) == ("drawn", drawing.series.uid)
    assert found.warnings == (
        f"{drawing.path}: drawn on {drawing.series.uid}, which is not given; read on its own grid",
    )
    assert found.mask is not None
    assert np.array_equal(found.mask.labels, drawing.labels[1:5])
    assert np.allclose(found.mask.geometry.origin_mm, drawing.series.geometry.to_mm((1, 0, 0)))


def _shuffle(dataset: Dataset) -> None:
    order = np.random.default_rng(1).permutation(dataset.NumberOfFrames).tolist()
    frames = np.stack([dataset.pixel_array[index] for index in order])
    dataset.PerFrameFunctionalGroupsSequence = [dataset.PerFrameFunctionalGroupsSequence[index] for index in order]
    dataset.PixelData = np.packbits(frames.ravel(), bitorder="little").tobytes() + b"\0" * (frames.size // 8 % 2 == 0)


def _undefined_lengths(dataset: Dataset) -> None:
    for group in dataset.PerFrameFunctionalGroupsSequence:
        for element in group:
            element.is_undefined_length = True
    dataset["PerFrameFunctionalGroupsSequence"].is_undefined_length = True


def _implicit(dataset: Dataset) -> None:
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian


def _deflated(dataset: Dataset) -> None:
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian


def _deflated_frames(dataset: Dataset) -> None:
    frames = []
    for frame in dataset.pixel_array:
        deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        values = np.packbits(frame.ravel(), bitorder="little") if dataset.BitsAllocated == 1 else frame
        frames.append(deflate.compress(values.tobytes()) + deflate.flush())
    dataset.PixelData = encapsulate([frame + b"\0" * (len(frame) % 2) for frame in frames])
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit


def of_deflated_frames(path: Path) -> Path:
    """Name the transfer syntax, which pydicom does not write."""
    written, meant = (uid.encode().ljust(22, b"\0") for uid in (JPEGBaseline8Bit, DEFLATED_FRAMES))
    path.write_bytes(path.read_bytes().replace(written, meant))
    return path


@pytest.mark.parametrize("change", [_shuffle, _undefined_lengths, _implicit, _deflated])
def test_binary_in_any_order_and_encoding(tmp_path: Path, change: Callable[[Dataset], None]) -> None:
    drawing = draw(tmp_path)
    found = read_segmentation(drawing.spoil(change), drawing.series)
    assert found.mask is not None
    assert np.array_equal(found.mask.labels, drawing.labels)


def _jpeg_2000(dataset: Dataset) -> None:
    encode = imagecodecs.jpeg2k_encode  # pydicom's encoders want larger images
    frames = [bytes(encode(frame, level=0, codecformat="J2K", resolutions=2)) for frame in dataset.pixel_array]
    dataset.PixelData = encapsulate(frames)
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless


def test_binary_in_deflated_frames(tmp_path: Path) -> None:
    drawing = draw(tmp_path)
    found = read_segmentation(of_deflated_frames(drawing.spoil(_deflated_frames)), drawing.series)
    assert found.mask is not None
    assert np.array_equal(found.mask.labels, drawing.labels)


ENCODERS: dict[str, Callable[[Dataset], None]] = {
    RLELossless: lambda dataset: dataset.compress(RLELossless, encoding_plugin="pydicom"),
    JPEG2000Lossless: _jpeg_2000,
    JPEGLSLossless: lambda dataset: dataset.compress(JPEGLSLossless, encoding_plugin="pyjpegls"),
    DEFLATED_FRAMES: _deflated_frames,
}


@pytest.mark.parametrize("syntax", ENCODERS)
@pytest.mark.parametrize("label", [2, 300])
def test_compressed_label_maps(tmp_path: Path, syntax: str, label: int) -> None:
    labels = two_nodes().astype(np.uint16)
    labels[labels == 2] = label
    drawing = draw(tmp_path, labels, kind=Kind.LABELMAP)
    path = drawing.spoil(ENCODERS[syntax])
    found = read_segmentation(of_deflated_frames(path) if syntax == DEFLATED_FRAMES else path, drawing.series)
    assert found.mask is not None
    assert np.array_equal(found.mask.labels, labels)
    assert found.mask.labels.dtype == (np.uint8 if label == 2 else np.uint16)


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
@pytest.mark.parametrize("fractional_type", ["PROBABILITY", "OCCUPANCY"])
def test_compressed_shares_of_segments_that_overlap(tmp_path: Path, syntax: str, fractional_type: str) -> None:
    series = ct(tmp_path / "ct", shape=(3, 40, 42))
    shares = np.random.default_rng(0).random((3, 40, 42, 2)).round(2)
    by_peer(series.instances.paths(), shares, tmp_path / "shares.dcm", fractional_type, syntax)
    fractions = read_fractions(tmp_path / "shares.dcm", series)
    stored = np.around(shares * 100) / 100
    assert fractions.type == fractional_type
    assert all(np.allclose(fractions.values[number], stored[..., number - 1]) for number in (1, 2))
    found = read_segmentation(tmp_path / "shares.dcm", series)
    assert found.mask is not None
    for number in (1, 2):
        voxels = sum((layer == number).astype(int) for layer in found.mask.layers)
        assert np.array_equal(voxels, stored[..., number - 1] >= 0.5)
    assert f"{int((stored >= 0.5).all(axis=-1).sum())} voxels belong to several segments" in found.warnings[0]


def by_peer(paths: list[Path], pixels: NDArray[Any], path: Path, fractional_type: str, syntax: str) -> None:
    """Write a fractional segmentation with highdicom."""
    images = [pydicom.dcmread(source, stop_before_pixels=True) for source in paths]
    for image in images:
        image.PatientBirthDate = image.ReferringPhysicianName = ""
        image.PatientName = "P^1"
    algorithm = highdicom.AlgorithmIdentificationSequence("peer", codes.DCM.ArtificialIntelligence, "1")
    described = [
        highdicom.seg.SegmentDescription(
            number, f"s{number}", codes.SCT.Tissue, codes.SCT.LymphNode, "AUTOMATIC", algorithm
        )
        for number in (1, 2)
    ]
    about: dict[str, Any] = {
        "series_number": 2,
        "instance_number": 1,
        "manufacturer": "m",
        "manufacturer_model_name": "m",
    }
    about |= {"software_versions": "1", "device_serial_number": "1", "max_fractional_value": 100}
    made = highdicom.seg.Segmentation(
        images, pixels, "FRACTIONAL", described, series_instance_uid=highdicom.UID(),
        sop_instance_uid=highdicom.UID(), fractional_type=fractional_type, transfer_syntax_uid=syntax, **about,
    )  # fmt: skip
    with closed(made):
        made.save_as(path)


def _item(dataset: Dataset, frame: int, sequence: str) -> Dataset:
    item: Dataset = dataset.PerFrameFunctionalGroupsSequence[frame][sequence].value[0]
    return item


def _move(dataset: Dataset) -> None:
    for group in dataset.PerFrameFunctionalGroupsSequence:
        group.PlanePositionSequence[0].ImagePositionPatient[0] += 3


def _move_one(dataset: Dataset) -> None:
    _item(dataset, 0, "PlanePositionSequence").ImagePositionPatient[2] += 4


def _same_slice(dataset: Dataset) -> None:
    dataset.PerFrameFunctionalGroupsSequence[1] = dataset.PerFrameFunctionalGroupsSequence[0]


def _fewer_groups(dataset: Dataset) -> None:
    del dataset.PerFrameFunctionalGroupsSequence[-1]


def _no_groups(dataset: Dataset) -> None:
    del dataset.PerFrameFunctionalGroupsSequence


def _no_segment(dataset: Dataset) -> None:
    del dataset.PerFrameFunctionalGroupsSequence[1].SegmentIdentificationSequence


def _short(dataset: Dataset) -> None:
    dataset.PixelData = dataset.PixelData[:-4]


def _no_pixels(dataset: Dataset) -> None:
    del dataset.PixelData


def _other_bits(dataset: Dataset) -> None:
    dataset.BitsAllocated = 32


def _other_type(dataset: Dataset) -> None:
    dataset.SegmentationType = "SURFACE"


def _other_syntax(dataset: Dataset) -> None:
    dataset.file_meta.TransferSyntaxUID = MPEG2MPML
    dataset.PixelData = encapsulate([b"\0\0"] * dataset.NumberOfFrames)
    dataset["PixelData"].is_undefined_length = True


def _damaged_frames(dataset: Dataset) -> None:
    _deflated_frames(dataset)
    dataset.PixelData = encapsulate([b"\xff\xff"] * dataset.NumberOfFrames)
    dataset["PixelData"].is_undefined_length = True


def _fewer_frames(dataset: Dataset) -> None:
    _deflated_frames(dataset)
    dataset.PixelData = encapsulate([b"\0\0"])
    dataset["PixelData"].is_undefined_length = True


def _nan_position(dataset: Dataset) -> None:
    _item(dataset, 0, "PlanePositionSequence").ImagePositionPatient = [0, 0, 0]
    item = _item(dataset, 0, "PlanePositionSequence")["ImagePositionPatient"]
    item._value = ["nan", "0", "0"]


def _slanted(dataset: Dataset) -> None:
    orientation = dataset.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0]
    orientation.ImageOrientationPatient = [1, 1, 0, 0, 1, 0]


def _no_spacing(dataset: Dataset) -> None:
    dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing = [0.7, 0]


def _two_coordinates(dataset: Dataset) -> None:
    _item(dataset, 0, "PlanePositionSequence").ImagePositionPatient = [1, 2]


def _no_rows(dataset: Dataset) -> None:
    dataset.Rows = 0


def _two_orientations(dataset: Dataset) -> None:
    shared = dataset.SharedFunctionalGroupsSequence[0]
    for index, group in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        item = Dataset()
        item.ImageOrientationPatient = [1, 0, 0, 0, 1, 0] if index else [0, 1, 0, 1, 0, 0]
        group.PlaneOrientationSequence = [item]
    del shared.PlaneOrientationSequence


def _other_frame_of_reference(dataset: Dataset) -> None:
    _move(dataset)
    dataset.FrameOfReferenceUID = "1.2.3"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_move, r"lie up to 3\.00 mm from the slices of the series \(15 x 17\)"),
        (_move_one, r"frame 1 says it was drawn on image .*, which lies 4\.00 mm from it"),
        (_same_slice, "frames 1 and 2 show the same slice of one segment"),
        (_fewer_groups, "functional groups of 3 frames, NumberOfFrames 4"),
        (_no_groups, "functional groups of 0 frames, NumberOfFrames 4"),
        (_no_segment, "frame 2 does not say which segment"),
        (_short, "124 bytes of pixel data, expected 128 for 4 frames of 15 x 17"),
        (_no_pixels, "no pixel data"),
        (_other_bits, "32 bits a value"),
        (_other_type, "SegmentationType SURFACE; expected BINARY, FRACTIONAL, LABELMAP"),
        (_other_syntax, r"transfer syntax 1\.2\.840\.10008\.1\.2\.4\.100, which is not read"),
        (_damaged_frames, "frame 1: cannot inflate"),
        (_fewer_frames, "compressed frames"),
        (_nan_position, "expected 3 finite numbers"),
        (_two_coordinates, "expected 3 finite numbers"),
        (_slanted, "expected two unit vectors at right angles"),
        (_no_spacing, "expected two positive distances"),
        (_no_rows, "frames of 0 x 17 pixels"),
        (_two_orientations, "frames of 2 values of orientation"),
        (_other_frame_of_reference, r"frame of reference is 1\.2\.3, .*up to 3\.00 mm apart"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_what_cannot_be_placed_or_read_is_refused(
    tmp_path: Path, change: Callable[[Dataset], None], message: str
) -> None:
    drawing = draw(tmp_path)
    path = drawing.spoil(change)
    if "frames" in change.__name__:
        of_deflated_frames(path)
    with pytest.raises(FormatError, match=message):
        read_segmentation(path, drawing.series)


def test_frames_of_another_size_are_refused_with_both_sizes(tmp_path: Path) -> None:
    drawing = draw(tmp_path)
    other = ct(tmp_path / "other", shape=(6, 15, 18))
    with pytest.raises(FormatError, match=r"frames of 15 x 17 pixels .* of the series \(15 x 18\)"):
        read_segmentation(drawing.path, other)


def test_series_without_a_regular_stack_is_no_target(tmp_path: Path) -> None:
    drawing = draw(tmp_path)
    uneven = ct(tmp_path / "uneven", positions_mm=[0, 2, 4, 9, 11, 13])
    with pytest.raises(HilumError, match="no volume"):
        read_segmentation(drawing.path, uneven)


def test_frames_without_positions_are_placed_by_their_images(tmp_path: Path) -> None:
    drawing = draw(tmp_path)

    def strip(dataset: Dataset) -> None:
        for group in dataset.PerFrameFunctionalGroupsSequence:
            del group.PlanePositionSequence

    found = read_segmentation(drawing.spoil(strip), drawing.series)
    assert found.mask is not None
    assert np.array_equal(found.mask.labels, drawing.labels)
    other = ct(tmp_path / "other", series_uid="1.2.3")
    with pytest.raises(FormatError, match=f"is not in the series given; give.*{drawing.series.uid}"):
        read_segmentation(drawing.path, other)


def test_series_whose_rows_and_columns_run_the_other_way(tmp_path: Path) -> None:
    drawing = draw(tmp_path)
    x, y, z = drawing.series.geometry.to_mm((0, SHAPE[1] - 1, SHAPE[2] - 1)).tolist()
    turned = ct(tmp_path / "turned", origin_mm=(x, y, z), orientation=(-1, 0, 0, 0, -1, 0), series_uid="1.2.3")
    found = read_segmentation(drawing.path, turned)
    assert found.mask is not None
    assert found.mask.geometry == turned.geometry
    assert np.array_equal(found.mask.labels, drawing.labels[:, ::-1, ::-1])
    assert "put on the equal grid of 1.2.3" in found.warnings[0]


def test_own_grid_goes_by_the_frames_where_the_stated_spacing_does_not_fit(tmp_path: Path) -> None:
    drawing = draw(tmp_path)

    def misstate(dataset: Dataset) -> None:
        measures = dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
        measures.SpacingBetweenSlices = measures.SliceThickness = "3.3"

    found = read_segmentation(drawing.spoil(misstate))
    assert found.mask is not None
    assert np.array_equal(found.mask.labels, drawing.labels[1:5])
    with pytest.raises(FormatError, match=r"lie up to 1\.40 mm from a regular grid of 2\.032 mm"):
        read_segmentation(drawing.spoil(_drift))


def _drift(dataset: Dataset) -> None:
    for group in dataset.PerFrameFunctionalGroupsSequence:
        position = group.PlanePositionSequence[0].ImagePositionPatient
        position[2] = f"{float(position[2]) + 0.004 * (float(position[2]) + 298) ** 3:.4f}"


def test_frames_too_far_apart_for_one_grid_take_no_memory(tmp_path: Path) -> None:
    drawing = draw(tmp_path)

    def part(dataset: Dataset) -> None:
        _item(dataset, 0, "PlanePositionSequence").ImagePositionPatient[2] = "900000000"

    with pytest.raises(FormatError, match=r"450000\d\d\d slices of 15 x 17 .* more than any CT has"):
        read_segmentation(drawing.spoil(part))


def test_segment_0_that_is_not_background_gets_a_label_of_its_own(tmp_path: Path) -> None:
    drawing = draw(tmp_path, kind=Kind.LABELMAP)

    def exchange(dataset: Dataset) -> None:
        pixels = dataset.pixel_array
        dataset.PixelPaddingValue = 9
        dataset.SegmentSequence[0].SegmentNumber = 0
        pixels = np.choose(pixels, [9, 0, 2]).astype(np.uint8)
        dataset.PixelData = pixels.tobytes() + b"\0" * (pixels.size % 2)

    found = read_segmentation(drawing.spoil(exchange), drawing.series)
    assert found.mask is not None
    assert np.array_equal(found.mask.labels == 3, drawing.labels == 1)
    assert np.array_equal(found.mask.labels == 2, drawing.labels == 2)
    assert {number: segment.name for number, segment in found.mask.segments.items()} == {2: "label 2", 3: "label 1"}
    assert "its segment 0 has label 3" in found.warnings[0]


def test_shares_and_thresholds_that_make_no_sense(tmp_path: Path) -> None:
    drawing = draw(tmp_path)
    with pytest.raises(FormatError, match="a BINARY segmentation has no shares"):
        read_fractions(drawing.path)
    with pytest.raises(ValueError, match="threshold 0"):
        read_segmentation(drawing.path, threshold=0)
    found = read_findings(drawing.path, drawing.series, threshold=0.5)
    assert found.mask is not None
    assert np.array_equal(found.mask.labels, drawing.labels)
    assert found.warnings[0].endswith("a BINARY segmentation has no shares; the threshold says nothing of it")


@pytest.mark.parametrize("content", [b"", b"no DICOM", b"\0" * 128 + b"DICM" + b"\xff" * 64])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.dcm"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=r"x\.dcm"):
        read_segmentation(path)


def test_a_file_cut_anywhere_is_refused_or_whole(tmp_path: Path) -> None:
    drawing = draw(tmp_path)
    whole = drawing.path.read_bytes()
    for length in range(0, len(whole), 97):
        drawing.path.write_bytes(whole[:length])
        with pytest.raises(FormatError):
            read_segmentation(drawing.path, drawing.series)


@pytest.mark.parametrize("kind", [Kind.BINARY, Kind.LABELMAP])
def test_damaged_bytes_are_refused_or_read_and_nothing_else(tmp_path: Path, kind: Kind) -> None:
    drawing = draw(tmp_path, kind=kind)
    whole = drawing.path.read_bytes()
    for seed in range(50):
        random = np.random.default_rng(seed)
        damaged = bytearray(whole)
        for place in random.integers(0, len(whole), 4).tolist():
            damaged[place] = int(random.integers(0, 256))
        drawing.path.write_bytes(damaged)
        for target in (None, drawing.series):
            with warnings.catch_warnings(), contextlib.suppress(HilumError):
                warnings.simplefilter("ignore")  # of pydicom, on odd values
                read_segmentation(drawing.path, target)
