"""What `load` gives is what SimpleITK and pydicom give; what cannot be right is refused by name."""

import os
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydicom.data import get_testdata_file
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from builders import SHARED_DATA, CtSeries, needs_shared_data
from hilum.errors import FormatError, HeaderError, NotAVolumeError, NotFoundError, PixelError
from hilum.volume import load
from hilum.volume.source import read_series

LONE = ("too-few-slices",)


def by_simpleitk(folder: Path) -> Any:
    """The series of a folder, in ascending position along the slice normal."""
    names = SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(names)
    return reader.Execute()


def by_pydicom(path: Path) -> NDArray[np.float32]:
    """HU of one file."""
    dataset = pydicom.dcmread(path)
    with warnings.catch_warnings(action="ignore"):  # it tells of padding
        stored = dataset.pixel_array.astype(np.float64)
    hu: NDArray[np.float64] = stored * float(dataset.get("RescaleSlope", 1)) + float(dataset.get("RescaleIntercept", 0))
    return hu.astype(np.float32)


def assert_like_simpleitk(folder: Path, **allowed: Any) -> None:
    image = by_simpleitk(folder)
    for dtype in ("int16", "float32"):
        volume = load(folder, dtype=dtype, **allowed)
        assert volume.hu.dtype == dtype
        assert np.array_equal(volume.hu, SimpleITK.GetArrayFromImage(image))
        for corner in (np.zeros(3, int), np.asarray(volume.shape) - 1):
            expected = image.TransformIndexToPhysicalPoint(corner[::-1].tolist())
            assert np.allclose(volume.geometry.to_mm(corner), expected, atol=1e-4)


# Equal to the other readers


@needs_shared_data
@pytest.mark.parametrize(
    ("folder", "allow"),
    [
        ("cmb_crc_chest", ()),
        ("pydicom_samples/77654033/CT2", ("missing-slices",)),
        ("seg_sr_dcmqi/segmentations/ct-3slice", ()),
        ("seg_sr_dcmqi/segmentations/24x38x3/image", ()),
        ("philips_ct_edge_cases/head_s2010", ()),
    ],
)
def test_real_series_equal_simpleitk(folder: str, allow: tuple[str, ...]) -> None:
    assert_like_simpleitk(SHARED_DATA / folder, allow=allow)


@needs_shared_data
@pytest.mark.parametrize("image", ["CT1", "CT2"])
@pytest.mark.parametrize("codec", ["JPLL", "JLSL", "J2KR", "RLE"])
def test_lossless_syntaxes_equal_the_uncompressed_image(image: str, codec: str) -> None:
    folder = SHARED_DATA / "codecs_wg04"
    expected = load(folder / f"{image}_UNC", allow=LONE)
    assert np.array_equal(load(folder / f"{image}_{codec}", allow=LONE).hu, expected.hu)
    assert np.array_equal(expected.hu[0], by_pydicom(folder / f"{image}_UNC"))


@needs_shared_data
@pytest.mark.parametrize("image", ["CT1", "CT2"])
@pytest.mark.parametrize("codec", ["JLSN", "J2KI"])
def test_lossy_syntaxes_equal_pydicom(image: str, codec: str) -> None:
    path = SHARED_DATA / "codecs_wg04" / f"{image}_{codec}"
    assert np.array_equal(load(path, allow=LONE).hu[0], by_pydicom(path))


@pytest.mark.parametrize(
    "name",
    [
        "CT_small.dcm",
        "693_J2KI.dcm",
        "J2K_pixelrep_mismatch.dcm",
        "MR_small.dcm",
        "MR_small_bigendian.dcm",
        "MR_small_implicit.dcm",
        "MR_small_RLE.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
        "MR_small_jp2klossless.dcm",
        "MR_small_padded.dcm",
    ],
)
def test_pydicom_files_equal_pydicom(name: str) -> None:
    path = Path(str(get_testdata_file(name)))
    volume = load(path, dtype="float32", allow=(*LONE, "not-ct", "localizer", "secondary-image"))
    assert np.array_equal(volume.hu[0], by_pydicom(path))


@needs_shared_data
@pytest.mark.parametrize("case", ["23x38x3", "24x38x3"])
def test_enhanced_ct_equals_its_single_slices(case: str) -> None:
    folder = SHARED_DATA / "seg_sr_dcmqi" / "segmentations" / case
    enhanced, single = load(folder / "multiframe"), load(folder / "image")
    assert np.array_equal(enhanced.hu, single.hu)
    assert enhanced.geometry.is_close(single.geometry)


# Stored values


@pytest.mark.parametrize("dtype", ["int16", "float32"])
@pytest.mark.parametrize("is_signed", [True, False])
@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, None, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian], ids=str
)
def test_hu_is_slope_times_stored_plus_intercept(tmp_path: Path, dtype: Any, is_signed: bool, syntax: Any) -> None:
    series = CtSeries(is_signed=is_signed, slope=2, intercept=-1000)
    for path in series.write(tmp_path):
        if syntax is not None:
            rewrite(path, syntax)
    assert np.array_equal(load(tmp_path, dtype=dtype).hu, series.stored().astype(int) * 2 - 1000)


def rewrite(path: Path, syntax: Any) -> None:
    """The same instance in another transfer syntax without compression."""
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = syntax
    if syntax == ExplicitVRBigEndian:
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
    is_little = syntax != ExplicitVRBigEndian
    pydicom.dcmwrite(path, dataset, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=is_little)


def test_slope_and_intercept_are_those_of_each_slice(tmp_path: Path) -> None:
    pixels = np.full((3, 2, 2), 10, np.int16)
    overrides = {0: {"RescaleSlope": 1}, 1: {"RescaleSlope": 2}, 2: {"RescaleSlope": 3, "RescaleIntercept": 5}}
    CtSeries(shape=(3, 2, 2), pixels=pixels, intercept=0, override_at=overrides).write(tmp_path)
    assert load(tmp_path).hu[:, 0, 0].tolist() == [10, 20, 35]


def test_fractional_slope_needs_float32_and_is_rounded_once(tmp_path: Path) -> None:
    series = CtSeries(slope=0.1, intercept=-0.7)
    series.write(tmp_path)
    with pytest.raises(PixelError, match=r"slope 0\.1 .* dtype='float32'"):
        load(tmp_path)
    assert np.array_equal(load(tmp_path, dtype="float32").hu, (series.stored() * 0.1 - 0.7).astype(np.float32))
    assert_float32_like_simpleitk(tmp_path)


def assert_float32_like_simpleitk(folder: Path) -> None:
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder)))
    reader.SetOutputPixelType(SimpleITK.sitkFloat32)
    assert np.array_equal(load(folder, dtype="float32").hu, SimpleITK.GetArrayFromImage(reader.Execute()))


@pytest.mark.parametrize(
    ("is_signed", "stored", "intercept", "hu"),
    [
        (True, -32768, 0, -32768),
        (True, 32767, 0, 32767),
        (True, -31744, -1024, -32768),
        (True, -31745, -1024, None),
        (False, 33791, -1024, 32767),
        (False, 33792, -1024, None),
        (False, 65535, -32768, 32767),
        (True, 32767, 1, None),
    ],
)
def test_hu_at_the_ends_of_int16(tmp_path: Path, is_signed: bool, stored: int, intercept: int, hu: int | None) -> None:
    pixels = np.zeros((3, 2, 2), np.uint16)
    pixels[1, 1, 1] = stored % 65536
    CtSeries(shape=(3, 2, 2), pixels=pixels.view(np.int16), is_signed=is_signed, intercept=intercept).write(tmp_path)
    assert load(tmp_path, dtype="float32").hu[1, 1, 1] == stored + intercept
    if hu is None:
        with pytest.raises(PixelError, match="beyond what int16 holds"):
            load(tmp_path)
    else:
        assert load(tmp_path).hu[1, 1, 1] == hu


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bits=st.integers(2, 16), is_signed=st.booleans(), seed=st.integers(0, 9), intercept=st.integers(-2000, 2000))
def test_unused_bits_are_no_part_of_the_value(
    tmp_path: Path, bits: int, is_signed: bool, seed: int, intercept: int
) -> None:
    words = np.random.default_rng(seed).integers(-32768, 32767, (3, 4, 5), np.int16)
    CtSeries(
        shape=(3, 4, 5),
        pixels=words,
        is_signed=is_signed,
        intercept=intercept,
        override={"BitsStored": bits, "HighBit": bits - 1},
    ).write(tmp_path)
    low = words.astype(int) & ((1 << bits) - 1)
    sign_bit = 1 << (bits - 1)
    value = (low ^ sign_bit) - sign_bit if is_signed else low
    assert np.array_equal(load(tmp_path, dtype="float32").hu, value + intercept)


def test_eight_bit_words(tmp_path: Path) -> None:
    pixels = np.arange(3 * 4 * 4, dtype=np.uint8).reshape(3, 4, 4)
    overrides: dict[str, Any] = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}
    for index, dataset in enumerate(CtSeries(shape=(3, 4, 4), override=overrides).datasets()):
        dataset.PixelData = pixels[index].tobytes()
        dataset["PixelData"].VR = "OB"
        dataset.save_as(tmp_path / f"{index}.dcm", enforce_file_format=True)
    assert np.array_equal(load(tmp_path).hu, pixels.astype(int) - 1024)
    assert np.array_equal(load(tmp_path, dtype="float32").hu, pixels.astype(int) - 1024)


def test_high_bit_elsewhere_is_refused(tmp_path: Path) -> None:
    CtSeries(override={"BitsStored": 12, "HighBit": 15}).write(tmp_path)
    with pytest.raises(PixelError, match=r"HighBit = BitsStored - 1"):
        load(tmp_path)


@pytest.mark.parametrize(("padding", "is_signed"), [(-2000, True), (63536, True), (63536, False)])
def test_padding_is_kept_unless_a_value_is_named(tmp_path: Path, padding: int, is_signed: bool) -> None:
    pixels = np.full((3, 2, 2), 7, np.int16)
    pixels[:, 0, 0] = -2000  # the same bits as 63536
    series = CtSeries(shape=(3, 2, 2), pixels=pixels, is_signed=is_signed, intercept=-1024)
    for index, dataset in enumerate(series.datasets()):
        dataset.add_new(0x00280120, "SS" if padding < 0 else "US", padding)
        dataset.save_as(tmp_path / f"{index}.dcm", enforce_file_format=True)
    kept = load(tmp_path, dtype="float32").hu
    assert kept[0].tolist() == [[-3024 if is_signed else 62512, -1017], [-1017, -1017]]
    assert load(tmp_path, dtype="float32", padding_hu=-1024).hu[0].tolist() == [[-1024, -1017], [-1017, -1017]]


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_threads_change_nothing(tmp_path: Path, threads: int) -> None:
    series = CtSeries(shape=(9, 5, 6), intercept=0)
    series.write(tmp_path)
    assert np.array_equal(load(tmp_path, threads=threads).hu, series.stored())


# Order and geometry


@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_a_kept_array_is_filled_anew(tmp_path: Path, dtype: Any) -> None:
    first, second = CtSeries(seed=1), CtSeries(seed=2)
    first.write(tmp_path / "1")
    second.write(tmp_path / "2")
    kept = np.empty(first.shape, dtype)
    load(tmp_path / "1", dtype=dtype, out=kept)
    volume = load(tmp_path / "2", dtype=dtype, out=kept)
    assert volume.hu is kept
    np.testing.assert_array_equal(kept, load(tmp_path / "2", dtype=dtype).hu)


@pytest.mark.parametrize(
    "kept", [np.empty((4, 16, 15), "i2"), np.empty((4, 16, 16), "f4"), np.empty((4, 16, 32), "i2")[:, :, ::2]]
)
def test_a_kept_array_of_another_form_is_refused(tmp_path: Path, kept: NDArray[Any]) -> None:
    CtSeries().write(tmp_path)
    with pytest.raises(ValueError, match=r"expected a writable int16 of \(4, 16, 16\)"):
        load(tmp_path, out=kept)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.permutations(range(5)), st.sampled_from([(1, 0, 0, 0, 1, 0), (0, 1, 0, 0, 0, -1), (0.6, 0.8, 0, -0.8, 0.6, 0)])
)
def test_slices_are_ordered_by_position_whatever_their_names(
    tmp_path: Path, order: list[int], orientation: tuple[float, ...]
) -> None:
    series = CtSeries(shape=(5, 4, 3), orientation=orientation, intercept=0)
    series.write(tmp_path, names=[f"{place}.dcm" for place in order])
    volume = load(tmp_path)
    assert np.array_equal(volume.hu, series.stored())
    axes = np.asarray(volume.geometry.direction)
    assert np.allclose(axes[:, 2], orientation[:3])
    assert np.allclose(axes[:, 1], orientation[3:])
    assert volume.spacing_mm == pytest.approx((2.0, 0.7, 0.7))
    assert np.allclose(volume.geometry.origin_mm, series.origin_mm)


def test_folder_list_and_series_give_the_same(tmp_path: Path) -> None:
    paths = CtSeries().write(tmp_path / "deep" / "deeper")
    (tmp_path / "LICENSE").write_text("free")
    expected = load(paths)
    for source in (tmp_path, str(tmp_path), paths[::-1], read_series(tmp_path)):
        assert np.array_equal(load(source).hu, expected.hu)
        assert load(source).geometry == expected.geometry


# Refusals


def check_of(source: Any, **options: Any) -> str:
    with pytest.raises(NotAVolumeError) as caught:
        load(source, **options)
    assert caught.value.check in str(caught.value)
    return caught.value.check


@pytest.mark.parametrize(
    ("flaw", "check"),
    [
        ({"positions_mm": (0, 2, 6, 8)}, "missing-slices"),
        ({"positions_mm": (0, 2, 2, 4)}, "duplicated-positions"),
        ({"positions_mm": (0, 2, 4.4, 6)}, "uneven-spacing"),
        ({"shape": (2, 4, 4)}, "too-few-slices"),
        ({"override_at": {1: {"ImageOrientationPatient": [0, 1, 0, 0, 0, 1]}}}, "mixed-orientation"),
        ({"override_at": {1: {"PixelSpacing": [0.8, 0.8]}}}, "mixed-pixel-spacing"),
        ({"override": {"PixelSpacing": None}}, "no-pixel-spacing"),
        ({"override": {"PixelSpacing": [0, 0.7]}}, "bad-pixel-spacing"),
        ({"override_at": {2: {"ImagePositionPatient": None}}}, "no-position"),
        ({"override": {"ImageOrientationPatient": None}}, "no-orientation"),
        ({"override": {"Modality": "MR"}}, "not-ct"),
        ({"override": {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}}, "localizer"),
    ],
)
def test_each_flaw_is_refused_by_its_check(tmp_path: Path, flaw: dict[str, Any], check: str) -> None:
    CtSeries(**flaw).write(tmp_path)
    assert check_of(tmp_path) == check


def test_nan_spacing_is_refused(tmp_path: Path) -> None:
    for path in CtSeries().write(tmp_path):
        path.write_bytes(path.read_bytes().replace(b"0.7\\0.7 ", b"NaN\\NaN "))
    assert check_of(tmp_path) == "no-pixel-spacing"


def test_slices_of_two_sizes_are_refused(tmp_path: Path) -> None:
    CtSeries(shape=(4, 4, 4)).write(tmp_path)
    CtSeries(shape=(1, 5, 4), origin_mm=(-100, -120, -292), override={"SOPInstanceUID": "1.2.3.4"}).write(
        tmp_path / "other"
    )
    assert check_of(tmp_path) == "mixed-size"


def test_waived_checks_load_what_is_there(tmp_path: Path) -> None:
    gap = CtSeries(positions_mm=(0, 2, 6, 8), intercept=0)
    gap.write(tmp_path / "gap")
    volume = load(tmp_path / "gap", allow=("missing-slices",))
    assert np.array_equal(volume.hu, gap.stored())
    assert volume.spacing_mm[0] == pytest.approx(8 / 3)

    twice = CtSeries(positions_mm=(0, 2, 2, 4), intercept=0)
    twice.write(tmp_path / "twice")
    volume = load(tmp_path / "twice", allow=("duplicated-positions",))
    assert np.array_equal(volume.hu, twice.stored()[[0, 1, 3]])
    assert volume.spacing_mm[0] == pytest.approx(2)


def test_tilted_gantry_gives_a_sheared_grid(tmp_path: Path) -> None:
    shift = {index: {"ImagePositionPatient": [-100, -120 + index, -300 + 2 * index]} for index in range(4)}
    CtSeries(override_at=shift).write(tmp_path)
    assert check_of(tmp_path) == "gantry-tilt"
    geometry = load(tmp_path, allow=["gantry-tilt"]).geometry
    for index in range(4):
        assert np.allclose(geometry.to_mm((index, 0, 0)), shift[index]["ImagePositionPatient"])


def test_one_waived_check_does_not_waive_another(tmp_path: Path) -> None:
    CtSeries(positions_mm=(0, 2, 2, 8)).write(tmp_path)
    assert check_of(tmp_path, allow=("duplicated-positions",)) == "missing-slices"


def test_check_that_cannot_be_waived_is_named(tmp_path: Path) -> None:
    CtSeries().write(tmp_path)
    with pytest.raises(ValueError, match="mixed-size"):
        load(tmp_path, allow=("mixed-size",))


@needs_shared_data
@pytest.mark.parametrize(
    ("folder", "check"),
    [
        ("slice_gaps/missing_slice", "missing-slices"),
        ("slice_gaps/same_position", "too-few-slices"),
        ("philips_ct_edge_cases/localizers", "localizer"),
    ],
)
def test_real_flaws_are_refused_by_their_check(folder: str, check: str) -> None:
    assert check_of(SHARED_DATA / folder) == check


def test_empty_and_missing_folders_and_files_that_are_no_dicom(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no DICOM file"):
        load(tmp_path)
    with pytest.raises(NotFoundError, match="no such file or folder"):
        load(tmp_path / "none")
    (tmp_path / "note.txt").write_text("no image")
    with pytest.raises(HeaderError, match=r"note\.txt"):
        load([tmp_path / "note.txt"])
    with pytest.raises(NotFoundError, match="no DICOM file"):
        load(tmp_path)


def test_several_series_are_listed(tmp_path: Path) -> None:
    CtSeries(description="soft").write(tmp_path / "a")
    CtSeries(description="sharp", series_uid="1.2.3").write(tmp_path / "b")
    with pytest.raises(FormatError, match=r"(?s)2 series.*1\.2\.3  sharp, 4 instances.*soft"):
        load(tmp_path)


def test_copies_do_no_harm_but_conflicting_instances_do(tmp_path: Path) -> None:
    paths = CtSeries().write(tmp_path)
    shutil.copy(paths[0], tmp_path / "copy.dcm")
    assert load(tmp_path).shape == (4, 16, 16)
    CtSeries(seed=1).write(tmp_path / "other")
    with pytest.raises(HeaderError, match="content differs"):
        load(tmp_path)


def test_damaged_file_among_good_ones_is_an_error(tmp_path: Path) -> None:
    paths = CtSeries().write(tmp_path)
    paths[3].write_bytes(paths[3].read_bytes()[:300])
    with pytest.raises(HeaderError, match=r"000003\.dcm"):
        load(tmp_path)


# Pixel data


def test_cut_pixel_data(tmp_path: Path) -> None:
    paths = CtSeries().write(tmp_path)
    paths[2].write_bytes(paths[2].read_bytes()[:-100])
    with pytest.raises(PixelError, match=r"000002\.dcm"):
        load(tmp_path)


def test_pixel_data_shorter_than_rows_x_columns(tmp_path: Path) -> None:
    for index, dataset in enumerate(CtSeries(shape=(3, 4, 4)).datasets()):
        dataset.PixelData = bytes(30)
        dataset.save_as(tmp_path / f"{index}.dcm", enforce_file_format=True)
    with pytest.raises(PixelError, match="lacks 2 bytes"):
        load(tmp_path)


def test_file_that_changed_after_indexing(tmp_path: Path) -> None:
    paths = CtSeries().write(tmp_path)
    series = read_series(tmp_path)
    os.utime(paths[1], ns=(0, 0))
    with pytest.raises(PixelError, match=r"000001\.dcm: changed since it was indexed"):
        load(series)
    paths[1].unlink()
    with pytest.raises(PixelError, match=r"000001\.dcm: cannot be opened .* index its folder again"):
        load(series)


def test_object_without_pixel_data(tmp_path: Path) -> None:
    for index, dataset in enumerate(CtSeries().datasets()):
        del dataset.PixelData
        dataset.save_as(tmp_path / f"{index}.dcm", enforce_file_format=True)
    with pytest.raises(PixelError, match="no-pixel-data"):
        load(tmp_path)


@pytest.mark.parametrize(
    "colour",
    [{"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}, {"PhotometricInterpretation": "PALETTE COLOR"}],
)
def test_colour_is_refused(tmp_path: Path, colour: dict[str, Any]) -> None:
    CtSeries(override=colour).write(tmp_path)
    with pytest.raises(PixelError, match=r"colour|samples a pixel"):
        load(tmp_path)


@pytest.mark.parametrize("keyword", ["BitsAllocated", "PixelRepresentation"])
def test_missing_attribute_is_named(tmp_path: Path, keyword: str) -> None:
    CtSeries(override={keyword: None}).write(tmp_path)
    with pytest.raises(PixelError, match=keyword):
        load(tmp_path)


def test_rescale_that_is_no_number(tmp_path: Path) -> None:
    for path in CtSeries(intercept=-1024).write(tmp_path):
        path.write_bytes(path.read_bytes().replace(b"-1024.0 ", b"NaN     "))
    with pytest.raises(PixelError, match="RescaleIntercept"):
        load(tmp_path, dtype="float32")
