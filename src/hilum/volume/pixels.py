"""Frames read into one array: straight from the file where it is uncompressed, else through a codec or pydicom."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
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
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from hilum.volume.frames import Frame

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

    Raises
    ------
    PixelError
        Pixel data is absent, short or cannot be decoded, or its HU do not fit in `dtype`.
    """
    form = frames[0].form
    hu = np.empty((len(frames), form.rows, form.columns), dtype)
    threads = threads or min(MAX_THREADS, len(os.sched_getaffinity(0)))
    jobs = list(zip(frames, hu, strict=True))
    size = ceil(len(jobs) / (threads * CHUNKS_PER_THREAD))
    chunks: deque[Jobs] = deque(jobs[start : start + size] for start in range(0, len(jobs), size))
    # This thread works too: where others keep the cores busy, it need not wait for a helper to get its turn.
    with ThreadPoolExecutor(threads) as pool:
        helpers = [pool.submit(_read_chunks, chunks, padding_hu) for _ in range(min(threads, len(chunks)) - 1)]
        _read_chunks(chunks, padding_hu)
        for helper in helpers:
            helper.result()
    return hu


def _read_chunks(chunks: deque[Jobs], padding_hu: float | None) -> None:
    """Take and read chunks until none is left; after an error nobody takes another."""
    try:
        while True:
            try:
                chunk = chunks.popleft()
            except IndexError:
                return
            _read_chunk(chunk, padding_hu)
    except PixelError:
        chunks.clear()
        raise


def _read_chunk(jobs: Jobs, padding_hu: float | None) -> None:
    """Read frames file by file."""
    for _, of_file in groupby(jobs, key=lambda job: job[0].path):
        jobs_of_file = list(of_file)
        form = jobs_of_file[0][0].form
        if form.transfer_syntax_uid in UNCOMPRESSED and form.bits_allocated in DIRECT_BITS:
            _read_direct(jobs_of_file, padding_hu)
        elif form.transfer_syntax_uid in CODECS and form.bits_allocated in DIRECT_BITS:
            _read_compressed(jobs_of_file, padding_hu)
        else:
            _read_with_pydicom(jobs_of_file, padding_hu)


def _read_direct(jobs: Jobs, padding_hu: float | None) -> None:
    """Read words straight to where they belong where their size allows, and turn them into HU there."""
    with _opened(jobs[0][0]) as file:
        for frame, out in jobs:
            _check_length(frame)
            size = frame.form.size_bytes
            in_place = out.dtype.itemsize == frame.form.bits_allocated // 8
            words = out.view("u2") if in_place else np.empty(out.shape, f"<u{frame.form.bits_allocated // 8}")
            read = os.preadv(file, [words.data], frame.offset + frame.index * size)
            if read != size:
                raise PixelError(f"{frame.name}: file ends after {read} of {size} bytes of pixel data; get it again")
            rescale(clean_bits(words, frame.form), frame, out, padding_hu)


def _read_compressed(jobs: Jobs, padding_hu: float | None) -> None:
    first = jobs[0][0]
    wanted = [frame.index for frame, _ in jobs]
    with _opened(first) as file:
        encoded = read_encapsulated(file, first.offset, first.frame_count, wanted, first.path)
    for (frame, out), data in zip(jobs, encoded, strict=True):
        rescale(clean_bits(decode(data, frame), frame.form), frame, out, padding_hu)


def _read_with_pydicom(jobs: Jobs, padding_hu: float | None) -> None:
    """Everything else: big endian, deflated, unusual word sizes and transfer syntaxes."""
    path = jobs[0][0].path
    with _opened(jobs[0][0]):
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


@contextmanager
def _opened(frame: Frame) -> Iterator[int]:
    """Give the descriptor of a frame's file, which must be as it was when its header was read."""
    try:
        file = os.open(frame.path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise PixelError(f"{frame.path}: cannot be opened ({error.strerror}); index its folder again") from error
    try:
        status = os.fstat(file)
        if (status.st_size, status.st_mtime_ns) != (frame.size_bytes, frame.modified_ns):
            raise PixelError(
                f"{frame.path}: changed since it was indexed (then {frame.size_bytes} bytes, now {status.st_size}, or "
                "another time of change); index its folder again"
            )
        yield file
    finally:
        os.close(file)
