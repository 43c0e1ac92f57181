"""Objects as files: as they are stored, or with their pixels decompressed where that is asked for."""

from __future__ import annotations

import os
from io import BytesIO
from itertools import chain
from typing import TYPE_CHECKING

from hilum.errors import PixelError
from hilum.index.header import MAGIC, PREAMBLE_BYTES
from hilum.serve.dicomweb.frames import EXPLICIT, NATIVE, frame_count
from hilum.serve.dicomweb.pixels import decoded_bytes
from hilum.serve.dicomweb.problem import NOT_ACCEPTABLE, ProblemError
from hilum.serve.streaming import OpenFile
from hilum.volume.codecs import CODECS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hilum.serve.dicomweb.found import FoundInstance

META_GROUP = b"\x02\x00"
"""Group of the first element of a file without preamble, as it lies there."""

AS_STORED = frozenset({"", "*"})
MAX_DECODED_BYTES = 1 << 30
"""Largest object that is decompressed: it is made in memory."""


def can_be_given_as(instance: FoundInstance, syntax: str) -> bool:
    """Whether an object can be given in a transfer syntax: that it has, or decompressed."""
    if syntax in AS_STORED or syntax == instance.transfer_syntax:
        return True
    if syntax != EXPLICIT:
        return False
    return instance.transfer_syntax in NATIVE or instance.transfer_syntax in CODECS


def as_transfer_syntax(instance: FoundInstance, syntax: str) -> tuple[str, int, Iterator[bytes]]:
    """Transfer syntax, length and pieces of the file of an object.

    Raises
    ------
    ProblemError
        404: the file is not there; 406: it cannot be decompressed.
    """
    beginning = _missing_beginning(instance)
    if beginning is not None and (syntax in AS_STORED or syntax == instance.transfer_syntax):
        file = OpenFile(instance.open())
        length = os.fstat(file.descriptor).st_size
        return instance.transfer_syntax, len(beginning) + length, chain([beginning], file.pieces(0, length))
    data = _decompressed_file(instance)
    return EXPLICIT, len(data), iter([data])


def _missing_beginning(instance: FoundInstance) -> bytes | None:
    """What a file lacks at its beginning to be one of PS3.10: mostly nothing; None if it has no file meta group."""
    file = instance.open()
    try:
        head = os.pread(file, PREAMBLE_BYTES + len(MAGIC), 0)
    finally:
        os.close(file)
    if head.endswith(MAGIC):
        return b""
    return bytes(PREAMBLE_BYTES) + MAGIC if head.startswith(META_GROUP) else None


def _decompressed_file(instance: FoundInstance) -> bytes:
    import pydicom

    values = instance.values
    size = (values.get("Rows") or 0) * (values.get("Columns") or 0) * (values.get("BitsAllocated") or 8) // 8
    if size * (values.get("SamplesPerPixel") or 1) * frame_count(instance) > MAX_DECODED_BYTES:
        raise ProblemError(NOT_ACCEPTABLE, "the object is too large to be decompressed; ask for it as it is stored")
    buffer = BytesIO()
    try:
        dataset = pydicom.dcmread(instance.path, force=True)
        if instance.transfer_syntax not in NATIVE:
            pixels = b"".join(decoded_bytes(instance, number + 1) for number in range(frame_count(instance)))
            dataset.PixelData = pixels + b"\0" * (len(pixels) % 2)
            dataset["PixelData"].VR = "OW" if (values.get("BitsAllocated") or 8) > 8 else "OB"
            dataset["PixelData"].is_undefined_length = False
            if dataset.get("SamplesPerPixel", 1) > 1:
                dataset.PhotometricInterpretation, dataset.PlanarConfiguration = "RGB", 0
        dataset.ensure_file_meta()
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        dataset.save_as(buffer, implicit_vr=False, little_endian=True, enforce_file_format=True)
    except PixelError as error:
        raise ProblemError(NOT_ACCEPTABLE, "the object cannot be decompressed; ask for it as it is stored") from error
    except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise ProblemError(NOT_ACCEPTABLE, "the object cannot be written anew; ask for it as it is stored") from error
    return buffer.getvalue()
