"""Frames read into one array: straight from the file where it is uncompressed, else through a codec or pydicom."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from hilum.errors import PixelError
from hilum.volume.codecs import CODECS, decode
from hilum.volume.encapsulated import read_encapsulated
from hilum.volume.frames import UNCOMPRESSED
from hilum.volume.rescale import clean_bits, rescale

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hilum.volume.frames import Frame

    Chunk = tuple[Sequence[Frame], NDArray[Any]]  # frames, and the (frame, row, column) array that their HU go to
    Jobs = Sequence[tuple[Frame, NDArray[Any]]]  # a frame, and the (row, column) array that its HU go to

DIRECT_BITS = frozenset({8, 16})
"""Words that are read without pydicom; wider or single-bit ones are rare."""

MAX_THREADS = 8
"""Reading is bound by memory beyond a few threads."""

CHUNKS_PER_THREAD = 8
"""Parts of the work a thread: enough that none waits long for the others."""


def read_frames(
    frames: Sequence[Frame],
    dtype: str,
    *,
    padding_hu: float | None = None,
    threads: int | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """HU of frames, (frame, row, column).

    Parameters
    ----------
    frames
        At least one, all of one size.
    dtype
        ``"int16"`` or ``"float32"``.
    padding_hu
        See `hilum.volume.rescale.rescale`.
    threads
        Threads that read and decode; one a processor core, at most `MAX_THREADS`, when absent.
    out
        Array that the HU are written into; a new one when absent.

    Raises
    ------
    PixelError
        Pixel data is absent, short or cannot be decoded, or its HU do not fit in `dtype`.
    ValueError
        `out` is not a writable array in C order of the frames' shape and `dtype`.
    """
    hu = _destination((len(frames), frames[0].form.rows, frames[0].form.columns), np.dtype(dtype), out)
    threads = threads or min(MAX_THREADS, len(os.sched_getaffinity(0)))
    size = ceil(len(frames) / (threads * CHUNKS_PER_THREAD))
    starts = range(0, len(frames), size)
    chunks: deque[Chunk] = deque((frames[start : start + size], hu[start : start + size]) for start in starts)
    # This thread works too: where others keep the cores busy, it need not wait for a helper to get its turn.
    with ThreadPoolExecutor(threads) as pool:
        others = [pool.submit(_read_chunks, chunks, padding_hu) for _ in range(min(threads, len(chunks)) - 1)]
        _read_chunks(chunks, padding_hu)
        for other in others:
            other.result()
    return hu


def _destination(shape: tuple[int, int, int], dtype: np.dtype[Any], out: NDArray[Any] | None) -> NDArray[Any]:
    if out is None:
        return np.empty(shape, dtype)
    if out.shape != shape or out.dtype != dtype or not (out.flags.c_contiguous and out.flags.writeable):
        raise ValueError(f"out: {out.dtype} of {out.shape}, expected a writable {dtype} of {shape} in C order")
    return out


def _read_chunks(chunks: deque[Chunk], padding_hu: float | None) -> None:
    """Take and read chunks until none is left; after an error nobody takes another."""
    try:
        while True:
            try:
                frames, out = chunks.popleft()
            except IndexError:
                return
            _read_chunk(frames, out, padding_hu)
    except PixelError:
        chunks.clear()
        raise


def _read_chunk(frames: Sequence[Frame], out: NDArray[Any], padding_hu: float | None) -> None:
    """Read frames, those of one form together."""
    start = 0
    for form, alike in groupby(frames, key=lambda frame: frame.form):
        stop = start + len(list(alike))
        if form.transfer_syntax_uid in UNCOMPRESSED and form.bits_allocated in DIRECT_BITS:
            _read_direct(frames[start:stop], out[start:stop], padding_hu)
        else:
            _read_encoded(frames[start:stop], out[start:stop], padding_hu)
        start = stop


def _read_direct(frames: Sequence[Frame], out: NDArray[Any], padding_hu: float | None) -> None:
    """Read words straight to where they belong where their size allows, and turn them into HU while they are cached."""
    word = np.dtype(f"<u{frames[0].form.bits_allocated // 8}")
    scratch = None if out.dtype.itemsize == word.itemsize else np.empty(out.shape[1:], word)
    for _, of_file in groupby(zip(frames, out, strict=True), key=lambda job: job[0].path):
        jobs = list(of_file)
        file = _open(jobs[0][0])
        try:
            for frame, hu in jobs:
                words = hu.view(word) if scratch is None else scratch
                _read_words(file, frame, words)
                rescale(clean_bits(words, frame.form), frame, hu, padding_hu)
        finally:
            os.close(file)


def _read_words(file: int, frame: Frame, words: NDArray[Any]) -> None:
    _check_length(frame)
    size = frame.form.size_bytes
    read = os.preadv(file, [words.data], frame.offset + frame.index * size)
    if read != size:
        raise PixelError(f"{frame.name}: file ends after {read} of {size} bytes of pixel data; get it again")


def _read_encoded(frames: Sequence[Frame], out: NDArray[Any], padding_hu: float | None) -> None:
    """Read frames file by file through a codec, or through pydicom."""
    for _, of_file in groupby(zip(frames, out, strict=True), key=lambda job: job[0].path):
        jobs = list(of_file)
        form = jobs[0][0].form
        if form.transfer_syntax_uid in CODECS and form.bits_allocated in DIRECT_BITS:
            _read_compressed(jobs, padding_hu)
        else:
            _read_with_pydicom(jobs, padding_hu)


def _read_compressed(jobs: Jobs, padding_hu: float | None) -> None:
    first = jobs[0][0]
    wanted = [frame.index for frame, _ in jobs]
    file = _open(first)
    try:
        encoded = read_encapsulated(file, first.offset, first.frame_count, wanted, first.path)
    finally:
        os.close(file)
    for (frame, out), data in zip(jobs, encoded, strict=True):
        rescale(clean_bits(decode(data, frame), frame.form), frame, out, padding_hu)


def _read_with_pydicom(jobs: Jobs, padding_hu: float | None) -> None:
    """Everything else: big endian, deflated, unusual word sizes and transfer syntaxes."""
    path = jobs[0][0].path
    os.close(_open(jobs[0][0]))
    try:
        stored = _decode_with_pydicom(path)
    except Exception as error:  # pydicom and its plugins raise whatever their decoders do
        raise PixelError(f"{path}: pixel data cannot be decoded ({error}); get the file again") from error
    for frame, out in jobs:
        values = stored[frame.index] if frame.frame_count > 1 else stored
        if values.shape != out.shape:
            raise PixelError(f"{frame.name}: decodes to {values.shape} values, expected {out.shape}")
        if values.dtype.kind in "iu":
            values = clean_bits(values.astype(f"u{values.dtype.itemsize}"), frame.form)
        rescale(values, frame, out, padding_hu)


def _decode_with_pydicom(path: str) -> NDArray[Any]:
    """Stored values of all frames of a file."""
    import pydicom
    from pydicom import uid

    dataset = pydicom.dcmread(path, force=True)
    if "TransferSyntaxUID" not in dataset.file_meta:
        is_implicit, is_little = dataset.original_encoding
        explicit = uid.ExplicitVRLittleEndian if is_little else uid.ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = uid.ImplicitVRLittleEndian if is_implicit else explicit
    stored: NDArray[Any] = dataset.pixel_array
    return stored


def _check_length(frame: Frame) -> None:
    expected = frame.form.size_bytes * frame.frame_count
    if frame.length < expected:
        raise PixelError(
            f"{frame.name}: {frame.length} bytes of pixel data; {frame.frame_count} frames of {frame.form.rows} x "
            f"{frame.form.columns} voxels of {frame.form.bits_allocated} bits need {expected}"
        )


def _open(frame: Frame) -> int:
    """Give the descriptor of a frame's file, which must be as it was when its header was read; to be closed."""
    try:
        file = os.open(frame.path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise PixelError(f"{frame.path}: cannot be opened ({error.strerror}); index its folder again") from error
    status = os.fstat(file)
    if (status.st_size, status.st_mtime_ns) != (frame.size_bytes, frame.modified_ns):
        os.close(file)
        raise PixelError(
            f"{frame.path}: changed since it was indexed (then {frame.size_bytes} bytes, now {status.st_size}, or "
            "another time of change); index its folder again"
        )
    return file
