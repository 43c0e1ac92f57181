"""Frames read into one array: straight from the file where it is uncompressed, else through a codec or pydicom."""

from __future__ import annotations

import os
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

CHUNKS_PER_THREAD = 4
"""Chunks each thread gets: enough that none waits long for the others."""


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
    size = ceil(len(frames) / (threads * CHUNKS_PER_THREAD))
    jobs = list(zip(frames, hu, strict=True))
    with ThreadPoolExecutor(threads) as pool:
        done = [pool.submit(_read_chunk, jobs[start : start + size], padding_hu) for start in range(0, len(jobs), size)]
        for future in done:
            future.result()
    return hu


def _read_chunk(jobs: Jobs, padding_hu: float | None) -> None:
    """Read frames file by file."""
    for path, of_path in groupby(jobs, key=lambda job: job[0].path):
        of_file = list(of_path)
        form = of_file[0][0].form
        if form.bits_allocated not in DIRECT_BITS:
            _read_with_pydicom(path, of_file, padding_hu)
        elif form.transfer_syntax_uid in UNCOMPRESSED:
            _read_direct(path, of_file, padding_hu)
        elif form.transfer_syntax_uid in CODECS:
            _read_compressed(path, of_file, padding_hu)
        else:
            _read_with_pydicom(path, of_file, padding_hu)


def _read_direct(path: str, jobs: Jobs, padding_hu: float | None) -> None:
    """Read words straight to where they belong where their size allows, and turn them into HU there."""
    with _opened(path) as file:
        for frame, out in jobs:
            _check_length(frame)
            size = frame.form.size_bytes
            in_place = out.dtype.itemsize == frame.form.bits_allocated // 8
            words = out.view("u2") if in_place else np.empty(out.shape, f"<u{frame.form.bits_allocated // 8}")
            read = os.preadv(file, [words.data], frame.offset + frame.index * size)
            if read != size:
                raise PixelError(f"{frame.name}: file ends after {read} of {size} bytes of pixel data; get it again")
            rescale(clean_bits(words, frame.form), frame, out, padding_hu)


def _read_compressed(path: str, jobs: Jobs, padding_hu: float | None) -> None:
    first = jobs[0][0]
    with _opened(path) as file:
        encoded = read_encapsulated(file, first.offset, first.frame_count, [frame.index for frame, _ in jobs], path)
    for (frame, out), data in zip(jobs, encoded, strict=True):
        rescale(clean_bits(decode(data, frame), frame.form), frame, out, padding_hu)


def _read_with_pydicom(path: str, jobs: Jobs, padding_hu: float | None) -> None:
    """Everything else: big endian, deflated, unusual word sizes and transfer syntaxes."""
    import pydicom

    try:
        stored = pydicom.dcmread(path, force=True).pixel_array
    except Exception as error:  # pydicom and its plugins raise whatever their decoders do
        raise PixelError(f"{path}: pixel data cannot be decoded ({error})") from error
    for frame, out in jobs:
        values = stored[frame.index] if frame.frame_count > 1 else stored
        if values.shape != out.shape:
            raise PixelError(f"{frame.name}: decodes to {values.shape} values, expected {out.shape}")
        rescale(values, frame, out, padding_hu)


def _check_length(frame: Frame) -> None:
    expected = frame.form.size_bytes * frame.frame_count
    if frame.length < expected:
        raise PixelError(
            f"{frame.name}: {frame.length} bytes of pixel data; {frame.frame_count} frames of {frame.form.rows} x "
            f"{frame.form.columns} voxels of {frame.form.bits_allocated} bits need {expected}"
        )


@contextmanager
def _opened(path: str) -> Iterator[int]:
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise PixelError(f"{path}: cannot be opened ({error.strerror}); index its folder again") from error
    try:
        yield file
    finally:
        os.close(file)
