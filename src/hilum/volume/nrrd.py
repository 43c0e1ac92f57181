"""Volumes and masks as NRRD files, header and data in one file or two.

An NRRD array has its fastest axis first; hilum's is (slice, row, column). As with NIfTI, the file's third, second and
first axis become slices, rows and columns; no voxel is moved.

References
----------
Teem, "Definition of NRRD File Format" (NRRD0001 to NRRD0005): http://teem.sourceforge.net/nrrd/format.html.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from hilum.errors import FormatError
from hilum.model.geometry import Geometry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SUFFIXES = (".nrrd", ".nhdr")

HEADER_LIMIT = 16 * 2**20
"""Bytes within which a header must end; those of large segmentations have some hundred kB."""

CHUNK = 2**20
"""Bytes that are decompressed at once."""

GZIP_WINDOW = 31
"""zlib's wbits for data with a gzip header."""

GREATEST_RATIO = 1100
"""Deflate makes a file at most 1032 times smaller; a header that promises more than this is wrong (or a bomb)."""

DATA_LIMIT = 8 * 2**30
"""Bytes of voxels that are read at most: 2,000 slices of 1,024 x 1,024 in single precision."""

TYPES: Mapping[str, str] = {
    **dict.fromkeys(("signed char", "int8", "int8_t"), "i1"),
    **dict.fromkeys(("uchar", "unsigned char", "uint8", "uint8_t"), "u1"),
    **dict.fromkeys(("short", "short int", "signed short", "signed short int", "int16", "int16_t"), "i2"),
    **dict.fromkeys(("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"), "u2"),
    **dict.fromkeys(("int", "signed int", "int32", "int32_t"), "i4"),
    **dict.fromkeys(("uint", "unsigned int", "uint32", "uint32_t"), "u4"),
    **dict.fromkeys(("longlong", "long long", "long long int", "signed long long", "int64", "int64_t"), "i8"),
    **dict.fromkeys(("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"), "u8"),
    "float": "f4",
    "double": "f8",
}
"""NRRD's names of a type to numpy's."""

SPACES: Mapping[str, tuple[float, float, float]] = {
    **dict.fromkeys(("left-posterior-superior", "lps"), (1.0, 1.0, 1.0)),
    **dict.fromkeys(("right-anterior-superior", "ras"), (-1.0, -1.0, 1.0)),
    **dict.fromkeys(("left-anterior-superior", "las"), (1.0, -1.0, 1.0)),
}
"""Sign of each coordinate of a space in LPS; a space names where its axes lead to."""

MM_OF_UNIT: Mapping[str, float] = {"mm": 1.0, "millimeter": 1.0, "cm": 10.0, "m": 1000.0, "um": 1e-3, "µm": 1e-3}

ENCODINGS: Mapping[str, str] = {
    "raw": "raw",
    "gz": "gzip",
    "gzip": "gzip",
    **dict.fromkeys(("txt", "text", "ascii"), "text"),
}

ENDIANS: Mapping[str, str] = {"little": "<", "big": ">"}

_VECTOR = re.compile(r"\(([^()]*)\)|(none)", re.IGNORECASE)
_QUOTED = re.compile(r'"([^"]*)"|(\S+)')


@dataclass(frozen=True, slots=True)
class NrrdHeader:
    """What the header of an NRRD file says.

    Attributes
    ----------
    path
        The file.
    fields
        ``field: value`` lines, names in lower case.
    pairs
        ``key:=value`` lines, as 3D Slicer describes segments.
    length
        Bytes of the header, the empty line included.
    """

    path: Path
    fields: Mapping[str, str]
    pairs: Mapping[str, str] = field(default_factory=dict)
    length: int = 0

    def need(self, name: str) -> str:
        """Value of a field that must be there."""
        if name not in self.fields:
            raise FormatError(f"{self.path}: no field {name!r} in its header; expected one")
        return self.fields[name]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Voxels along each axis, the fastest first."""
        sizes = self.integers("sizes", self.need("sizes"))
        dimension = self.integers("dimension", self.need("dimension"))
        if len(sizes) != dimension[0] or min(sizes) < 1:
            raise FormatError(f"{self.path}: sizes {sizes} of dimension {dimension[0]}; expected a positive count each")
        return sizes

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a voxel, byte order included."""
        found = TYPES.get(self.need("type").lower())
        if found is None:
            raise FormatError(f"{self.path}: type {self.fields['type']!r}; expected one of {', '.join(TYPES)}")
        if found.endswith("1") or self.encoding == "text":
            return np.dtype(found)
        order = ENDIANS.get(self.need("endian").lower())
        if order is None:
            raise FormatError(f"{self.path}: endian {self.fields['endian']!r}; expected little or big")
        return np.dtype(order + found)

    @property
    def encoding(self) -> str:
        """How the data are written: raw, gzip or text."""
        found = ENCODINGS.get(self.need("encoding").lower())
        if found is None:
            raise FormatError(
                f"{self.path}: encoding {self.fields['encoding']!r}; expected one of {', '.join(ENCODINGS)}"
            )
        return found

    def integers(self, name: str, text: str) -> tuple[int, ...]:
        """Whole numbers of a field, at least one."""
        try:
            numbers = tuple(int(word) for word in text.split())
        except ValueError:
            numbers = ()
        if not numbers:
            raise FormatError(f"{self.path}: {name} {text!r}; expected whole numbers")
        return numbers


def read_nrrd(path: str | Path) -> tuple[NDArray[Any], Geometry]:
    """Voxels (slice, row, column) in the file's type, and their grid.

    Encodings raw, gzip and text, spaces LPS, RAS and LAS, any unit of length. An axis of size 1 that has no
    direction in space is left out.

    Raises
    ------
    FormatError
        The file is not NRRD, is damaged, is not three-dimensional, or does not say where its voxels lie.
    FileNotFoundError
        There is no such file.
    """
    header = read_header(path)
    layers, geometry = read_layers(header)
    if len(layers) != 1:
        raise FormatError(f"{header.path}: {len(layers)} values a voxel; expected one, three axes in space alone")
    return layers[0], geometry


def read_layers(header: NrrdHeader) -> tuple[NDArray[Any], Geometry]:
    """Voxels (layer, slice, row, column) of a file that may have several values a voxel, and their grid.

    Raises
    ------
    FormatError
        As `read_nrrd`; or more than one axis has no direction in space.
    """
    vectors = axis_vectors(header)
    inner = [axis for axis, vector in enumerate(vectors) if vector is None and header.sizes[axis] != 1]
    spatial = [vector for vector in vectors if vector is not None]
    if len(spatial) != 3 or len(inner) > 1:
        others = [header.sizes[axis] for axis in inner]
        raise FormatError(
            f"{header.path}: {len(spatial)} axes in space and others of sizes {others}; expected three in space and "
            "at most one of several values a voxel"
        )
    shape = tuple(size for size, vector in zip(header.sizes, vectors, strict=True) if vector is not None)[::-1]
    geometry = grid(header, spatial, shape)
    values = read_values(header).reshape(header.sizes[::-1])
    # The file's axes stand the slowest first in `values`; the one of several values goes to the front.
    front = len(vectors) - 1 - inner[0] if inner else 0
    layers = np.moveaxis(values, front, 0) if inner else values
    return layers.reshape(-1, *shape), geometry


def read_header(path: str | Path) -> NrrdHeader:
    """Fields and pairs of a file's header.

    Raises
    ------
    FormatError
        The file does not begin with an NRRD header.
    """
    path = Path(path)
    with path.open("rb") as file:
        if not re.fullmatch(rb"NRRD000[1-5]", file.readline(100).strip()):
            raise FormatError(f"{path}: does not begin with NRRD0001 to NRRD0005; expected an NRRD file")
        fields: dict[str, str] = {}
        pairs: dict[str, str] = {}
        while line := file.readline(HEADER_LIMIT):
            if file.tell() > HEADER_LIMIT:
                raise FormatError(f"{path}: no empty line within {HEADER_LIMIT} bytes; expected the header to end")
            text = line.decode("utf-8", errors="replace").rstrip("\r\n")
            if not text:
                break
            _take_line(text, fields, pairs, path)
        return NrrdHeader(path, fields, pairs, file.tell())


def _take_line(text: str, fields: dict[str, str], pairs: dict[str, str], path: Path) -> None:
    if text.startswith("#"):
        return
    found = re.match(r"([^:]+)(:=|: ?)(.*)", text)
    if found is None:
        raise FormatError(f"{path}: header line {text[:60]!r}; expected 'field: value' or 'key:=value'")
    name, sign, value = found.groups()
    if sign == ":=":
        pairs[name] = value
    else:
        fields[name.strip().lower()] = value.strip()


def axis_vectors(header: NrrdHeader) -> list[Floats | None]:
    """Step along each axis in the file's own space, the fastest axis first; None for an axis outside of space."""
    text = header.need("space directions")
    vectors = [_vector(header, match.group(1)) for match in _VECTOR.finditer(text)]
    if len(vectors) != len(header.sizes):
        raise FormatError(
            f"{header.path}: space directions {text!r}; expected {len(header.sizes)}, each (x,y,z) or none"
        )
    return vectors


def grid(header: NrrdHeader, vectors: list[Floats], shape: tuple[int, ...]) -> Geometry:
    """Grid of three axes in space, the fastest first, in LPS mm; `shape` is (slice, row, column)."""
    signs = SPACES.get(header.need("space").lower())
    if signs is None:
        raise FormatError(
            f"{header.path}: space {header.fields['space']!r}; expected one of {', '.join(SPACES)}, so that it is "
            "known where the voxels lie"
        )
    origin = _vector(header, header.need("space origin").strip("() \t"))
    affine = np.eye(4)
    affine[:3, :] = np.stack([*reversed(vectors), origin], axis=1) * np.asarray(signs)[:, None]
    affine[:3, :] *= _unit_factors(header)[:, None]
    try:
        return Geometry.from_affine(affine, shape)
    except ValueError as error:
        raise FormatError(f"{header.path}: unusable geometry: {error}") from error


def _vector(header: NrrdHeader, text: str | None) -> Any:
    if text is None:
        return None
    try:
        numbers = np.array([float(number) for number in text.split(",")])
    except ValueError:
        numbers = np.array([])
    if numbers.shape != (3,):
        raise FormatError(f"{header.path}: vector ({text}); expected three numbers with commas")
    return numbers


def _unit_factors(header: NrrdHeader) -> Floats:
    """Millimetres of a unit along each axis of the space."""
    text = header.fields.get("space units")
    if text is None:
        return np.ones(3)
    units = [quoted or bare for quoted, bare in _QUOTED.findall(text)]
    if len(units) != 3 or not set(units) <= set(MM_OF_UNIT):
        raise FormatError(f"{header.path}: space units {text!r}; expected three of {', '.join(MM_OF_UNIT)}")
    return np.array([MM_OF_UNIT[unit] for unit in units])


def read_values(header: NrrdHeader) -> NDArray[Any]:
    """All values of a file in a row, in the machine's byte order.

    Raises
    ------
    FormatError
        There are fewer or more than the header says, or they are damaged.
    """
    count = int(np.prod(header.sizes, dtype=object))
    dtype, encoding = header.dtype, header.encoding
    if count * dtype.itemsize > DATA_LIMIT:
        raise FormatError(
            f"{header.path}: sizes {header.sizes} mean {count * dtype.itemsize / 2**30:.0f} GiB; expected at most "
            f"{DATA_LIMIT / 2**30:.0f} GiB, more than any CT has"
        )
    path, start = _data_file(header)
    with path.open("rb") as file:
        file.seek(start)
        for _ in range(_skip(header, "line skip")):
            if not file.readline(HEADER_LIMIT):
                break
        if encoding == "text":
            return _text_values(file, dtype, count, path)
        data = _data(file, count * dtype.itemsize, encoding, _skip(header, "byte skip"), path)
    values: NDArray[Any] = np.frombuffer(data, dtype, count)
    return values.astype(dtype.newbyteorder("="), copy=False)


def _data_file(header: NrrdHeader) -> tuple[Path, int]:
    """File that holds the data, and where they begin; beside the header or below it, nowhere else."""
    name = header.fields.get("data file", header.fields.get("datafile"))
    if name is None:
        return header.path, header.length
    folder = header.path.resolve().parent
    path = (folder / name).resolve()
    if name.startswith("LIST") or "%" in name:
        raise FormatError(f"{header.path}: data file {name!r} means several files; expected one")
    if not path.is_relative_to(folder):
        raise FormatError(f"{header.path}: data file {name!r} lies outside the folder of the header; put it beside it")
    if not path.is_file():
        raise FormatError(f"{header.path}: data file {name!r} is not there; expected it beside the header")
    return path, 0


def _skip(header: NrrdHeader, name: str) -> int:
    count = header.integers(name, header.fields.get(name, "0"))[0]
    if count < (-1 if name == "byte skip" else 0):
        raise FormatError(f"{header.path}: {name} {count}; expected a count")
    return count


def _data(file: IO[bytes], length: int, encoding: str, skip: int, path: Path) -> bytes | bytearray:
    start = file.tell()
    available = file.seek(0, 2) - start
    if skip == -1:
        if encoding != "raw":
            raise FormatError(f"{path}: byte skip -1 with compressed data; expected it with raw data alone")
        start, skip = start + max(available - length, 0), 0
        available = min(available, length)
    file.seek(start)
    if encoding == "raw":
        if available != length + skip:
            raise _wrong_length(path, available - skip, length)
        file.seek(skip, 1)
        return file.read(length)
    if length + skip > available * GREATEST_RATIO:
        raise _wrong_length(path, available, length, "compressed ")
    return _decompressed(file, length + skip, path)[skip:]


def _decompressed(file: IO[bytes], length: int, path: Path) -> bytearray:
    """Decompress, never more than a chunk beyond `length`."""
    stream = zlib.decompressobj(wbits=GZIP_WINDOW)
    data = bytearray()
    try:
        while not stream.eof and len(data) <= length and (compressed := stream.unconsumed_tail or file.read(CHUNK)):
            data += stream.decompress(compressed, CHUNK)
    except zlib.error as error:
        raise FormatError(f"{path}: damaged gzip data ({error})") from error
    if len(data) != length:
        raise _wrong_length(path, len(data), length)
    if not stream.eof:
        raise FormatError(f"{path}: gzip data without an end; the file is cut")
    return data


def _text_values(file: IO[bytes], dtype: np.dtype[Any], count: int, path: Path) -> NDArray[Any]:
    words = file.read().replace(b",", b" ").split()
    if len(words) != count:
        raise _wrong_length(path, len(words), count, unit="numbers")
    try:
        return np.array(words).astype(dtype)
    except (ValueError, OverflowError) as error:
        raise FormatError(f"{path}: text data that are not {dtype} ({error})") from error


def _wrong_length(path: Path, found: int, expected: int, kind: str = "", unit: str = "bytes") -> FormatError:
    more = "at least " if found > expected else ""
    return FormatError(f"{path}: {more}{found} {kind}{unit} of data, expected {expected} by its sizes and type")
