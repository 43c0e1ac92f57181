import bz2
import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK

from builders import SHARED_DATA, needs_shared_data
from hilum.errors import FormatError
from hilum.model.geometry import Geometry
from hilum.volume.nrrd import read_header, read_nrrd

VALUES = np.random.default_rng(0).integers(-1024, 3000, (3, 4, 5)).astype("<i2")
STRAIGHT = Geometry((3, 4, 5), (2.5, 0.75, 0.5), (-10, 20, -30))

FIELDS: dict[str, str | None] = {
    "type": "short",
    "dimension": "3",
    "space": "left-posterior-superior",
    "sizes": "5 4 3",
    "space directions": "(0.5,0,0) (0,0.75,0) (0,0,2.5)",
    "kinds": "domain domain domain",
    "endian": "little",
    "encoding": "raw",
    "space origin": "(-10,20,-30)",
}


def write(path: Path, data: bytes | None = None, ending: str = "\n", **changed: str | None) -> Path:
    """Write a file by hand; a field of None is left out, ``_`` in a name stands for a space."""
    fields = FIELDS | {name.replace("_", " "): value for name, value in changed.items()}
    lines = ["NRRD0004", "# by hand", *(f"{name}: {value}" for name, value in fields.items() if value is not None)]
    header = ending.join([*lines, "Segment0_Name:=node", "", ""]).encode()
    path.write_bytes(header + (VALUES.tobytes() if data is None else data))
    return path


@pytest.mark.parametrize("name", ["out.nrrd", "out.nhdr"])
@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "f4", "f8"])
def test_what_itk_writes_is_read_alike(tmp_path: Path, name: str, compressed: bool, dtype: str) -> None:
    turned = ((0.0, 0.0, 1.0), (0.6, 0.8, 0.0), (0.8, -0.6, 0.0))
    grid = Geometry((3, 4, 5), (2.5, 0.75, 0.5), (-10.0, 20.0, -30.0), turned)
    written: Any = SimpleITK.GetImageFromArray(VALUES.astype(dtype))
    written.SetSpacing(grid.spacing_mm[::-1])
    written.SetOrigin(grid.origin_mm)
    written.SetDirection(np.asarray(turned)[:, ::-1].ravel().tolist())
    SimpleITK.WriteImage(written, str(tmp_path / name), compressed)
    values, geometry = read_nrrd(tmp_path / name)
    assert values.dtype == dtype
    assert np.array_equal(values, VALUES.astype(dtype))
    assert geometry.is_close(grid, 1e-6)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, STRAIGHT),
        ({"space": "LPS", "type": "int16_t"}, STRAIGHT),
        (
            {"space": "right-anterior-superior", "space_directions": "(-0.5,0,0) (0,-0.75,0) (0,0,2.5)",
             "space_origin": "(10,-20,-30)"},
            STRAIGHT,
        ),
        (
            {"space": "LAS", "space_directions": "(0.5,0,0) (0,-0.75,0) (0,0,2.5)", "space_origin": "(-10,-20,-30)"},
            STRAIGHT,
        ),
        (
            {"space_units": '"cm" "cm" "cm"', "space_directions": "(0.05,0,0) (0,0.075,0) (0,0,0.25)",
             "space_origin": "(-1,2,-3)"},
            STRAIGHT,
        ),
        ({"space_units": '"mm" "mm" "mm"'}, STRAIGHT),
        (
            {"dimension": "4", "sizes": "1 5 4 3", "space_directions": "none (0.5,0,0) (0,0.75,0) (0,0,2.5)",
             "kinds": "list domain domain domain"},
            STRAIGHT,
        ),
    ],
)  # fmt: skip
def test_space_and_units_lead_to_lps_mm(tmp_path: Path, changed: dict[str, Any], expected: Geometry) -> None:
    values, geometry = read_nrrd(write(tmp_path / "in.nrrd", **changed))
    assert np.array_equal(values, VALUES)
    assert geometry.is_close(expected, 1e-9)


@pytest.mark.parametrize(
    ("data", "changed"),
    [
        (VALUES.astype(">i2").tobytes(), {"endian": "big"}),
        (gzip.compress(VALUES.tobytes()), {"encoding": "gz"}),
        (gzip.compress(b"abc" + VALUES.tobytes()), {"encoding": "gzip", "byte_skip": "3"}),
        (b"abc" + VALUES.tobytes(), {"byte_skip": "3"}),
        (b"any\nthing" + VALUES.tobytes(), {"byte_skip": "-1"}),
        (b"one\ntwo\n" + VALUES.tobytes(), {"line_skip": "2"}),
        ("\n".join(map(str, VALUES.ravel())).encode(), {"encoding": "ascii", "endian": None}),
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_data_in_every_form(tmp_path: Path, data: bytes, changed: dict[str, Any], ending: str) -> None:
    values, _ = read_nrrd(write(tmp_path / "in.nrrd", data, ending, **changed))
    assert np.array_equal(values, VALUES)
    assert values.dtype == np.int16


def test_data_below_the_header_and_pairs(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "in.raw").write_bytes(VALUES.tobytes())
    path = write(tmp_path / "in.nhdr", b"", data_file="data/in.raw")
    assert np.array_equal(read_nrrd(path)[0], VALUES)
    assert read_header(path).pairs == {"Segment0_Name": "node"}


@pytest.mark.parametrize(
    ("data", "changed", "message"),
    [
        (b"", {}, "0 bytes of data, expected 120"),
        (VALUES.tobytes() + b"x", {}, "121 bytes of data, expected 120"),
        (gzip.compress(VALUES.tobytes()[:-1]), {"encoding": "gzip"}, "119 bytes of data, expected 120"),
        (gzip.compress(VALUES.tobytes())[:-4], {"encoding": "gzip"}, "without an end"),
        (b"no gzip at all", {"encoding": "gzip"}, "damaged gzip data"),
        (gzip.compress(bytes(10**7)), {"encoding": "gzip"}, "at least"),
        (gzip.compress(VALUES.tobytes()), {"encoding": "gzip", "sizes": "1000 1000 1000"}, "compressed bytes"),
        (gzip.compress(VALUES.tobytes()), {"encoding": "gzip", "sizes": "100000 100000 100000"}, "at most 8 GiB"),
        (bz2.compress(VALUES.tobytes()), {"encoding": "bzip2"}, "encoding 'bzip2'"),
        (b"1 2 3", {"encoding": "ascii"}, "3 numbers of data, expected 60"),
        (b"x " * 60, {"encoding": "ascii"}, "text data"),
        (None, {"type": "block"}, "type 'block'"),
        (None, {"type": None}, "no field 'type'"),
        (None, {"endian": "middle"}, "endian 'middle'"),
        (None, {"sizes": "5 4"}, "of dimension 3"),
        (None, {"sizes": "5 4 0"}, "positive count"),
        (None, {"sizes": "5 4 x"}, "whole numbers"),
        (None, {"space": None}, "no field 'space'"),
        (None, {"space": "scanner-xyz"}, "space 'scanner-xyz'"),
        (None, {"space_origin": None}, "no field 'space origin'"),
        (None, {"space_origin": "(1,2)"}, "three numbers"),
        (None, {"space_origin": "(nan,0,0)"}, "unusable geometry"),
        (None, {"space_directions": "(0.5,0,0) (0,0.75,0)"}, "expected 3"),
        (None, {"space_directions": "(0.5,0,0) (0,0.75,0) (0,0,0)"}, "unusable geometry"),
        (None, {"space_directions": "none (0,0.75,0) (0,0,2)"}, "2 axes in space"),
        (None, {"space_units": '"mm" "mm" "furlong"'}, "furlong"),
        (None, {"byte_skip": "-2"}, "byte skip -2"),
        (None, {"byte_skip": "-1", "encoding": "gzip"}, "byte skip -1"),
        (None, {"line_skip": "1000000000000"}, "0 bytes of data"),
        (None, {"data_file": "LIST"}, "several files"),
        (None, {"data_file": "slice%03d.raw 1 3 1"}, "several files"),
        (None, {"data_file": "../in.raw"}, "outside the folder"),
        (None, {"data_file": "/etc/hostname"}, "outside the folder"),
        (None, {"data_file": "none.raw"}, "is not there"),
    ],
)
def test_malformed_files_are_refused_by_name(
    tmp_path: Path, data: bytes | None, changed: dict[str, Any], message: str
) -> None:
    (tmp_path / "below").mkdir()
    path = write(tmp_path / "below" / "bad.nrrd", data, **changed)
    with pytest.raises(FormatError, match=message) as caught:
        read_nrrd(path)
    assert "bad.nrrd" in str(caught.value)


@pytest.mark.parametrize("text", [b"", b"NRRD0009\n\n", b"\x1f\x8b\x08", b"NRRD0004\nno field here\n\n"])
def test_other_files_are_refused(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "bad.nrrd").write_bytes(text)
    with pytest.raises(FormatError, match=r"bad\.nrrd"):
        read_nrrd(tmp_path / "bad.nrrd")


@needs_shared_data
def test_real_segmentations_equal_simpleitk() -> None:
    paths = sorted((SHARED_DATA / "seg_sr_dcmqi").rglob("*.nrrd"))
    assert len(paths) > 10
    for path in paths:
        values, grid = read_nrrd(path)
        image: Any = SimpleITK.ReadImage(str(path))
        assert np.array_equal(values, SimpleITK.GetArrayFromImage(image)), path.name
        last = np.asarray(grid.shape) - 1
        assert np.allclose(image.TransformIndexToPhysicalPoint(last[::-1].tolist()), grid.to_mm(last)), path.name


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_nrrd(tmp_path / "none.nrrd")
